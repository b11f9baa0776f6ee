"""Text as tokens that remember their spacing: words where a script writes spaces, characters where it does not.

A token is a string that begins with the white space found before it, so that joining tokens gives the text back exactly.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from gts.tasks.scripts import is_of_unspaced_script

_BRACKETS = ("()", "[]", "{}", "（）", "《》", "「」", "『』", "【】", "“”", "«»")
_JOINER = "\u200d"  # holds emoji sequences together
_SPACE, _WORD, _ALONE, _UNSPACED_KIND, _ATTACHED = range(5)


@lru_cache(maxsize=65536)
def _kind(char: str) -> int:
    if char.isspace():
        return _SPACE
    category = unicodedata.category(char)
    # Marks, format characters and skin tones belong to the character before them.
    if category[0] == "M" or category == "Cf" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return _ATTACHED
    if is_of_unspaced_script(char):
        return _UNSPACED_KIND
    return _WORD if char.isalnum() or char == "_" else _ALONE


def _joins(before: str, char: str, after: str) -> bool:
    """Whether a sign between two word characters is part of the word: don't, e-mail, 3.5, me@example.org."""
    if _kind(before) not in (_WORD, _ATTACHED) or _kind(after) != _WORD:
        return False
    return char in "'’-.@" or (char in ",:" and before.isdigit() and after.isdigit())


def tokenize(text: str) -> list[str]:
    """Split a text into tokens that each begin with the white space found before them.

    Outer white space of the text is dropped. Letters and digits run together; a character of a script without spaces
    (Han, Kana, Thai, ...), a sign and an emoji each make a token of their own, with the marks that follow.

    Example:
        >>> tokenize("Don't panic, Zoë!")
        ["Don't", ' panic', ',', ' Zoë', '!']
        >>> tokenize("物流很快, 5G手机")
        ['物', '流', '很', '快', ',', ' 5G', '手', '机']
    """
    text = text.strip()
    tokens: list[str] = []
    start = 0  # where the token under way begins, its white space included
    open_word = False  # the token under way may still grow by word characters
    filled = False  # it holds more than white space
    previous = ""
    for i, char in enumerate(text):
        kind = _kind(char)
        if filled:
            grows = (
                kind == _ATTACHED
                or previous == _JOINER
                or (open_word and kind == _WORD)
                or (
                    open_word and kind == _ALONE and i + 1 < len(text) and _joins(previous, char, text[i + 1])
                )
            )
            if not grows:
                tokens.append(text[start:i])
                start, filled = i, False
        if not filled and kind != _SPACE:
            filled = True
            open_word = kind == _WORD
        previous = char
    if filled:
        tokens.append(text[start:])
    return tokens


def detokenize(tokens: Iterable[str]) -> str:
    """The text of a token sequence.

    Example:
        >>> detokenize(tokenize("  Wait -- what?\\n\\nYes. "))
        'Wait -- what?\\n\\nYes.'
    """
    return "".join(tokens).strip()


def is_unspaced(tokens: Sequence[str]) -> bool:
    """Whether at least half of the tokens with letters are characters of a script written without spaces."""
    kinds = [_kind(token.lstrip()[0]) for token in tokens if token.strip()]
    unspaced = kinds.count(_UNSPACED_KIND)
    return unspaced > 0 and unspaced >= kinds.count(_WORD)


def content(token: str) -> str:
    """A token without spacing and case, for comparing vocabularies."""
    return token.strip().casefold()


def is_closed(text: str) -> bool:
    """Whether every bracket and straight double quotation mark that opens also closes.

    Example:
        >>> is_closed('He said "no" (twice).'), is_closed('He said "no (twice)')
        (True, False)
    """
    return text.count('"') % 2 == 0 and all(text.count(pair[0]) == text.count(pair[1]) for pair in _BRACKETS)
