"""What the span student looks for: a schema as typed spans and typed links, and beliefs to and from them.

ner       spans are entity types
relation  spans are entity types, links are relation types from head to tail; where entities are given, links only
event     spans are event types (of triggers) and roles (of arguments), links are roles from trigger to argument
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.core.errors import InvalidInput
from gts.tasks.items import ARGUMENT, ENTITY, RELATION, TRIGGER, Beliefs, Item, Place
from gts.tasks.rows import MarkedRow
from gts.tasks.schema import Schema


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text and what the student is to believe of it.

    Attributes:
        row: The text, and the entities given with it.
        beliefs: What is in it, 0 to 1; what is not named is not there.
        weight: How much it counts.
    """

    row: MarkedRow
    beliefs: Beliefs
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Labels:
    """The span types and link types of a task; a label is its position here.

    Attributes:
        spans: Kind (``entity``, ``trigger``, ``argument``) and type or role of each span label; empty where
            entities are given.
        links: Relation types, or roles.
        heads: For each link the span labels it may start from.
        tails: For each link the span labels it may lead to.
    """

    spans: tuple[tuple[str, str], ...]
    links: tuple[str, ...] = ()
    heads: tuple[tuple[int, ...], ...] = ()
    tails: tuple[tuple[int, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``{"spans", "links", "heads", "tails"}``."""
        return {
            "spans": [list(label) for label in self.spans],
            "links": list(self.links),
            "heads": [list(labels) for labels in self.heads],
            "tails": [list(labels) for labels in self.tails],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Labels:
        """What :meth:`to_json` wrote."""
        return cls(
            tuple((kind, name) for kind, name in value["spans"]),
            tuple(value["links"]),
            tuple(map(tuple, value["heads"])),
            tuple(map(tuple, value["tails"])),
        )


def labels_of(schema: Schema, given: bool = False) -> Labels:
    """The labels of a schema.

    Args:
        schema: What the task looks for.
        given: Whether entities come with the texts (relation tasks).

    Raises:
        InvalidInput: The schema is empty.

    Example:
        >>> labels_of(Schema(relations={"owns": {}})).spans
        (('entity', ''),)
    """
    if schema.events:
        types = [(TRIGGER, name) for name in schema.events]
        roles = tuple(dict.fromkeys(role for event in schema.events.values() for role in event.roles))
        heads = tuple(
            tuple(i for i, event in enumerate(schema.events.values()) if role in event.roles)
            for role in roles
        )
        tails = tuple((len(types) + i,) for i in range(len(roles)))
        return Labels((*types, *((ARGUMENT, role) for role in roles)), roles, heads, tails)
    if not schema.entities and not schema.relations:
        raise InvalidInput("a schema without entity, relation or event types", mend="name at least one")
    names = tuple(schema.entities) or ("",)
    spans = () if given else tuple((ENTITY, name) for name in names)
    ends = [
        tuple(_allowed(side, names, given) for side in (relation.head, relation.tail))
        for relation in schema.relations.values()
    ]
    return Labels(
        spans, tuple(schema.relations), tuple(end[0] for end in ends), tuple(end[1] for end in ends)
    )


def _allowed(wanted: Sequence[str], names: Sequence[str], given: bool) -> tuple[int, ...]:
    if given:
        return ()
    return tuple(i for i, name in enumerate(names) if not wanted or name in wanted or name == "")


Spans = dict[tuple[int, Place], float]
Links = dict[tuple[int, Place, Place], float]


def marks_of(labels: Labels, beliefs: Beliefs) -> tuple[Spans, Links]:
    """Beliefs as marks on the text: ``{(span label, place): belief}`` and ``{(link label, head, tail): belief}``.

    Where entities have no types, the ends of relations are entities. Of several items that make the same mark
    (an argument of two events) the greatest belief counts.

    Raises:
        InvalidInput: A type or role is not among the labels.
    """
    spans: Spans = {}
    links: Links = {}

    def mark(label: tuple[str, str], place: Place, belief: float) -> None:
        if labels.spans:
            key = (_position(labels.spans, label), place)
            spans[key] = max(belief, spans.get(key, 0.0))

    def link(name: str, head: Place, tail: Place, belief: float) -> None:
        key = (_position(labels.links, name), head, tail)
        links[key] = max(belief, links.get(key, 0.0))

    untyped = (ENTITY, "") in labels.spans
    for item, belief in beliefs.items():
        if item.kind == ENTITY:
            mark((ENTITY, "" if untyped else item.type), item.place, belief)
        elif item.kind == TRIGGER:
            mark((TRIGGER, item.type), item.place, belief)
        elif item.kind == RELATION and item.other is not None:
            link(item.type, item.place, item.other, belief)
            for place in (item.place, item.other) if untyped else ():
                mark((ENTITY, ""), place, belief)
        elif item.kind == ARGUMENT and item.other is not None:
            mark((ARGUMENT, item.role), item.other, belief)
            link(item.role, item.place, item.other, belief)
    return spans, links


def _position(known: Sequence[Any], wanted: Any) -> int:
    try:
        return known.index(wanted)
    except ValueError:
        raise InvalidInput(
            f"a lesson marks {wanted!r}, the task looks for {', '.join(map(repr, known)) or 'no such thing'}",
            mend="name every type and role in the task, or take it out of the lesson",
        ) from None


def beliefs_of(labels: Labels, spans: Spans, links: Links) -> dict[Item, float]:
    """Marks as beliefs: the reverse of :func:`marks_of`.

    A link is believed no more than the spans it needs. An argument is told of every event type that a trigger in
    its place may have.
    """
    beliefs: dict[Item, float] = {}
    for (label, place), belief in spans.items():
        kind, name = labels.spans[label]
        if kind != ARGUMENT:
            beliefs[Item(kind, name, place)] = belief
    for (label, head, tail), belief in links.items():
        name = labels.links[label]
        if not labels.spans:
            beliefs[Item(RELATION, name, head, "", tail)] = belief
            continue
        to = max((spans.get((end, tail), 0.0) for end in labels.tails[label]), default=0.0)
        for start in labels.heads[label]:
            kind, event = labels.spans[start]
            told = min(belief, to, spans.get((start, head), 0.0))
            key = (
                Item(ARGUMENT, event, head, name, tail)
                if kind == TRIGGER
                else Item(RELATION, name, head, "", tail)
            )
            if told > beliefs.get(key, 0.0):
                beliefs[key] = told
    return beliefs
