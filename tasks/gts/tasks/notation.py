"""What writing and reading of marked texts share: the errors, and which characters stand behind a backslash."""

from __future__ import annotations

import re

from gts.core.errors import InvalidInput

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = "\\[]#@:："
_SPECIAL_IN_TEXT = "\\[]"
_LETTERS = {"n": "\n", "r": "\r"}


class MarkingError(InvalidInput):
    """A text cannot be written in the notation, or one that was written cannot be read; ``kind`` says why in a word.

    Kinds of writing: ``crossing``, ``outside``, ``name``. Of reading: ``unclosed``, ``unopened``, ``line``, ``number``.
    """

    code = "invalid_marking"

    @property
    def kind(self) -> str:
        """Why, for those who count."""
        return str(self.details["kind"])


def escaped(char: str, is_edge: bool = False) -> str:
    """A character of the text, as it is written.

    Args:
        char: The character.
        is_edge: Whether it begins or ends a part.
    """
    return _behind_backslash(char, _SPECIAL_IN_TEXT, is_edge)


def escaped_name(name: str) -> str:
    """The name of a type, as it is written."""
    return "".join(_behind_backslash(char, _SPECIAL) for char in name)


def _behind_backslash(char: str, special: str, is_edge: bool = False) -> str:
    for letter, meant_char in _LETTERS.items():
        if char == meant_char:
            return f"\\{letter}"
    return f"\\{char}" if char in special or (is_edge and char.isspace()) else char


def meant(behind: str) -> str | None:
    """What a character behind a backslash stands for; ``None`` where the backslash belongs to the text."""
    if behind in _LETTERS:
        return _LETTERS[behind]
    return behind if behind in _SPECIAL or behind.isspace() else None


def plain_name(written: str) -> str:
    """The name that :func:`escaped_name` wrote."""
    return _ESCAPED.sub(lambda found: meant(found[1]) or found[0], written.strip())
