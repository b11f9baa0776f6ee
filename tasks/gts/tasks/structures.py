"""What extraction finds in a text: spans, relations between two of them, and events with their arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of a text.

    Attributes:
        start: First character (code point, as Python counts).
        end: One past the last.
        type: Entity type; empty where entities have none.

    Example:
        >>> Span(0, 3, "name").of("Ada wrote")
        'Ada'
    """

    start: int
    end: int
    type: str = ""

    def of(self, text: str) -> str:
        """The surface form."""
        return text[self.start : self.end]

    def to_json(self) -> dict[str, Any]:
        """``{"start", "end"}``, and ``"type"`` where it has one."""
        place: dict[str, Any] = {"start": self.start, "end": self.end}
        return place | ({"type": self.type} if self.type else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Span:
        """What :meth:`to_json` wrote."""
        return cls(value["start"], value["end"], value.get("type", ""))


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A relation that holds from one entity to another.

    Attributes:
        type: Relation type.
        head: Where it starts.
        tail: Where it leads.
    """

    type: str
    head: Span
    tail: Span

    def to_json(self) -> dict[str, Any]:
        """``{"type", "head", "tail"}``."""
        return {"type": self.type, "head": self.head.to_json(), "tail": self.tail.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Relation:
        """What :meth:`to_json` wrote."""
        return cls(value["type"], Span.from_json(value["head"]), Span.from_json(value["tail"]))


@dataclass(frozen=True, slots=True, order=True)
class Argument:
    """Who or what takes part in an event.

    Attributes:
        role: The part it plays.
        start: First character.
        end: One past the last.
    """

    role: str
    start: int
    end: int

    def to_json(self) -> dict[str, Any]:
        """``{"role", "start", "end"}``."""
        return {"role": self.role, "start": self.start, "end": self.end}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Argument:
        """What :meth:`to_json` wrote."""
        return cls(value["role"], value["start"], value["end"])


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happens.

    Attributes:
        type: Event type.
        trigger: The words that say so; without a type of their own.
        arguments: Who and what takes part, in order of their place.
    """

    type: str
    trigger: Span
    arguments: tuple[Argument, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``{"type", "trigger", "arguments"}``."""
        arguments = [argument.to_json() for argument in self.arguments]
        return {"type": self.type, "trigger": self.trigger.to_json(), "arguments": arguments}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        """What :meth:`to_json` wrote."""
        arguments = tuple(Argument.from_json(argument) for argument in value["arguments"])
        return cls(value["type"], Span.from_json(value["trigger"]), arguments)


@dataclass(frozen=True, slots=True)
class Structure:
    """Everything found in one text; a task of one type fills only its own fields.

    Attributes:
        entities: Entities, in order of their place.
        relations: Relations; their heads and tails are among the entities where those have been found or given.
        events: Events.

    Example:
        >>> found = Structure((Span(0, 3, "person"),))
        >>> Structure.from_json(found.to_json()) == found
        True
    """

    entities: tuple[Span, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[Event, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entities or self.relations or self.events)

    def spans(self) -> Iterator[Span]:
        """Every part of the text that it names, with repetition; arguments carry their role as type."""
        yield from self.entities
        for relation in self.relations:
            yield relation.head
            yield relation.tail
        for event in self.events:
            yield event.trigger
            yield from (Span(part.start, part.end, part.role) for part in event.arguments)

    def ordered(self) -> Structure:
        """The same, each thing once and in order of its place, so that equal findings are equal values."""
        events = (
            Event(event.type, event.trigger, tuple(sorted(set(event.arguments), key=_argument_place)))
            for event in self.events
        )
        return Structure(
            tuple(sorted(set(self.entities))),
            tuple(sorted(set(self.relations), key=lambda found: (found.head, found.tail, found.type))),
            tuple(sorted(set(events), key=lambda found: (found.trigger, found.type, found.arguments))),
        )

    def to_json(self) -> dict[str, Any]:
        """``{"entities", "relations", "events"}``, the empty ones left out."""
        fields = {
            "entities": [entity.to_json() for entity in self.entities],
            "relations": [relation.to_json() for relation in self.relations],
            "events": [event.to_json() for event in self.events],
        }
        return {name: found for name, found in fields.items() if found}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Structure:
        """What :meth:`to_json` wrote."""
        return cls(
            tuple(Span.from_json(row) for row in value.get("entities", ())),
            tuple(Relation.from_json(row) for row in value.get("relations", ())),
            tuple(Event.from_json(row) for row in value.get("events", ())),
        )


def _argument_place(argument: Argument) -> tuple[int, int, str]:
    return argument.start, argument.end, argument.role
