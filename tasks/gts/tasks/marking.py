r"""A notation for a text with what is found in it, which people read easily and language models imitate.

The first line is the text with its parts in brackets; a line for each relation and each event follows::

    [person#1: Ada Lovelace] wrote to [person#2: Babbage] from [place: London].
    knows: #1 -> #2

    [@1: He] was [@2: arrested] in [@3: Rome].
    arrest: @2 (who: @1, where: @3)

A bracket holds the type, then ``#`` and a number where a line refers to it or there is no type. With ``@`` for ``#`` it is no
entity, only part of a relation or an event. Brackets can be nested; parts that cross cannot be written. In the text a backslash
stands before ``[``, ``]`` and ``\``, and before white space with which a part begins or ends; a line end is written ``\n``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gts.tasks.notation import MarkingError, escaped, escaped_name
from gts.tasks.structures import Span, Structure
from gts.tasks.unmarking import parse_marked


def write_marked(text: str, structure: Structure) -> str:
    r"""A text with what is found in it, in the notation of this module.

    Raises:
        MarkingError: Two parts cross (see :func:`without_crossing`), one is empty or lies outside the text, or the name of a
            type begins or ends with white space.

    Example:
        >>> from gts.tasks.structures import Relation
        >>> ada, firm = Span(0, 3, "person"), Span(7, 10, "firm")
        >>> print(write_marked("Ada at ACM [UK]", Structure((ada, firm), (Relation("member of", ada, firm),))))
        [person#1: Ada] at [firm#2: ACM] \[UK\]
        member of: #1 -> #2
    """
    found = structure.ordered()
    marks = _marks(found)
    _check(text, marks, found)
    references = _References(found, marks)
    lines = [_bracketed(text, marks, references)]
    for relation in found.relations:
        ends = f"{references.of(relation.head)} -> {references.of(relation.tail)}"
        lines.append(f"{escaped_name(relation.type)}: {ends}")
    for event in found.events:
        arguments = ", ".join(
            f"{escaped_name(part.role)}: {references.at(part.start, part.end)}" for part in event.arguments
        )
        trigger = references.at(event.trigger.start, event.trigger.end)
        lines.append(f"{escaped_name(event.type)}: {trigger}" + (f" ({arguments})" if arguments else ""))
    return "\n".join(lines)


def read_marked(marked: str) -> tuple[str, Structure]:
    """The text and structure that :func:`write_marked` wrote, exactly, the structure in order.

    Raises:
        MarkingError: It is not in the notation.

    Example:
        >>> read_marked("[person: Ada] wrote")
        ('Ada wrote', Structure(entities=(Span(start=0, end=3, type='person'),), relations=(), events=()))
    """
    read = parse_marked(marked, None)
    return read.text, read.found


@dataclass(frozen=True, slots=True, order=True)
class _Mark:
    """A bracket to be written; sorted, outer ones come before inner ones."""

    start: int
    minus_end: int
    type: str
    is_mention: bool

    @property
    def end(self) -> int:
        return -self.minus_end


def _marks(found: Structure) -> list[_Mark]:
    entities = set(found.entities)
    marks = {_mark(span, entities) for span in (*entities, *_ends(found))}
    places = {(mark.start, mark.end) for mark in marks}
    marks |= {_mark(Span(*place), set()) for place in _places(found) if place not in places}
    return sorted(marks)


def _mark(span: Span, entities: AbstractSet[Span]) -> _Mark:
    return _Mark(span.start, -span.end, span.type, span not in entities)


def _ends(found: Structure) -> Iterator[Span]:
    return (end for relation in found.relations for end in (relation.head, relation.tail))


def _places(found: Structure) -> Iterator[tuple[int, int]]:
    for event in found.events:
        yield event.trigger.start, event.trigger.end
        yield from ((part.start, part.end) for part in event.arguments)


class _References:
    """What lines call the brackets; those that no line names have no number unless they have no type."""

    def __init__(self, found: Structure, marks: Sequence[_Mark]) -> None:
        self._entities = frozenset(found.entities)
        # Of several brackets around one place, the outermost stands for it.
        self._by_place = {(mark.start, mark.end): mark for mark in reversed(marks)}
        named = {_mark(span, self._entities) for span in _ends(found)}
        named |= {self._by_place[place] for place in _places(found)}
        numbered = (mark for mark in marks if mark in named or not mark.type)
        self._names = {
            mark: f"{'@' if mark.is_mention else '#'}{number}" for number, mark in enumerate(numbered, 1)
        }

    def in_bracket(self, mark: _Mark) -> str:
        return self._names.get(mark, "")

    def of(self, span: Span) -> str:
        return self._names[_mark(span, self._entities)]

    def at(self, start: int, end: int) -> str:
        return self._names[self._by_place[start, end]]


def _check(text: str, marks: Sequence[_Mark], found: Structure) -> None:
    for mark in marks:
        if not 0 <= mark.start < mark.end <= len(text):
            raise MarkingError(
                f"a part goes from {mark.start} to {mark.end} in a text of {len(text)} characters",
                mend="give parts that begin before they end, inside the text",
                kind="outside",
            )
    names = [mark.type for mark in marks if mark.type]
    names += [relation.type for relation in found.relations]
    for event in found.events:
        names += [event.type, *(part.role for part in event.arguments)]
    for name in names:
        if not name or name != name.strip():
            raise MarkingError(
                f"a type is named {name!r}; expected a name without white space around it",
                mend="rename the type",
                kind="name",
            )


def _bracketed(text: str, marks: Sequence[_Mark], references: _References) -> str:
    starts = {mark.start for mark in marks}
    ends = {mark.end for mark in marks}
    out: list[str] = []
    waiting = list(reversed(marks))
    is_open: list[_Mark] = []
    for i in range(len(text) + 1):
        while is_open and is_open[-1].end == i:
            is_open.pop()
            out.append("]")
        while waiting and waiting[-1].start == i:
            mark = waiting.pop()
            if is_open and is_open[-1].end < mark.end:
                other = is_open[-1]
                raise MarkingError(
                    f"{text[other.start : other.end]!r} and {text[i : mark.end]!r} cross",
                    mend="leave one of them out, as without_crossing does",
                    kind="crossing",
                )
            is_open.append(mark)
            out.append(f"[{escaped_name(mark.type)}{references.in_bracket(mark)}: ")
        if i < len(text):
            out.append(escaped(text[i], is_edge=i in starts or i + 1 in ends))
    return "".join(out)
