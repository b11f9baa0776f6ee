"""From a plain row of extraction to its text and what is marked in it, every span checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gts.tasks.cells import label_fault
from gts.tasks.intake.faults import Fault, Mended, around
from gts.tasks.intake.offsets import Mark, cuts_word, settled
from gts.tasks.limits import Limits
from gts.tasks.problems import Place
from gts.tasks.spec import label_name
from gts.tasks.structures import Argument, Event, Relation, Span
from gts.tasks.text import is_blank
from gts.tasks.wording import counted, quote

_STARTS, _ENDS = ("start", "start_offset", "begin"), ("end", "end_offset", "stop")
_TYPES = ("type", "label", "labels", "entity_type", "event_type", "relation")
_SURFACES = ("text", "surface", "mention", "word")
_HEADS, _TAILS = ("head_span", "head", "from_id", "from"), ("child_span", "tail", "to_id", "to")
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
_SPAN = '{"start": 0, "end": 3, "type": "person"}'


@dataclass(frozen=True, slots=True)
class Annotated:
    """A row of extraction as it was written, its spans checked.

    Attributes:
        place: Where it stands.
        text: The text, character for character.
        entities: Its entities; ``None`` where the row says nothing of them.
        relations: Its relations; heads and tails are among the entities where there are any.
        events: Its events.
    """

    place: Place
    text: str
    entities: tuple[Span, ...] | None = None
    relations: tuple[Relation, ...] | None = None
    events: tuple[Event, ...] | None = None


def marked_text(value: Any, limits: Limits) -> str:
    r"""The text of a row, unchanged: spans count its characters.

    Raises:
        Fault: It is none, is blank or too long, or holds what cannot be kept.

    Example:
        >>> marked_text(" Ada\r\n", Limits())
        ' Ada\r\n'
    """
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise Fault(f"the text is {quote(value)}; a string was expected", "put it into quotes")
    if not value.strip() or is_blank(value):
        raise Fault("empty text", "write a text or remove the row")
    if len(value) > limits.text_chars:
        raise Fault(
            f"a text of {counted(len(value), 'character')}; at most {limits.text_chars:,} are accepted",
            "cut it into passages, each with what is marked in it",
        )
    if found := _NO_CHARACTER.search(value):
        what = "a NUL" if found[0] == "\0" else "half of a surrogate pair, which is no character"
        raise Fault(
            f"character {found.start()} of the text is {what}: {around(value, *found.span())}",
            "remove it, and count the offsets behind it again",
        )
    return value


def annotated(
    row: Mapping[str, Any], text: str, place: Place, limits: Limits, mended: Mended, *, typed: bool = False
) -> Annotated:
    """Read and check what a row marks.

    Args:
        row: The plain row, its lists under ``entities``, ``relations`` and ``events``.
        text: Its text.
        place: Where it stands.
        limits: Bounds on the names of types.
        mended: Takes what was changed.
        typed: Whether each entity must have a type.

    Raises:
        Fault: A span, type or reference is wrong.

    Example:
        >>> row = {"entities": [[0, 3, "person"]], "relations": []}
        >>> annotated(row, "Ada wrote", Place("a.jsonl"), Limits(), Mended()).entities
        (Span(start=0, end=3, type='person'),)
    """
    reader = _Reader(limits)
    entities = _list(row, "entities")
    for number, value in enumerate(entities or (), start=1):
        reader.entity(value, number, typed=typed)
    relations = _list(row, "relations")
    for number, value in enumerate(relations or (), start=1):
        reader.relation(value, number, given=entities is not None)
    events = _list(row, "events")
    for number, value in enumerate(events or (), start=1):
        reader.event(value, number)
    marks, changes = settled(text, reader.marks)
    for change in changes:
        mended.add(change, place)
    if any(cuts_word(text, mark.start, mark.end) for mark in marks):
        mended.add("rows with a span that begins or ends inside a word", place)
    if len({event[:2] for event in reader.events}) < len(reader.events):
        mended.add("events of one type at one trigger put together", place)
    found = _Marked(text, [Span(mark.start, mark.end, mark.type) for mark in marks])
    return Annotated(
        place,
        text,
        None if entities is None else tuple(sorted({found.spans[index] for index in reader.entities})),
        None if relations is None else found.relations(reader, given=entities is not None),
        None if events is None else found.events(reader),
    )


def _list(row: Mapping[str, Any], key: str) -> Sequence[Any] | None:
    """A list of a row; a table's cell may hold it as JSON."""
    value = row.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Fault(
                f"{key} is {quote(value)}, which is not JSON", f"write a list such as [{_SPAN}]"
            ) from error
    if not isinstance(value, (list, tuple)):
        raise Fault(f"{key} is {quote(value)}; a list was expected", f"write a list such as [{_SPAN}]")
    return value


