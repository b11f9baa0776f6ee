"""Couples out of a model's answer, in whatever form: the two texts of a pair, or a text and its summary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from gts.core.llm.fishing import json_starts, json_values, without_fences
from gts.core.llm.values import Completion
from gts.generator.parsing import cleaned_text, says_something, without_talk

Couple = tuple[str, str]
"""Two texts that belong together, the first one first. A half that was not there is empty."""

Find = Callable[[tuple[str, ...]], Couple | None]
"""Which two of some names stand for the halves of a couple, such as the keys of a JSON object."""

_Tags = Callable[[str], tuple[int, str] | None]
"""Which half a line begins, by the name before it, and the rest of the line."""

_NUMBERING = r"(?:\(?\d{1,3}[.):、．）](?!\d)\s*)"
_BULLET = re.compile(r"\A\s*[-*•–]\s+")
# A name before a colon, with the ornaments that models like.
_NAMED = re.compile(
    rf"(?:{_BULLET.pattern})?\s*{_NUMBERING}?"
    r"[*_#\"【\[(]{0,3}(\w[\w -]{0,20}?)[*_\"】\])]{0,3}[:：]\**\s*"
)
_TRAILING_NUMBER = re.compile(r"[\W_]*\d+\Z")
_ITEM = re.compile(rf"\A\s*{_NUMBERING}")
# "Pair 2:", or a number alone.
_HEADING = re.compile(r"\W*(?:[^\W\d]{1,12}\s*)?\d{1,3}\W*")
_BETWEEN = re.compile(r"\t|\s\|{1,3}\s|\s(?:=>|->|→|/)\s")


def couples_of(answer: Completion, find: Find, counts: Counter[str]) -> list[Couple]:
    r"""The couples of an answer that was asked for JSON objects with the two texts of each.

    Takes JSON with talk or code fences around it, broken off, or of another shape; else lines with a name
    before each text; else blocks of two lines, or two texts to a line. A couple that was cut off is left out and
    counted. Never raises.

    Args:
        answer: What the model said.
        find: Finds the names of both halves.
        counts: Counts what was ``cut off``.

    Returns:
        Couples of which at least one half says something, in order.

    Example:
        >>> from gts.tasks.intake.fields import find_pair
        >>> find = lambda keys: find_pair(keys, None)
        >>> answer = Completion('Sure: {"a": "one", "b": "two"}, {"a": "thr', is_whole=False)
        >>> couples_of(answer, find, Counter())
        [('one', 'two')]
        >>> couples_of(Completion("**Text A:** one\n**Text B:** two\n\nBye."), find, Counter())
        [('one', 'two')]
        >>> couples_of(Completion("Here they are:\n1. one\n   two\n2. three | four"), find, Counter())
        [('one', 'two'), ('three', 'four')]
    """
    text = without_fences(answer.text)
    starts = json_starts(text)
    if starts:
        values = json_values(text, starts)
        found = [couple for value, _ in values for couple in _in_json(value, find)]
        rest = text[values[-1][1] :] if values else text
        is_cut = not answer.is_whole and any(char.isalnum() for char in rest)
    else:
        lines = text.split("\n")
        tags = _tags(lines, find)
        found = list(_in_lines(lines, tags) if tags else _in_blocks(lines))
        is_cut = not answer.is_whole and bool(found)
        found = found[:-1] if is_cut else found
    counts["cut off"] += is_cut
    return _cleaned(found)


def next_couple(answer: Completion, tags: Couple, counts: Counter[str]) -> list[Couple]:
    r"""The first couple of a list that a model went on writing, if it came to its end; else none.

    Args:
        answer: What follows on the tag of a first half.
        tags: What stands before each half in the list.
        counts: Counts what was ``cut off``.

    Example:
        >>> next_couple(Completion(" one\nB: two\n\nA: thr", is_whole=False), ("A:", "B:"), Counter())
        [('one', 'two')]
    """

    def tagged(line: str) -> tuple[int, str] | None:
        bare = line.strip()
        return next(((i, bare.removeprefix(tag)) for i, tag in enumerate(tags) if bare.startswith(tag)), None)

    first = answer.text.lstrip()
    lines = (first if first.startswith(tags[0]) else f"{tags[0]} {first}").split("\n")
    segments = _segments(lines, tagged)
    # What comes after the couple that was asked for shows where it ends.
    is_ended = len(segments) > 2 or "" in [line.strip() for _, part in segments[1:] for line in part[1:]]
    if first and not answer.is_whole and not is_ended:
        counts["cut off"] += 1
        return []
    return _cleaned([*_in_lines(lines, tagged)][:1])


def _cleaned(couples: Sequence[Couple]) -> list[Couple]:
    cleaned = ((cleaned_text(first), cleaned_text(second)) for first, second in couples)
    return [couple for couple in cleaned if any(map(says_something, couple))]


def _in_json(value: Any, find: Find) -> Iterator[Couple]:
    """The couples in JSON of any shape: objects with both names, and lists of two texts without a name."""
    stack = [(value, False)]
    while stack:
        top, is_named = stack.pop()
        if isinstance(top, dict):
            texts = {key: item for key, item in top.items() if isinstance(item, str)}
            inner = [item for item in top.values() if isinstance(item, dict | list)]
            if names := find(tuple(texts)):
                yield texts[names[0]], texts[names[1]]
            elif texts and not inner:
                yield next(iter(texts.values())), ""
            stack.extend((item, True) for item in reversed(inner))
        elif isinstance(top, list):
            if not is_named and len(top) == 2 and all(isinstance(item, str) for item in top):
                yield top[0], top[1]
            stack.extend((item, False) for item in reversed(top))


def _tags(lines: Sequence[str], find: Find) -> _Tags | None:
    """Tells which half a line begins, if names of both halves, numbered or not, stand before lines."""
    named = [found for found in map(_NAMED.match, lines) if found]
    # Names with nothing behind them may be headings.
    for some in ([found for found in named if found.string[found.end() :].strip()], named):
        for plain in (str, _without_number):
            names = find(tuple(dict.fromkeys(plain(found[1]) for found in some)))
            if names is not None:
                return partial(_half, plain=plain, names=names)
    return None


def _half(line: str, plain: Callable[[str], str], names: Couple) -> tuple[int, str] | None:
    found = _NAMED.match(line)
    if found is None or plain(found[1]) not in names:
        return None
    return names.index(plain(found[1])), line[found.end() :]


def _without_number(name: str) -> str:
    return _TRAILING_NUMBER.sub("", name)


def _segments(lines: Sequence[str], tagged: _Tags) -> list[tuple[int, list[str]]]:
    """The halves in order, each with its lines; what stands before the first is left out."""
    segments: list[tuple[int, list[str]]] = []
    for line in lines:
        if half := tagged(line):
            segments.append((half[0], [half[1]]))
        elif segments:
            segments[-1][1].append(line)
    return segments


def _in_lines(lines: Sequence[str], tagged: _Tags) -> Iterator[Couple]:
    first = ""
    for half, part in _segments(lines, tagged):
        if half == 0:
            if first:
                yield first, ""
            first = "\n".join(part).strip()
        else:
            yield first, _paragraph(part)
            first = ""
    if first:
        yield first, ""


def _paragraph(lines: Sequence[str]) -> str:
    """The first paragraph of some lines: what comes after it belongs to no text."""
    begin = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    more = takewhile(lambda line: line.strip() and not _HEADING.fullmatch(line), lines[begin + 1 :])
    return "\n".join([*lines[begin : begin + 1], *more])


def _in_blocks(lines: Sequence[str]) -> Iterator[Couple]:
    """Couples without names: a number or an empty line begins each."""
    blocks: list[list[str]] = [[]]
    for line in without_talk(lines):
        if not line.strip() or _ITEM.match(line) or _HEADING.fullmatch(line):
            blocks.append([])
        bare = _BULLET.sub("", _ITEM.sub("", line))
        if bare.strip() and not _HEADING.fullmatch(line):
            blocks[-1].append(bare)
    for block in blocks:
        halves = [_BETWEEN.split(line) for line in block]
        if all(len(texts) == 2 for texts in halves):
            yield from ((first, second) for first, second in halves)
        else:
            yield block[0], block[1] if len(block) == 2 else ""
