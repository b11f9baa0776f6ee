"""What a span student is asked and answers, as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from gts.core.errors import InvalidInput
from gts.student.asked import asked_string, row_fault
from gts.tasks.items import ARGUMENT, ENTITY, RELATION, TRIGGER, Beliefs, Item, Place
from gts.tasks.limits import DEFAULT_LIMITS
from gts.tasks.rows import MarkedRow
from gts.tasks.spec import TaskType
from gts.tasks.structures import Argument, Event, Relation, Span, Structure
from gts.tasks.wording import quote

MOST_GIVEN = DEFAULT_LIMITS.given_entities
"""Most entities that a row may come with: every pair of them is scored, so the cost grows with their square."""
MOST_ENTITY_CHARS = 1_000
"""Longest entity that a row may come with: the answer tells its words again, in each of its relations."""
_MOST_TYPE_CHARS = 200


def rows_of(rows: Sequence[Mapping[str, Any]], given: bool) -> list[MarkedRow]:
    """Rows to be read.

    Args:
        rows: ``{"text"}``, with ``"entities": [{"start", "end", "type"?}]`` where those are given, at most :data:`MOST_GIVEN` and
            none longer than :data:`MOST_ENTITY_CHARS`; other keys are passed over.
        given: Whether entities come with the texts.

    Raises:
        InvalidInput: A row is not of this form; the message names it, the first being ``rows[0]``.

    Example:
        >>> rows_of([{"text": "Ada wrote", "entities": [{"start": 0, "end": 3}]}], given=True)[0].given
        (Span(start=0, end=3, type=''),)
    """
    if isinstance(rows, str | Mapping) or not isinstance(rows, Sequence):
        raise InvalidInput(
            f"{quote(rows)} was given where a list of rows was expected", mend='write [{"text": "..."}]'
        )
    return [_row(number, row, given) for number, row in enumerate(rows)]


def _row(number: int, row: Mapping[str, Any], given: bool) -> MarkedRow:
    text = asked_string(number, row, "text", '{"text": "..."}')
    return MarkedRow(text, given=tuple(_given(f"rows[{number}]", row, text)) if given else ())


def _given(name: str, row: Mapping[str, Any], text: str) -> Iterator[Span]:
    entities = row.get("entities")
    if isinstance(entities, str | Mapping) or not isinstance(entities, Sequence):
        what = f'has the "entities" {quote(entities)}' if "entities" in row else 'has no "entities"'
        wanted = (
            'a list such as [{"start": 0, "end": 3}], as this student tells relations between given entities'
        )
        raise row_fault(name, what, wanted)
    if len(entities) > MOST_GIVEN:
        raise row_fault(
            name,
            f"has {len(entities):,} entities",
            f"a list of at most {MOST_GIVEN}",
            "split its text into several rows",
        )
    for number, entity in enumerate(entities):
        yield _span(f"{name}.entities[{number}]", entity, text)


def _span(name: str, value: object, text: str) -> Span:
    if not isinstance(value, Mapping):
        raise row_fault(
            name, f"is {quote(value)}", 'an object such as {"start": 0, "end": 3, "type": "person"}'
        )
    start, end, kind = (value.get(key) for key in ("start", "end", "type"))
    if not (_is_offset(start) and _is_offset(end)):
        what = f"goes from {quote(start)} to {quote(end)}"
        raise row_fault(name, what, 'whole numbers of characters under "start" and "end"')
    if not 0 <= start < end <= len(text):
        what = f"goes from {quote(start)} to {quote(end)} in a text of {len(text)} characters"
        raise row_fault(
            name, what, "a start of 0 or more and an end beyond it, no greater than the text is long"
        )
    if end - start > MOST_ENTITY_CHARS:
        raise row_fault(
            name, f"has {end - start:,} characters", f"an entity of at most {MOST_ENTITY_CHARS:,}"
        )
    if not isinstance(kind, str | None):
        raise row_fault(name, f'has the "type" {quote(kind)}', "a string or nothing")
    if kind and len(kind) > _MOST_TYPE_CHARS:
        what = f'has a "type" of {len(kind):,} characters'
        raise row_fault(name, what, f"a name of at most {_MOST_TYPE_CHARS}")
    return Span(start, end, kind or "")


def _is_offset(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def answer_of(task_type: TaskType, text: str, beliefs: Beliefs, found: Structure) -> dict[str, Any]:
    """What was found in a text, each thing with its surface form and how sure the student is of it.

    Args:
        task_type: ``ner``, ``relation`` or ``event``.
        text: The text.
        beliefs: What is believed of it.
        found: What of that is told.

    Returns:
        ``{"entities"}``, ``{"entities", "relations"}`` or ``{"events"}``.

    Example:
        >>> ada = Span(0, 3, "person")
        >>> answer_of("ner", "Ada wrote", {Item(ENTITY, "person", (0, 3)): 0.9}, Structure((ada,)))
        {'entities': [{'start': 0, 'end': 3, 'type': 'person', 'text': 'Ada', 'score': 0.9}]}
    """
    if task_type == "event":
        return {"events": [_event(event, text, beliefs) for event in found.events]}
    entities = [
        _told(span, text) | {"score": beliefs[Item(ENTITY, span.type, _place(span))]}
        for span in found.entities
    ]
    if task_type == "ner":
        return {"entities": entities}
    return {"entities": entities, "relations": [_relation(one, text, beliefs) for one in found.relations]}


def _relation(relation: Relation, text: str, beliefs: Beliefs) -> dict[str, Any]:
    head, tail = relation.head, relation.tail
    return {
        "type": relation.type,
        "score": beliefs[Item(RELATION, relation.type, _place(head), "", _place(tail))],
        "head": _told(head, text),
        "tail": _told(tail, text),
    }


def _event(event: Event, text: str, beliefs: Beliefs) -> dict[str, Any]:
    trigger = _place(event.trigger)
    arguments = [_argument(part, event.type, trigger, text, beliefs) for part in event.arguments]
    return {
        "type": event.type,
        "score": beliefs[Item(TRIGGER, event.type, trigger)],
        "trigger": _told(event.trigger, text),
        "arguments": arguments,
    }


def _argument(argument: Argument, event: str, trigger: Place, text: str, beliefs: Beliefs) -> dict[str, Any]:
    span = Span(argument.start, argument.end)
    score = beliefs[Item(ARGUMENT, event, trigger, argument.role, _place(span))]
    return {"role": argument.role} | _told(span, text) | {"score": score}


def _told(span: Span, text: str) -> dict[str, Any]:
    return span.to_json() | {"text": span.of(text)}


def _place(span: Span) -> Place:
    return span.start, span.end
