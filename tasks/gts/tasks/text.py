"""Texts as they are kept, and when two of them count as the same."""

from __future__ import annotations

import hashlib
import unicodedata

_ID_DIGITS = 16
_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"}


def clean_text(text: str) -> str:
    r"""A text as it is kept: outer space and NUL removed, halves of surrogate pairs replaced, all else as it was.

    Example:
        >>> clean_text("  a\u00a0 b\x00 ")
        'a\xa0 b'
    """
    if not text.isascii():  # the halves cannot be written as UTF-8
        text = (
            text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text
        )
    return text.replace("\0", "").strip()


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen (spaces, control and zero-width characters only)."""
    return all(unicodedata.category(char) in _INVISIBLE for char in text)


def same_text_key(text: str) -> str:
    """What two texts have in common when they differ only in case, width, or spaces.

    Example:
        >>> same_text_key("Ｈello   World ") == same_text_key("hello world")
        True
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split())


def text_id(text: str) -> str:
    """The name of a generated text: the first 16 hex digits of the SHA-256 of it as it is kept.

    Example:
        >>> text_id("where is my parcel?")
        'c34ddb857c34aefa'
    """
    return hashlib.sha256(clean_text(text).encode()).hexdigest()[:_ID_DIGITS]
