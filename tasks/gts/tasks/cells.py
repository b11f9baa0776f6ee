"""From a cell or JSON value to a text or to label names."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from gts.tasks.limits import Limits
from gts.tasks.spec import label_name
from gts.tasks.wording import quote

_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"}
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


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


def label_names(value: Any, separator: str | None) -> tuple[str, ...] | None:
    """Label names in a cell or JSON value, in order, without repetition; ``None`` if there is no value.

    Args:
        value: A string, number, boolean or list of these.
        separator: Splits a string into several labels.

    Raises:
        TypeError: The value is of another kind.

    Example:
        >>> label_names("a | b|a", "|"), label_names(3, None), label_names([], None), label_names("", None)
        (('a', 'b'), ('3',), (), None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (list, tuple)):
        if any(isinstance(part, (list, tuple, dict)) or part is None for part in value):
            raise TypeError("a list of labels holds something that is no label")
        names = [label_name(part).strip() for part in value]
        return tuple(dict.fromkeys(name for name in names if name))
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"a label is {quote(value)}; a string or number was expected")
    name = label_name(value).strip()
    if not name:
        return None
    if separator is None:
        return (name,)
    return tuple(dict.fromkeys(part for piece in name.split(separator) if (part := piece.strip())))


def label_fault(name: str, limits: Limits) -> str | None:
    r"""What is wrong with a label's name, if anything; any visible Unicode is fine.

    Example:
        >>> label_fault("../../x", Limits()), label_fault("a\nb", Limits())
        (None, 'holds a control character')
    """
    if not name or is_blank(name):
        return "is empty"
    if len(name) > limits.label_chars:
        return f"has {len(name):,} characters; at most {limits.label_chars} are accepted"
    if any(unicodedata.category(char) in _UNPRINTABLE for char in name):
        return "holds a control character"
    return None
