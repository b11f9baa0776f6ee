"""Where a text may be cut without tearing apart what a reader sees as one character.

The rules of Unicode's UAX #29 for extended grapheme clusters that need no table beyond the standard
library's: marks, joiners, emoji sequences, flags, Hangul syllables, line ends. Left out are prepended signs
and Indic conjuncts, where a cut is allowed that the full rules forbid.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_EXTENDING = {
    "\u200c",
    _JOINER,
    "\uff9e",
    "\uff9f",
    "\u0e33",
    "\u0eb3",
}  # the last two: vowels of Thai and Lao
_MARKS = {"Mn", "Me", "Mc"}
_CONTROLS = {"Cc", "Zl", "Zp"}
_HANGUL = (
    ("L", 0x1100, 0x115F),
    ("V", 0x1160, 0x11A7),
    ("T", 0x11A8, 0x11FF),
    ("L", 0xA960, 0xA97C),
    ("V", 0xD7B0, 0xD7C6),
    ("T", 0xD7CB, 0xD7FB),
)
_FOLLOWERS = {"L": {"L", "V", "LV", "LVT"}, "V": {"V", "T"}, "LV": {"V", "T"}, "T": {"T"}, "LVT": {"T"}}


def is_boundary(text: str, index: int) -> bool:
    r"""Whether a text may be cut before the character ``index``.

    Example:
        >>> word = "e\u0301te\u0301"  # accents as characters of their own
        >>> [index for index in range(len(word) + 1) if is_boundary(word, index)]
        [0, 2, 3, 5]
    """
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before.isascii() and after.isascii():
        return (before, after) != ("\r", "\n")
    if unicodedata.category(before) in _CONTROLS or unicodedata.category(after) in _CONTROLS:
        return True
    if _extends(after) or (before == _JOINER and _is_pictograph(after) and _joins_pictographs(text, index)):
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        return _flag_halves_before(text, index) % 2 == 0
    return _hangul(after) not in _FOLLOWERS.get(_hangul(before), ())


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    r"""The least part of a text that holds a given one and may be cut out.

    Example:
        >>> whole("Cafe\u0301", 0, 4)
        (0, 5)
    """
    while not is_boundary(text, start):
        start -= 1
    while not is_boundary(text, end):
        end += 1
    return start, end


def _extends(char: str) -> bool:
    """Whether it belongs to the character before it: marks, joiners, skin tones, tags."""
    return (
        unicodedata.category(char) in _MARKS
        or char in _EXTENDING
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_pictograph(char: str) -> bool:
    return unicodedata.category(char) == "So" or char >= "\U0001f000"


def _joins_pictographs(text: str, index: int) -> bool:
    """Whether the joiner before ``index`` follows a pictograph, of which skin tone and style do not count."""
    place = index - 2
    while place >= 0 and _extends(text[place]):
        place -= 1
    return place >= 0 and _is_pictograph(text[place])


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_halves_before(text: str, index: int) -> int:
    place = index
    while place > 0 and _is_flag_half(text[place - 1]):
        place -= 1
    return index - place


def _hangul(char: str) -> str:
    """The part a character plays in a Hangul syllable; empty where none."""
    point = ord(char)
    if point < _HANGUL[0][1] or 0x1200 <= point < 0xA960:
        return ""
    if 0xAC00 <= point <= 0xD7A3:
        return "LV" if (point - 0xAC00) % 28 == 0 else "LVT"
    return next((part for part, first, last in _HANGUL if first <= point <= last), "")
