"""What each piece of a text is worth to a summary of it: what those learn who summarise by extraction."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Any

from gts.tasks.pieces import Cut
from gts.tasks.rouge import tokens

_PAIRS = 0.3
"""Share of pairs of neighbouring tokens in a gain; the rest is single tokens."""

_MOST_PARTS = 3


def gains(cut: Cut, summary: str) -> list[float]:
    """For each piece, how well it does as its part of the summary: from 0 to 1.

    ROUGE's F1 with single tokens and pairs, against as many tokens as one of the sentences that make up a
    summary of this length has to bring. So a title is learnt as the piece that is most like it, a paragraph
    as several pieces, none of which must say all.

    Args:
        cut: The text, cut.
        summary: Its summary.

    Returns:
        One value for each of ``cut.places``.

    Example:
        >>> from gts.tasks.pieces import cut
        >>> [round(gain, 2) for gain in gains(cut("It rained. The cat sat."), "the cat sat")]
        [0.0, 0.72, 1.0]
    """
    wanted = tokens(summary)
    words, pairs = Counter(wanted), Counter(pairwise(wanted))
    parts = _parts(cut, summary)
    found = []
    for number in range(len(cut.places)):
        said = tokens(cut.piece(number))
        one = _share(words, Counter(said), len(wanted) / parts, len(said))
        two = _share(pairs, Counter(pairwise(said)), (len(wanted) - 1) / parts, len(said) - 1)
        found.append((1 - _PAIRS) * one + _PAIRS * two)
    return found


def _parts(cut: Cut, summary: str) -> int:
    """Of how many sentences of the text a summary is likely to be made."""
    lengths = [cut.places[number][1] - cut.places[number][0] for number in cut.units["sentence"]]
    return max(1, min(_MOST_PARTS, round(len(summary) / median(lengths)))) if lengths else 1


def _share(wanted: Counter[Any], said: Counter[Any], least: float, length: int) -> float:
    hits = (wanted & said).total()
    return min(1.0, 2 * hits / (least + length)) if hits else 0.0
