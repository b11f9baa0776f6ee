"""Texts out of a model's answer, in whatever form it came."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from gts.core.llm.fishing import json_starts, json_values, without_fences
from gts.tasks.text import clean_text, is_blank

# Possessive, and an unclosed string is taken to the end: the time grows with the length, whatever is in it.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)("|\\?\Z)(\s*+:)?', re.DOTALL)
_TEXT_KEYS = ("text", "texts", "content", "sentence", "example", "文本")

_MARKER = re.compile(
    r"^\s*(?:\(?\d{1,4}[.):、．）](?=\s|[^\d\s])|[-*•–‣]\s|\**(?:text|example|文本|示例)\s*\d+\s*[:：.]\**)\s*",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|here (?:are|is)|here's|below (?:are|is)|the following)\b|当然|好的|以下|下面是",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:i hope|hope (?:this|these)|let me know|feel free|note:|these texts)\b|希望|如果您|如果你",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:as an ai|i(?:'m| am|’m) sorry,? but i can|i can(?:not|'t|’t) (?:help|write|assist|fulfil))|作为(?:一个)?(?:AI|人工智能)",
    re.IGNORECASE,
)
_QUOTES = ('""', "''", "“”", "‘’", "「」", "『』", "«»", "„“", "``")


def parse_texts(answer: str, labels: Sequence[str] = (), *, is_whole: bool = True) -> list[str]:
    r"""The texts of an answer that was asked for a JSON object ``{"texts": [...]}``.

    Takes JSON with talk or code fences around it, cut off in the middle, or of another shape; else a numbered,
    bulleted or quoted list, or one text a line. A text that was cut off is dropped. Never raises.

    Args:
        answer: What the model said.
        labels: Label names; ``label: text`` is taken for the text.
        is_whole: Whether the answer came to its end.

    Returns:
        Texts that are not blank, in order, possibly none.

    Example:
        >>> parse_texts('Sure!\n```json\n{"texts": ["one", "two", "thr', is_whole=False)
        ['one', 'two']
        >>> parse_texts('Here are two texts:\n1. "billing: one"\n2. two', ["billing"])
        ['one', 'two']
        >>> parse_texts("[[[{")
        []
    """
    answer = without_fences(answer)
    starts = json_starts(answer)
    if answer.startswith('"'):
        starts.insert(0, 0)
    found = _from_json(answer, starts, labels) if starts else None
    if found is None:
        found = _from_lines(answer, is_whole)
    cleaned = (cleaned_text(text, labels) for text in found if text)
    return [text for text in cleaned if says_something(text)]


def first_text(answer: str, labels: Sequence[str] = (), *, is_whole: bool = True) -> str | None:
    r"""The first line of a list that a model went on writing, if it came to its end.

    Args:
        answer: The continuation.
        labels: Label names; ``label: text`` is taken for the text.
        is_whole: Whether the model ended by itself; if not, the line must.

    Example:
        >>> first_text(" my card was charged twice\nbilling: where is", ["billing"], is_whole=False)
        'my card was charged twice'
        >>> first_text("my card was charg", is_whole=False) is None
        True
    """
    line, newline, _ = answer.strip().partition("\n")
    if not newline and not is_whole:
        return None
    text = cleaned_text(line, labels)
    return text if says_something(text) else None


def _from_json(answer: str, starts: Sequence[int], labels: Sequence[str]) -> list[str] | None:
    """Texts of all JSON values in the answer; else those whole strings of the first, broken one; None without either."""
    # A quoted line with more after it is one of several.
    values = [
        value
        for value, end in json_values(answer, starts)
        if not (isinstance(value, str) and answer[end:].strip())
    ]
    if values:
        return [text for value in values for text in _strings(value)]
    if answer[starts[0]] == '"':
        return None
    return list(_whole_strings(answer[starts[0] :], {label.casefold() for label in labels}))


def _whole_strings(broken: str, names: set[str]) -> Iterator[str]:
    """The closed strings of broken JSON that stand in a list, or behind a key for texts."""
    key: str | None = None
    for found in _STRING.finditer(broken):
        if found[3] is not None:
            key = _unescaped(found[1])
            continue
        # The strings of a list all stand behind its one key.
        if (key is None or key.casefold() in _TEXT_KEYS) and found[2] == '"':
            text = _unescaped(found[1])
            if text.casefold() not in names:
                yield text


def _strings(value: Any) -> Iterator[str]:
    """The texts in a JSON value of any shape; where objects have a key for texts, only what stands there."""
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        elif isinstance(top, list):
            stack.extend(reversed(top))
        elif isinstance(top, dict):
            named = [item for key, item in top.items() if key.casefold() in _TEXT_KEYS]
            lists = [item for item in top.values() if isinstance(item, list | dict)]
            numbered = [item for key, item in top.items() if key.strip().isdigit()]
            stack.extend(reversed(named or lists or numbered))


def _unescaped(string: str) -> str:
    try:
        return str(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return re.sub(r"\\(.)", r"\1", string, flags=re.DOTALL)


def _from_lines(answer: str, is_whole: bool) -> list[str]:
    lines = [line for line in answer.splitlines() if line.strip()]
    marked = [line for line in lines if _MARKER.match(line)]
    if len(marked) > 1 or (marked and len(lines) <= 2):
        cut_off = not is_whole and bool(lines) and lines[-1] is marked[-1]
        texts = [_MARKER.sub("", line, count=1) for line in marked]
        return texts[:-1] if cut_off else texts
    if not is_whole:
        lines = lines[:-1]
    return [line for line in without_talk(lines) if not _is_debris(line.strip())]


def without_talk(lines: Sequence[str]) -> list[str]:
    """Lines of an answer without those that announce the texts, take leave, or refuse.

    Example:
        >>> without_talk(["Sure, here they are:", "one", "two", "Let me know if you want more."])
        ['one', 'two']
    """
    if len(lines) > 1 and (_OPENING.match(lines[0].strip()) or lines[0].rstrip().endswith((":", "："))):
        lines = lines[1:]
    if len(lines) > 1 and _CLOSING.match(lines[-1].strip()):
        lines = lines[:-1]
    return [line for line in lines if not _REFUSAL.match(line.strip())]


def _is_debris(line: str) -> bool:
    """Whether a line is a piece of broken JSON or of a heading."""
    return (line[0] in "[{]}" and line[-1] in "[{]},:" and line[-1] != line[0]) or line.startswith("#")


def cleaned_text(text: str, labels: Sequence[str] = ()) -> str:
    """A text without quotation marks around it and without a label before it, as models repeat them."""
    text = _unquoted(clean_text(text))
    folded = text.casefold()
    for label in sorted(labels, key=len, reverse=True):
        # Labels can be many, and most texts begin with none of them.
        if not label or label.casefold() not in folded[: len(label.casefold()) + 3]:
            continue
        echoed = re.match(rf"\W{{0,3}}{re.escape(label)}\W{{0,3}}?[:：\]]\**\s*", text, re.IGNORECASE)
        if echoed:
            return _unquoted(clean_text(text[echoed.end() :]))
    return text


def _unquoted(text: str) -> str:
    text = text.removesuffix(",") if text.endswith(('",', "',", "”,")) else text
    inner = text[1:-1]
    for pair in _QUOTES:
        encloses = len(text) > 1 and text[0] == pair[0] and text[-1] == pair[1]
        if encloses and pair[0] not in inner and pair[1] not in inner:
            return clean_text(inner)
    return text


def says_something(text: str) -> bool:
    """Whether a text holds a letter, a digit or a symbol such as an emoji, not marks and spaces only."""
    return not is_blank(text) and any(unicodedata.category(char)[0] in "LNS" for char in text)
