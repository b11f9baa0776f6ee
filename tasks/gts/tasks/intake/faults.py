"""What is wrong with a row, on its way to where it is reported; and what was mended."""

from __future__ import annotations

from dataclasses import dataclass, field

from gts.tasks.problems import Place
from gts.tasks.wording import quote

_SHOWN_CHARS = 20


class Fault(ValueError):
    """A row cannot be used; it never reaches a caller, for the reader makes a problem of it.

    Args:
        message: What was given and what was expected.
        mend: What to do.
    """

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.message, self.mend = message, mend


class ColumnFault(Fault):
    """A column that the person named is not there: no row of the file can be used."""


@dataclass
class Mended:
    """What was changed or noticed in rows, counted, with the place where it was first so.

    Example:
        >>> mended = Mended()
        >>> mended.add("white space cut off a span", Place("a.jsonl", 3))
        >>> mended.add("white space cut off a span", Place("a.jsonl", 9))
        >>> mended.notes()
        ['white space cut off a span (2 times, first in a.jsonl, line 3)']
    """

    found: dict[str, tuple[int, Place]] = field(default_factory=dict)

    def add(self, what: str, place: Place) -> None:
        """Count it once more."""
        count, first = self.found.get(what, (0, place))
        self.found[what] = (count + 1, first)

    def notes(self) -> list[str]:
        """One sentence for each thing, in the order in which they were met."""
        return [
            f"{what} ({f'{count:,} times, first ' if count > 1 else ''}in {place})"
            for what, (count, place) in self.found.items()
        ]


def around(text: str, start: int, end: int) -> str:
    r"""The part of a text that a span means and what is around it, as it may stand in a message.

    Example:
        >>> around("Ada Lovelace wrote the first program of all", 4, 12)
        "'Ada [Lovelace] wrote the first pro…'"
        >>> around("Ada", 2, 9)
        "'Ad[a]'"
    """
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    if end < start:
        start, end = end, start
    inside = text[start:end]
    if len(inside) > 2 * _SHOWN_CHARS:
        inside = f"{inside[:_SHOWN_CHARS]}…{inside[-_SHOWN_CHARS:]}"
    first, last = max(0, start - _SHOWN_CHARS), end + _SHOWN_CHARS
    before = ("…" if first else "") + text[first:start]
    after = text[end:last] + ("…" if last < len(text) else "")
    return quote(f"{before}[{inside}]{after}", limit=200)
