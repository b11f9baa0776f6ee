"""What the doctor finds in the summaries of a summarization task, whose students take sentences of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gts.tasks.diagnosis.finding import Example, Finding, cut
from gts.tasks.diagnosis.likeness import SAME, Likeness, drawn, words_of
from gts.tasks.rows import RowTask, SummaryRow
from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.wording import quote

_MOST_ROWS = 300
_MOST_CHARS = 10_000
_SHOWN = 3
_FOREIGN = 0.5
"""Least share of a summary's words that its text has."""
_WHOLE = 0.8
_OFTEN = 0.1
_NUMBER = re.compile(r"\d+")


def summary_findings(data: RowTask) -> Iterator[Finding]:
    """Everything that is found in the summaries."""
    rows: Sequence[SummaryRow] = data.gold
    places = drawn(range(len(rows)), _MOST_ROWS)
    among = f" of {len(places):,} summaries" + (
        f" (drawn at random from {len(rows):,})" if len(places) < len(rows) else ""
    )
    shares = {place: share_of_text(rows[place]) for place in places}
    foreign = sorted((place for place in places if shares[place] < _FOREIGN), key=lambda place: shares[place])
    if len(foreign) >= max(1, _OFTEN * len(places)):
        yield Finding(
            "foreign",
            (),
            f"{len(foreign):,}{among} take fewer than half of their words from their text",
            "students choose sentences of the text and write nothing of their own: give summaries in the text's words, or "
            "expect the measure to be low",
            _shown(rows, foreign),
        )
    whole = [place for place in places if _length(rows[place]) >= _WHOLE]
    if whole:
        yield Finding(
            "whole",
            (),
            f"{len(whole):,}{among} are nearly as long as their text",
            f"shorten them, or leave the rows out: taking {_WHOLE:.0%} of a text and more teaches no choice",
            _shown(rows, whole),
        )
    yield from _repeated(rows, places)


def share_of_text(row: SummaryRow) -> float:
    """Share of a summary's words, in scripts without spaces of its pairs of characters, that its text has.

    Example:
        >>> share_of_text(SummaryRow("The cat sat on the mat.", "A cat sat")), share_of_text(SummaryRow("天气很好", "下雨"))
        (0.6666666666666666, 0.0)
    """
    text, summary = _units(row.text[:_MOST_CHARS]), _units((row.summary or "")[:_MOST_CHARS])
    return len(summary & text) / len(summary) if summary else 1.0


def _units(text: str) -> set[str]:
    words = words_of(text)
    spaced = {word for word in words if not is_of_unspaced_script(word[0])}
    return spaced | {
        a + b for a, b in pairwise(words) if is_of_unspaced_script(a[0]) and is_of_unspaced_script(b[0])
    }


def _length(row: SummaryRow) -> float:
    return len(row.summary or "") / max(1, len(row.text))


def _shown(rows: Sequence[SummaryRow], places: Sequence[int]) -> tuple[Example, ...]:
    return tuple(Example(place + 1, cut(rows[place].summary or "")) for place in places[:_SHOWN])


def _repeated(rows: Sequence[SummaryRow], places: Sequence[int]) -> Iterator[Finding]:
    """Summaries that are nearly the same although their texts are not."""
    summaries = Likeness(tuple(rows[place].summary or "" for place in places))
    twins = summaries.pairs(SAME)
    if not twins:
        return
    of_text = Likeness(tuple(rows[place].text for place in places)).table
    numbers = [_NUMBER.findall(summary) for summary in summaries.texts]
    with_other_text = [(i, j) for i, j in twins if of_text[i, j] < SAME and numbers[i] == numbers[j]]
    concerned = sorted({places[i] for pair in with_other_text for i in pair})
    if not concerned:
        return
    first = with_other_text[0]
    yield Finding(
        "repeated",
        (),
        f"{len(concerned):,} summaries are nearly the same although their texts are not, such as "
        f"{quote(rows[places[first[0]]].summary or '')} in rows {places[first[0]] + 1} and {places[first[1]] + 1}",
        "say in each what its own text says; a sentence that fits many texts tells nothing of one",
        _shown(rows, list(dict.fromkeys([places[first[0]], places[first[1]], *concerned]))),
    )
