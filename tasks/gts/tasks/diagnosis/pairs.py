"""What the doctor finds in the pairs of a similarity task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks.diagnosis.finding import FEW, SHOWN, Example, Finding, cut
from gts.tasks.diagnosis.likeness import at_least, drawn
from gts.tasks.overlap import NAMES, overlap_features
from gts.tasks.rows import PairRow, RowTask
from gts.tasks.text import same_text_key
from gts.tasks.wording import counted, quote

_MOST_ROWS = 600
_RARE = 0.2
_MANY, _MANY_SHARE = 4, 0.1
_ONE_ANSWER = 0.01
"""How likely equal answers may be by chance that are still called one answer."""
_LEAST_PAIRS = 16
_DECIDES = 0.97
_ORDERS = 0.95
_OVERLAPS = ("words_dice", "char_pairs_dice")
_CHARS = 90


def pair_findings(data: RowTask) -> Iterator[Finding]:
    """Everything that is found in the labelled pairs."""
    rows: Sequence[PairRow] = data.gold
    decided = data.spec.scale is None
    if decided:
        yield from _answers(rows)
    yield from _repeated(rows, decided=decided)
    yield from _surface(rows, decided=decided)


def _shown(rows: Sequence[PairRow], places: Sequence[int]) -> tuple[Example, ...]:
    def half(text: str) -> str:
        return text if len(text) <= _CHARS else text[: _CHARS - 1] + "…"

    return tuple(
        Example(
            place + 1,
            cut(f"{half(rows[place].text_a)} / {half(rows[place].text_b)}"),
            (f"{rows[place].score:g}",),
        )
        for place in places[:SHOWN]
    )


def _answers(rows: Sequence[PairRow]) -> Iterator[Finding]:
    """Pairs of one answer that are few, or much rarer than the others."""
    alike = [place for place, row in enumerate(rows) if row.score == 1]
    different = [place for place, row in enumerate(rows) if row.score == 0]
    for places, said, other in ((alike, "1", "0"), (different, "0", "1")):
        what = "alike" if said == "1" else "not alike"
        if len(places) >= FEW and len(places) >= _RARE * len(rows):
            continue
        few = len(places) < FEW
        yield Finding(
            "few" if few else "imbalance",
            (said,),
            f"{counted(len(places), 'pair')} of {len(rows):,} {'is' if len(places) == 1 else 'are'} {what}",
            f"add pairs that are {what}"
            + (
                ", eight or so at least"
                if few
                else f"; a student that always says {other} would be right most times"
            ),
            _shown(rows, places),
        )


def _repeated(rows: Sequence[PairRow], *, decided: bool) -> Iterator[Finding]:
    """Sentences that come in many pairs."""
    uses: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for key in dict.fromkeys((same_text_key(row.text_a), same_text_key(row.text_b))):
            uses[key].append(place)
    alike = sum(row.score == 1 for row in rows) / max(1, len(rows))
    for key, places in sorted(uses.items(), key=lambda item: -len(item[1])):
        if len(places) < max(_MANY, _MANY_SHARE * len(rows)):
            return
        first = rows[places[0]]
        text = first.text_a if same_text_key(first.text_a) == key else first.text_b
        score, number = first.score or 0.0, len(places)
        is_one = decided and all(rows[place].score == score for place in places)
        always = is_one and at_least(number, number, alike if score else 1 - alike) <= _ONE_ANSWER
        said = f", always with the answer {score:g}" if always else ""
        yield Finding(
            "repeated",
            (),
            f"the text {quote(text)} comes in {len(places):,} of {counted(len(rows), 'pair')}{said}",
            "pair it with texts of both answers: the student may learn the text and not the likeness"
            if always
            else "use more texts: pairs that share one teach and measure less than their number says",
            _shown(rows, places),
        )


def _surface(rows: Sequence[PairRow], *, decided: bool) -> Iterator[Finding]:
    """Pairs whose answer is plain from how many words or characters they share."""
    places = drawn([row.score for row in rows], _MOST_ROWS)
    if len(places) < _LEAST_PAIRS:
        return
    features = overlap_features([(rows[place].text_a, rows[place].text_b) for place in places])
    scores = np.array([rows[place].score for place in places], np.float64)
    sampled = (
        f" (among {len(places):,} of the {len(rows):,} pairs, drawn at random)"
        if len(places) < len(rows)
        else ""
    )
    for name in _OVERLAPS:
        shared = features[:, NAMES.index(name)].astype(np.float64)
        unit = "words" if name.startswith("words") else "characters"
        if decided:
            right, at = _best_cut(shared, scores)
            if right < _DECIDES or min(scores.mean(), 1 - scores.mean()) < 1 - _DECIDES:
                continue
            found = (
                f"shared {unit} alone give the answer of {right:.0%} of the pairs: those that share more than "
                f"{at:.0%} of them are alike"
            )
        else:
            order = _rank_correlation(shared, scores)
            if order < _ORDERS:
                continue
            found = f"shared {unit} alone give the order of the grades (rank correlation {order:.2f})"
        yield Finding(
            "surface",
            (),
            found + sampled,
            "where real pairs are not so plain, add some that share few words and are alike, and some that share many and "
            "are not",
            _shown(rows, [places[i] for i in (int(shared.argmax()), int(shared.argmin()))]),
        )
        return


def _best_cut(shared: NDArray[np.float64], alike: NDArray[np.float64]) -> tuple[float, float]:
    """Share of the pairs that the best bound on what they share gets right, and the bound."""
    order = np.argsort(shared, kind="stable")
    values, answers = shared[order], alike[order]
    right = np.concatenate([[0.0], np.cumsum(1 - answers)]) + (
        answers.sum() - np.concatenate([[0.0], np.cumsum(answers)])
    )
    usable = np.concatenate([[True], values[1:] > values[:-1], [True]])
    best = int(np.where(usable, right, -1).argmax())
    bounds = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    return float(right[best] / len(values)), float(bounds[best])


def _rank_correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[which], np.float64)
