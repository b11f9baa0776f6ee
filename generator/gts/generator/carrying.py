"""What is found in a text, carried along when the text is changed: offsets are right because they are moved with their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gts.tasks.structures import Argument, Event, Relation, Span, Structure

Place = tuple[int, int]
T = TypeVar("T", Span, Relation, Event)


@dataclass(frozen=True, slots=True)
class Edit:
    """New words for a part of a text.

    Attributes:
        start: First character of the part.
        end: One past its last.
        words: What stands there afterwards.
    """

    start: int
    end: int
    words: str


def places_of(structure: Structure) -> set[Place]:
    """Start and end of all parts of the text that a structure names.

    Example:
        >>> places_of(Structure((Span(0, 3, "person"), Span(0, 3, "author"))))
        {(0, 3)}
    """
    return {(span.start, span.end) for span in structure.spans()}


def moved(structure: Structure, where: Callable[[int], int]) -> Structure:
    """A structure with every offset moved.

    Args:
        structure: The structure.
        where: New offset of each old one.

    Example:
        >>> moved(Structure((Span(0, 3, "person"),)), lambda at: at + 5).entities
        (Span(start=5, end=8, type='person'),)
    """

    def span(old: Span) -> Span:
        return Span(where(old.start), where(old.end), old.type)

    def event(old: Event) -> Event:
        parts = tuple(Argument(part.role, where(part.start), where(part.end)) for part in old.arguments)
        return Event(old.type, span(old.trigger), parts)

    return Structure(
        tuple(span(entity) for entity in structure.entities),
        tuple(Relation(found.type, span(found.head), span(found.tail)) for found in structure.relations),
        tuple(event(found) for found in structure.events),
    )


def edited(text: str, structure: Structure, edits: Sequence[Edit]) -> tuple[str, Structure]:
    """A text with new words in some parts, and its structure.

    Args:
        text: The text.
        structure: What is found in it.
        edits: The changes; they do not overlap, and no part of the structure begins or ends inside one.

    Example:
        >>> edited("Ada wrote", Structure((Span(0, 3, "person"),)), [Edit(0, 3, "Charles")])
        ('Charles wrote', Structure(entities=(Span(start=0, end=7, type='person'),), relations=(), events=()))
    """
    edits = sorted(edits, key=lambda edit: edit.start)
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.words]
        at = edit.end

    def where(offset: int) -> int:
        return offset + sum(len(edit.words) - (edit.end - edit.start) for edit in edits if edit.end <= offset)

    return "".join([*pieces, text[at:]]), moved(structure, where)


def inside(structure: Structure, start: int, end: int) -> Structure | None:
    """The structure of a piece of the text, its offsets counted from the piece; ``None`` where the cut would part something.

    Example:
        >>> ada, bob = Span(0, 3), Span(10, 13)
        >>> inside(Structure((ada, bob)), 10, 20)
        Structure(entities=(Span(start=0, end=3, type=''),), relations=(), events=())
        >>> inside(Structure((ada, bob), (Relation("knows", ada, bob),)), 10, 20) is None
        True
    """
    entities = _inside(structure.entities, start, end)
    relations = _inside(structure.relations, start, end)
    events = _inside(structure.events, start, end)
    if entities is None or relations is None or events is None:
        return None
    return moved(Structure(entities, relations, events), lambda at: at - start)


def _inside(things: Iterable[T], start: int, end: int) -> tuple[T, ...] | None:
    kept = []
    for thing in things:
        parts = list(_parts(thing))
        if all(start <= part.start and part.end <= end for part in parts):
            kept.append(thing)
        elif not all(part.end <= start or end <= part.start for part in parts):
            return None
    return tuple(kept)


def _parts(thing: Span | Relation | Event) -> Iterator[Span]:
    if isinstance(thing, Span):
        yield thing
    elif isinstance(thing, Relation):
        yield from (thing.head, thing.tail)
    else:
        yield thing.trigger
        yield from (Span(part.start, part.end) for part in thing.arguments)
