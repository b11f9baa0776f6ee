"""Reading texts in the notation of :mod:`gts.tasks.marking`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gts.tasks.conforming import allows, matching_name
from gts.tasks.notation import MarkingError, meant, plain_name
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

_NAME = r"(?P<name>(?:[^\\#@:：\[\]\n]|\\.)*+)"
_NUMBER = r"[#@]\s*+(?P<{}>\d{{1,6}})"
_HEAD = re.compile(rf"\[{_NAME}(?:(?P<sign>[#@])\s*+(?P<number>\d{{0,6}})\s*+)?[:：]")
_LINE = re.compile(
    rf"{_NAME}[:：]\s*+{_NUMBER.format('first')}\s*+"
    rf"(?:(?:-+>|=>|→)\s*+{_NUMBER.format('tail')}|[(（](?P<arguments>.*)[)）])?\s*+"
)
# One role may stand before several numbers.
_ARGUMENT = re.compile(rf"(?:{_NAME}[:：])?\s*+{_NUMBER.format('part')}\s*+(?:[,，、;；]|\Z)")


@dataclass(frozen=True)
class Marked:
    """What was read.

    Attributes:
        text: The text.
        found: What is marked in it, in order.
        dropped: How often something was left out, by why: ``unknown type`` (also what refers to such a part, or another
            role), ``not allowed`` (a relation between entities of the wrong types), ``empty`` and ``unused`` parts.
    """

    text: str
    found: Structure
    dropped: Mapping[str, int]


def parse_marked(marked: str, schema: Schema | None) -> Marked:
    """What somebody else wrote in the notation.

    Takes more white space than needed, full-width colons and commas, other cases of the types' names, and brackets of the
    text itself that nobody escaped. What a schema does not know is left out and counted; its surface stays in the text.

    Args:
        marked: The text in the first line, relations and events in the others.
        schema: What there is to be found; ``None`` takes every type.

    Raises:
        MarkingError: A bracket is not closed, or none was open; a line is neither a relation nor an event, or refers to a
            number that no bracket has.

    Example:
        >>> read = parse_marked("[ Person: Ada ] wrote in [year: 1843]", Schema(entities={"person": ""}))
        >>> read.text, read.found.entities, read.dropped
        ('Ada wrote in 1843', (Span(start=0, end=3, type='person'),), {'unknown type': 1})
    """
    first, *others = marked.split("\n")
    text, parts = _parts(first.removesuffix("\r"))
    return _Reader(schema, parts).read(text, [line for line in others if line.strip()])


def is_statement(line: str) -> bool:
    """Whether a line says a relation or an event, so that it belongs to the text before it.

    Example:
        >>> is_statement("knows: #1 -> #2"), is_statement("[person#1: Ada] wrote: #2"), is_statement("Note: two")
        (True, False, False)
    """
    return _LINE.fullmatch(line) is not None


@dataclass(frozen=True, slots=True)
class _Part:
    """A bracket that was read."""

    start: int
    end: int
    type: str
    is_mention: bool
    number: int | None

    @property
    def span(self) -> Span:
        return Span(self.start, self.end, self.type)


def _parts(line: str) -> tuple[str, list[_Part]]:
    """The text of a line, and its brackets."""
    out: list[str] = []
    solid = 0  # white space after this many characters would be outer white space of a part
    is_open: list[tuple[int, re.Match[str]] | None] = []
    parts: list[_Part] = []
    i = 0
    while i < len(line):
        char = line[i]
        head = _HEAD.match(line, i) if char == "[" else None
        if head is not None:
            is_open.append((len(out), head))
            solid = len(out)
            i = head.end()
            while i < len(line) and line[i].isspace():
                i += 1
            continue
        i += 1
        if char == "]" and not is_open:
            raise _malformed(f"a bracket closes before {line[i : i + 20]!r} and none is open", "unopened")
        if char == "]" and (opened := is_open.pop()) is not None:
            del out[solid:]
            parts.append(_part(opened, len(out)))
            solid = len(out)
            continue
        if char == "[":
            is_open.append(None)
        if char == "\\" and i < len(line) and (char_meant := meant(line[i])) is not None:
            out.append(char_meant)
            solid = len(out)
            i += 1
            continue
        out.append(char)
        if not char.isspace():
            solid = len(out)
    if any(opened is not None for opened in is_open):
        raise _malformed("a bracket does not close before the line ends", "unclosed")
    return "".join(out), parts


def _part(opened: tuple[int, re.Match[str]], end: int) -> _Part:
    start, head = opened
    number = int(head["number"]) if head["number"] else None
    return _Part(start, end, plain_name(head["name"]), head["sign"] == "@", number)


class _Reader:
    """Puts a structure together from brackets and lines."""

    def __init__(self, schema: Schema | None, parts: Sequence[_Part]) -> None:
        self._schema = schema
        self._dropped: Counter[str] = Counter()
        self._parts: dict[int, _Part | None] = {}
        self._entities: list[Span] = []
        for part in sorted(parts, key=lambda part: (part.start, -part.end)):
            known = self._known(part)
            if known is not None and not known.is_mention:
                self._entities.append(known.span)
            if part.number is not None:
                # A part that is numbered again is the same thing said again; the first stands for it.
                self._parts.setdefault(part.number, known)
        self._mentions = {
            number for number, part in self._parts.items() if part is not None and part.is_mention
        }

    def read(self, text: str, lines: Sequence[str]) -> Marked:
        relations: list[Relation] = []
        events: list[Event] = []
        for line in lines:
            found = _LINE.fullmatch(line)
            if found is None or not found["name"].strip():
                raise _malformed(f"{line!r} is neither a relation nor an event", "line")
            first = self._part(found["first"])
            if found["tail"] is None:
                arguments = list(self._arguments(found["arguments"] or "", line))
                events += self._event(plain_name(found["name"]), first, arguments)
            else:
                relations += self._relation(plain_name(found["name"]), first, self._part(found["tail"]))
        if self._mentions:
            self._dropped["unused"] += len(self._mentions)
        found_ = Structure(tuple(self._entities), tuple(relations), tuple(events)).ordered()
        return Marked(text, found_, dict(self._dropped))

    def _known(self, part: _Part) -> _Part | None:
        """The part with its type as the schema writes it."""
        if part.start == part.end:
            self._dropped["empty"] += 1
            return None
        if self._schema is None or (part.is_mention and not part.type):
            return part
        types = self._schema.entities
        type_ = matching_name(part.type, types if types or part.type else [""])
        if type_ is None:
            self._dropped["unknown type"] += 1
            return None
        return _Part(part.start, part.end, type_, part.is_mention, part.number)

    def _part(self, number: str) -> _Part | None:
        if int(number) not in self._parts:
            raise _malformed(f"no bracket has the number {number}", "number")
        self._mentions.discard(int(number))
        return self._parts[int(number)]

    def _arguments(self, written: str, line: str) -> Iterator[tuple[str, _Part | None]]:
        role, place = "", 0
        while place < len(written.rstrip()):
            found = _ARGUMENT.match(written, place)
            role = role if found is None or found["name"] is None else plain_name(found["name"])
            if found is None or not role:
                raise _malformed(f"the arguments of {line!r} cannot be read", "line")
            yield role, self._part(found["part"])
            place = found.end()

    def _relation(self, name: str, head: _Part | None, tail: _Part | None) -> Iterator[Relation]:
        type_ = name if self._schema is None else matching_name(name, self._schema.relations)
        if type_ is None or head is None or tail is None:
            self._dropped["unknown type"] += 1
            return
        relation = Relation(type_, head.span, tail.span)
        if self._schema is not None and not allows(self._schema, relation):
            self._dropped["not allowed"] += 1
            return
        yield relation

    def _event(
        self, name: str, trigger: _Part | None, arguments: Sequence[tuple[str, _Part | None]]
    ) -> Iterator[Event]:
        type_ = name if self._schema is None else matching_name(name, self._schema.events)
        if type_ is None or trigger is None:
            self._dropped["unknown type"] += 1
            return
        known = []
        for written, part in arguments:
            role = (
                written if self._schema is None else matching_name(written, self._schema.events[type_].roles)
            )
            if role is None or part is None:
                self._dropped["unknown type"] += 1
                continue
            known.append(Argument(role, part.start, part.end))
        yield Event(type_, Span(trigger.start, trigger.end), tuple(known))


def _malformed(message: str, kind: str) -> MarkingError:
    return MarkingError(message, mend="write it as gts.tasks.marking describes", kind=kind)
