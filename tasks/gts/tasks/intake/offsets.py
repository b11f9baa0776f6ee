"""Whether a span is right: inside the text, on whole characters, counted in code points.

The rules:

- Offsets count code points, as Python does, from 0; the end is exclusive.
- A span that lies outside the text, is empty, holds only white space or cuts a visible character in two (an
  accent, an emoji sequence) is refused.
- White space at the ends of a span is cut off, with a note.
- A row whose spans carry their own surface and fit it only when counted in UTF-16 units (JavaScript, Java)
  or UTF-8 bytes is converted, with a note. Where there is no surface to prove it, such a row is refused
  with a hint, provided that some span is wrong as it stands and all are right in the other unit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from gts.tasks.intake.faults import Fault, around
from gts.tasks.intake.graphemes import is_boundary, whole
from gts.tasks.intake.spacing import is_closed_up
from gts.tasks.wording import counted, quote

UNITS: dict[str, Callable[[str], int]] = {
    "UTF-16 units, as JavaScript and Java do": lambda char: 2 if char > "\uffff" else 1,
    "UTF-8 bytes": lambda char: len(char.encode("utf-8", "surrogatepass")),
}
"""Other ways to count characters, by what programs do so, and what one character then counts."""


_CUT_ENDS = 2  # a single end within a word is often meant


@dataclass(frozen=True, slots=True)
class Mark:
    """A span as a row gives it, not checked yet.

    Attributes:
        what: What the row calls it, such as ``entity 2 'person'``.
        start: First character, as claimed.
        end: One past the last, as claimed.
        type: Type, if it has one.
        surface: The words that are said to be there, if the row says so.
    """

    what: str
    start: int
    end: int
    type: str = ""
    surface: str | None = None


def settled(text: str, marks: Sequence[Mark]) -> tuple[list[Mark], list[str]]:
    """The marks of a row with right offsets, and what was changed to get there.

    Args:
        text: The text of the row.
        marks: All spans of the row, in any order.

    Raises:
        Fault: A span is wrong; the message names it, its offsets and the text around them.

    Example:
        >>> (mark,), changes = settled("met 👩‍🚀 Ada ", [Mark("entity 1", 7, 12)])
        >>> mark.start, mark.end, changes
        (8, 11, ['white space cut off the ends of a span'])
    """
    changes = []
    wrong = next((mark for mark in marks if not _fits(text, mark)), None)
    if wrong is not None:
        converted = _converted(text, marks)
        if converted is None:
            raise _other_words(text, wrong)
        marks, unit = converted
        changes.append(f"offsets converted that count {unit}: the words they are said to mean prove it")
    else:
        _refuse_other_unit(text, marks)
    found = []
    for mark in marks:
        _refuse(text, mark)
        inside = text[mark.start : mark.end]
        start = mark.start + len(inside) - len(inside.lstrip())
        end = mark.end - len(inside) + len(inside.rstrip())
        if (start, end) != (mark.start, mark.end):
            changes.append("white space cut off the ends of a span")
        _refuse_torn(text, replace(mark, start=start, end=end))
        found.append(replace(mark, start=start, end=end))
    return found, changes


def cuts_word(text: str, start: int, end: int) -> bool:
    """Whether a span begins or ends inside a word of a script that puts spaces between words.

    Example:
        >>> cuts_word("Ada wrote", 0, 2), cuts_word("Ada wrote", 0, 3), cuts_word("我在北京", 2, 4)
        (True, False, False)
    """
    return _cut_ends(text, start, end) > 0


def _cut_ends(text: str, start: int, end: int) -> int:
    return _inside_word(text, start) + _inside_word(text, end)


def _inside_word(text: str, index: int) -> bool:
    return 0 < index < len(text) and all(
        char.isalnum() and not is_closed_up(char) for char in text[index - 1 : index + 1]
    )


def _refuse(text: str, mark: Mark) -> None:
    """Refuse a span that is no part of the text.

    Raises:
        Fault: It is not.
    """
    given, shown = f"{mark.what} is {mark.start}-{mark.end}", around(text, mark.start, mark.end)
    if mark.end <= mark.start:
        raise Fault(
            f"{given}, which {'ends before it begins' if mark.end < mark.start else 'is empty'}, in {shown}",
            "count characters from 0; the end is one past the last character of the span",
        )
    if mark.start < 0 or mark.end > len(text):
        raise Fault(
            f"{given}, outside the text of {counted(len(text), 'character')} {shown}",
            "count characters from 0; the end is one past the last character of the span",
        )
    if not text[mark.start : mark.end].strip():
        raise Fault(
            f"{given}, which holds only white space, in {shown}",
            "mark the words that are meant",
        )


def _refuse_torn(text: str, mark: Mark) -> None:
    start, end = whole(text, mark.start, mark.end)
    for name, place, right in (("begins", mark.start, start), ("ends", mark.end, end)):
        if place != right:
            raise Fault(
                f"{mark.what} {name} at {place}, inside one visible character (it has several code points), "
                f"in {around(text, mark.start, mark.end)}",
                f"the whole characters are {start}-{end}",
            )


def _is_clean(text: str, start: int, end: int) -> bool:
    """Whether nothing about a span is odd: no white space at its ends, no character cut in two."""
    return (
        0 <= start < end <= len(text)
        and not text[start].isspace()
        and not text[end - 1].isspace()
        and is_boundary(text, start)
        and is_boundary(text, end)
    )


def _fits(text: str, mark: Mark) -> bool:
    """Whether the words at the offsets are those the row names; white space does not count."""
    if mark.surface is None:
        return True
    found = text[mark.start : mark.end] if 0 <= mark.start <= mark.end else ""
    return _bare(found) == _bare(mark.surface)


def _bare(surface: str) -> str:
    return "".join(surface.replace("\\n", " ").split())


def _converted(text: str, marks: Sequence[Mark]) -> tuple[list[Mark], str] | None:
    """The marks in code points, and the unit in which their words are where they are said to be."""
    for unit in UNITS:
        found = _in_code_points(text, marks, unit)
        if found is not None and all(_fits(text, mark) for mark in found):
            return found, unit
    return None


def _in_code_points(text: str, marks: Sequence[Mark], unit: str) -> list[Mark] | None:
    """The marks converted from a unit; ``None`` where one of them would cut a code point in two."""
    places = list(accumulate(map(UNITS[unit], text), initial=0))
    found = []
    for mark in marks:
        ends = []
        for offset in (mark.start, mark.end):
            place = bisect_left(places, offset)
            if place == len(places) or places[place] != offset:
                return None
            ends.append(place)
        found.append(replace(mark, start=ends[0], end=ends[1]))
    return found


def _refuse_other_unit(text: str, marks: Sequence[Mark]) -> None:
    """Refuse a row some of whose spans are odd, and all of whose spans are right if they count another unit.

    Raises:
        Fault: They are.
    """
    odd = [number for number, mark in enumerate(marks) if not _is_clean(text, mark.start, mark.end)]
    cut = [number for number, mark in enumerate(marks) if cuts_word(text, mark.start, mark.end)]
    ends = sum(_cut_ends(text, mark.start, mark.end) for mark in marks)
    if text.isascii() or not (odd or ends >= _CUT_ENDS):
        return
    for unit in UNITS:
        found = _in_code_points(text, marks, unit)
        if found is None or found == list(marks):
            continue
        # In scripts without spaces every place looks right: no proof against a word that is cut.
        if all(
            _is_clean(text, mark.start, mark.end)
            and not cuts_word(text, mark.start, mark.end)
            and (odd or _is_of_words(text, mark))
            for mark in found
        ):
            number = (odd or cut)[0]
            mark, right = marks[number], found[number]
            raise Fault(
                f"{mark.what} is {mark.start}-{mark.end} in {around(text, mark.start, mark.end)}; the offsets of "
                f"this row look as if they count {unit}: then it is {quote(text[right.start : right.end])}",
                f"count code points, as Python's len() does: {right.start}-{right.end} here",
            )


def _is_of_words(text: str, mark: Mark) -> bool:
    """Whether a span begins and ends with a word of a script that puts spaces between words."""
    return all(char.isalnum() and not is_closed_up(char) for char in (text[mark.start], text[mark.end - 1]))


def _other_words(text: str, mark: Mark) -> Fault:
    surface = mark.surface or ""
    place = text.find(surface)
    if not surface or place < 0:
        mend = "the text does not hold these words; look whether it was changed after it was annotated"
    else:
        others = text.count(surface) - 1
        more = f" (and at {counted(others, 'other place')})" if others else ""
        mend = f"the words stand at {place}-{place + len(surface)}{more}"
    return Fault(
        f"{mark.what} is {mark.start}-{mark.end} and said to be {quote(surface)}, "
        f"but there it is {around(text, mark.start, mark.end)}",
        mend,
    )
