"""JSON out of a model's answer, whatever stands around it, and however it ends."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Sequence
from typing import Any

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
# An object wherever it stands; a list only at the start of a line, for prose has brackets too.
_JSON_START = re.compile(r'\{(?=\s*")|^[ \t]*(\[)(?=\s*["{\]])', re.MULTILINE)
_MAX_JSON_STARTS = 1000
# Each broken start may be read to the answer's end: so many that time would grow by the square.
_MAX_BROKEN = 20
# No answer that means something is nested so deep.
_MAX_DEPTH = 50


def without_fences(answer: str) -> str:
    """An answer without the lines that fence code in, and without outer white space."""
    return _FENCE.sub("", answer).strip()


def json_starts(answer: str) -> list[int]:
    """Where in an answer JSON objects and lists may begin, the first thousand."""
    starts = []
    for found in _JSON_START.finditer(answer):
        starts.append(found.start(1) if found[1] else found.start())
        if len(starts) == _MAX_JSON_STARTS:
            break
    return starts


def json_values(answer: str, starts: Sequence[int]) -> list[tuple[Any, int]]:
    """The whole JSON values that begin at some places, none inside another, each with the place where it ends.

    Example:
        >>> answer = 'Here it is: {"a": [1]} and {"b": '
        >>> json_values(answer, json_starts(answer))
        [({'a': [1]}, 22)]
    """
    decoder = json.JSONDecoder(strict=False)
    values: list[tuple[Any, int]] = []
    end, broken = 0, 0
    for start in starts:
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            broken += 1
            if broken > _MAX_BROKEN:
                break
            continue
        values.append((value, end))
    return values


def mended(broken: str) -> Any:
    """The value of JSON that was cut off, without the member or item it was cut off in; ``None`` where nothing is whole.

    Args:
        broken: Begins with a bracket of either kind.

    Example:
        >>> mended('{"a": [{"b": 1}, {"b": 2, "c": "thr')
        {'a': [{'b': 1}]}
    """
    closers: list[str] = []
    cuts: deque[tuple[int, str]] = deque(maxlen=_MAX_BROKEN)
    in_string = is_escaped = False
    for i, char in enumerate(broken):
        if in_string:
            in_string = is_escaped or char != '"'
            is_escaped = char == "\\" and not is_escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            closers.append("]" if char == "[" else "}")
            if len(closers) > _MAX_DEPTH:
                break
        elif char in "]}":
            if not closers or closers.pop() != char:
                break
            cuts.append((i + 1, "".join(reversed(closers))))
    for place, ends in reversed(cuts):
        try:
            return json.loads(broken[:place] + ends, strict=False)
        except ValueError:
            continue
    return None
