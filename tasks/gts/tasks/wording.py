"""Small helpers that phrase messages: quoting, listing, counting, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def quote(value: object, limit: int = 60) -> str:
    r"""A value as it may stand in a message: one line, no control characters, not too long.

    Example:
        >>> quote("a\nb")
        "'a\\nb'"
    """
    if isinstance(value, str) and len(value) > limit:
        return repr(value[: limit - 1] + "…")
    if isinstance(value, (list, tuple, dict, set)):
        return f"a {type(value).__name__} of {len(value)}"  # its repr could be huge
    text = repr(value)
    return text if len(text) <= limit + 2 else text[: limit - 1] + "…"


def listing(names: Iterable[str], limit: int = 8) -> str:
    """Names quoted and separated by commas, cut after ``limit``.

    Example:
        >>> listing(["a", "b", "c"], limit=2)
        "'a', 'b' and 1 more"
    """
    known = list(names)
    shown = ", ".join(quote(name) for name in known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be.

    Example:
        >>> counted(1, "text"), counted(2000, "text")
        ('1 text', '2,000 texts')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name most like ``name``, if any is like it.

    Example:
        >>> nearest("Biling", ["billing", "delivery"])
        'billing'
    """
    folded = {candidate.casefold(): candidate for candidate in reversed(known)}
    found = difflib.get_close_matches(name[:200].casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
