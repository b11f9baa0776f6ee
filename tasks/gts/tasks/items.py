"""A structure as a set of single findings, so that beliefs of several teachers can be weighed one against the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gts.tasks.structures import Argument, Event, Relation, Span, Structure

ENTITY, RELATION, TRIGGER, ARGUMENT = "entity", "relation", "trigger", "argument"

Place = tuple[int, int]


class Item(NamedTuple):
    """One finding.

    Attributes:
        kind: ``entity``, ``relation``, ``trigger`` or ``argument``.
        type: Its type; of an argument, that of its event.
        place: Start and end of the entity, the head, or the trigger.
        role: Of an argument.
        other: Start and end of the tail, or of the argument.
    """

    kind: str
    type: str
    place: Place
    role: str = ""
    other: Place | None = None


Beliefs = Mapping[Item, float]
"""What somebody finds in one text, with how sure they are, 0 to 1; what is not in it is not believed."""


def items_of(structure: Structure) -> frozenset[Item]:
    """The single findings of a structure; types of heads and tails are told by its entities only.

    Example:
        >>> sorted(items_of(Structure((Span(0, 3, "person"),))))
        [Item(kind='entity', type='person', place=(0, 3), role='', other=None)]
    """
    found = [Item(ENTITY, span.type, (span.start, span.end)) for span in structure.entities]
    for relation in structure.relations:
        places = ((span.start, span.end) for span in (relation.head, relation.tail))
        head, tail = places
        found.append(Item(RELATION, relation.type, head, "", tail))
    for event in structure.events:
        trigger = (event.trigger.start, event.trigger.end)
        found.append(Item(TRIGGER, event.type, trigger))
        found += [Item(ARGUMENT, event.type, trigger, a.role, (a.start, a.end)) for a in event.arguments]
    return frozenset(found)


def structure_of(items: Iterable[Item]) -> Structure:
    """The structure of single findings, ordered; arguments without their trigger are left out.

    Heads and tails get the type of the entity in their place, if exactly one type is there.

    Example:
        >>> found = Structure((Span(0, 3, "person"), Span(8, 9, "firm")), (Relation("owns", Span(0, 3, "person"), Span(8, 9, "firm")),))
        >>> structure_of(items_of(found)) == found
        True
    """
    found = set(items)
    entities = [Span(*item.place, item.type) for item in found if item.kind == ENTITY]
    types: dict[Place, set[str]] = {}
    for span in entities:
        types.setdefault((span.start, span.end), set()).add(span.type)

    def typed(place: Place) -> Span:
        known = types.get(place, set())
        return Span(*place, next(iter(known)) if len(known) == 1 else "")

    relations, events = [], []
    for item in found:
        if item.kind == RELATION and item.other is not None:
            relations.append(Relation(item.type, typed(item.place), typed(item.other)))
        elif item.kind == TRIGGER:
            arguments = tuple(
                Argument(part.role, *part.other)
                for part in found
                if part.kind == ARGUMENT
                and (part.type, part.place) == (item.type, item.place)
                and part.other is not None
            )
            events.append(Event(item.type, Span(*item.place), arguments))
    return Structure(tuple(entities), tuple(relations), tuple(events)).ordered()


def certain(structure: Structure) -> dict[Item, float]:
    """The beliefs of somebody who is sure."""
    return dict.fromkeys(items_of(structure), 1.0)


def decide(beliefs: Beliefs, thresholds: Mapping[str, float]) -> Structure:
    """The findings that are believed enough.

    Args:
        beliefs: What is believed.
        thresholds: Kind to the least belief; 0.5 where none is named.
    """
    return structure_of(item for item, belief in beliefs.items() if belief >= thresholds.get(item.kind, 0.5))