def _first(value: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


@dataclass
class _Reader:
    """Collects the marks of a row, whose offsets are judged together; all else refers to them by number."""

    limits: Limits
    marks: list[Mark] = field(default_factory=list)
    entities: list[int] = field(default_factory=list)
    ids: dict[Any, int] = field(default_factory=dict)
    relations: list[tuple[str, int, int]] = field(default_factory=list)
    events: list[tuple[str, int, list[tuple[str, int]]]] = field(default_factory=list)

    def entity(self, value: Any, number: int, *, typed: bool) -> None:
        """Take the entity of a row that is the ``number``-th."""
        self.entities.append(self._mark(value, f"entity {number}"))
        if typed and not self.marks[-1].type:
            raise Fault(f"entity {number} has no type", f'write {_SPAN} or [0, 3, "person"]')
        if isinstance(value, Mapping) and isinstance(value.get("id"), (str, int)):
            self.ids.setdefault(value["id"], self.entities[-1])

    def relation(self, value: Any, number: int, *, given: bool) -> None:
        """Take a relation."""
        what = f"relation {number}"
        if not isinstance(value, Mapping):
            example = '{"type": "works for", "head": {"start": 0, "end": 3}, "tail": {"start": 8, "end": 12}}'
            raise Fault(f"{what} is {quote(value)}; an object was expected", f"write {example}")
        kind = self._required_type(value, what)
        head, tail = (
            self._end(_first(value, keys), f"the {name} of {what} {quote(kind)}", given=given)
            for name, keys in (("head", _HEADS), ("tail", _TAILS))
        )
        self.relations.append((kind, head, tail))

    def event(self, value: Any, number: int) -> None:
        """Take an event."""
        what = f"event {number}"
        if not isinstance(value, Mapping):
            example = '{"type": "attack", "trigger": {"start": 0, "end": 3}, "arguments": []}'
            raise Fault(f"{what} is {quote(value)}; an object was expected", f"write {example}")
        kind = self._required_type(value, what)
        trigger = self._mark(value.get("trigger"), f"the trigger of {what} {quote(kind)}", typed=False)
        arguments = []
        for position, part in enumerate(_list(value, "arguments") or (), start=1):
            name = f"argument {position} of {what} {quote(kind)}"
            role = self._name(part.get("role") if isinstance(part, Mapping) else None, name)
            if not role:
                raise Fault(f"{name} has no role", 'write {"role": "place", "start": 0, "end": 3}')
            arguments.append((role, self._mark(part, f"{name} (role {quote(role)})", typed=False)))
        self.events.append((kind, trigger, arguments))

    def _end(self, value: Any, what: str, *, given: bool) -> int:
        """A head or tail: a span, or the id or number of an entity."""
        if isinstance(value, (list, tuple, Mapping)):
            return self._mark(value, what)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            if value in self.ids:
                return self.ids[value]
            if given and not self.ids and isinstance(value, int) and 0 <= value < len(self.entities):
                return self.entities[value]
            known = "by their id" if self.ids else f"0 to {len(self.entities) - 1}"
            raise Fault(
                f"{what} is {quote(value)}, but the row has no such entity "
                f"({counted(len(self.entities), 'entity').replace('entitys', 'entities')})",
                f"name one of the row's entities {known}" if self.entities else "give the row its entities",
            )
        raise Fault(f"{what} is {quote(value)}; a span was expected", 'write {"start": 0, "end": 3}')

    def _mark(self, value: Any, what: str, *, typed: bool = True) -> int:
        if isinstance(value, Mapping):
            kind = self._name(_first(value, _TYPES), what) if typed else ""
            surface = _first(value, _SURFACES)
            start, end = _first(value, _STARTS), _first(value, _ENDS)
            surface = surface if isinstance(surface, str) else None
        elif isinstance(value, (list, tuple)) and 2 <= len(value) <= 3:
            start, end, kind, surface = value[0], value[1], "", None
            if typed and len(value) == 3:
                kind = self._name(value[2], what)
        else:
            raise Fault(
                f"{what} is {quote(value)}; a span was expected", f'write {_SPAN} or [0, 3, "person"]'
            )
        named = f"{what} {quote(kind)}" if kind and what.startswith("entity") else what
        places = []
        for name, given in (("start", start), ("end", end)):
            if isinstance(given, float) and given.is_integer():
                given = int(given)  # a column of a table that had gaps
            if not isinstance(given, int) or isinstance(given, bool):
                raise Fault(
                    f"the {name} of {named} is {'missing' if given is None else quote(given)}; "
                    "a whole number was expected",
                    "give start and end as numbers of characters, counted from 0",
                )
            places.append(given)
        self.marks.append(Mark(named, places[0], places[1], kind, surface))
        return len(self.marks) - 1

    def _required_type(self, value: Mapping[str, Any], what: str) -> str:
        kind = self._name(_first(value, _TYPES), what)
        if not kind:
            raise Fault(f"{what} has no type", 'give it one: {"type": "...", ...}')
        return kind

    def _name(self, value: Any, what: str) -> str:
        """The name of a type or role; empty where there is none."""
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if value is None:
            return ""
        if not isinstance(value, (str, int, float)):
            raise Fault(f"the type of {what} is {quote(value)}; a name was expected", "write one short name")
        name = label_name(value).strip()
        if name and (wrong := label_fault(name, self.limits)):
            raise Fault(f"the type {quote(name)} of {what} {wrong}", "give it a short visible name")
        return name


@dataclass
class _Marked:
    """Puts relations and events together again, their spans now right."""

    text: str
    spans: list[Span]

    def relations(self, reader: _Reader, *, given: bool) -> tuple[Relation, ...]:
        """The relations of the row."""
        known = [self.spans[index] for index in reader.entities]
        found = []
        for number, (kind, head, tail) in enumerate(reader.relations, start=1):
            what = f"relation {number} {quote(kind)}"
            ends = [self.spans[head], self.spans[tail]]
            if given:
                ends = [
                    self._known(end, f"the {name} of {what}", known)
                    for name, end in zip(("head", "tail"), ends, strict=True)
                ]
            if (ends[0].start, ends[0].end) == (ends[1].start, ends[1].end):
                raise Fault(
                    f"{what} leads from {_shown(self.text, ends[0])} to itself",
                    "give it a head and a tail that differ",
                )
            found.append(Relation(kind, ends[0], ends[1]))
        return tuple(sorted(set(found)))

    def _known(self, end: Span, what: str, known: Sequence[Span]) -> Span:
        """The entity of the row that a head or tail means."""
        here = [span for span in known if (span.start, span.end) == (end.start, end.end)]
        if not here:
            near = min(
                known, key=lambda span: abs(span.start - end.start) + abs(span.end - end.end), default=None
            )
            raise Fault(
                f"{what} is {_shown(self.text, end)}, which is not among the entities of the row",
                "add it to the entities" + (f"; the nearest is {_shown(self.text, near)}" if near else ""),
            )
        if not end.type:
            return here[0] if len(here) == 1 else end
        if end not in here:
            raise Fault(
                f"{what} is {_shown(self.text, end)} of type {quote(end.type)}, but there the row has an entity "
                f"of type {quote(here[0].type)}",
                "give both the same type",
            )
        return end

    def events(self, reader: _Reader) -> tuple[Event, ...]:
        """The events of the row; two of one type at one trigger are one event with the arguments of both."""
        found: dict[tuple[str, Span], set[Argument]] = {}
        for kind, trigger, arguments in reader.events:
            parts = found.setdefault((kind, self.spans[trigger]), set())
            parts.update(
                Argument(role, self.spans[part].start, self.spans[part].end) for role, part in arguments
            )
        return tuple(
            sorted(Event(kind, trigger, tuple(sorted(parts))) for (kind, trigger), parts in found.items())
        )


def _shown(text: str, span: Span) -> str:
    return f"{span.start}-{span.end} {around(text, span.start, span.end)}"
