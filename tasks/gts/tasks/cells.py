"""From a cell or JSON value to a text or to label names."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from gts.tasks.limits import Limits
from gts.tasks.spec import label_name
from gts.tasks.text import is_blank
from gts.tasks.wording import quote

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


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
