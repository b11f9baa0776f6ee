"""Measures of how alike two texts are said to be: decisions at a threshold, and the order of the scores.

A pair counts as alike where its score is the threshold or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gts.core.errors import InvalidInput
from gts.tasks.wording import quote

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """Where pairs are cut into alike and not alike.

    Attributes:
        value: The least score of a pair that counts as alike.
        score: The measure reached on the pairs it was chosen on.
    """

    value: float
    score: float


def _pair_of_columns(gold: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    true, guess = np.asarray(gold, np.float64), np.asarray(scores, np.float64)
    if true.shape != guess.shape or true.ndim != 1 or not len(true):
        raise InvalidInput(
            f"{true.size} true and {guess.size} predicted scores; as many of each, at least one, "
            "were expected",
            mend="give one score for each test pair",
        )
    if not (np.isfinite(true).all() and np.isfinite(guess).all()):
        raise InvalidInput(
            "a score is infinite or not a number; finite ones were expected",
            mend="leave out pairs without a score",
        )
    return true, guess


def _labels(gold: Floats) -> NDArray[np.bool_]:
    positive: NDArray[np.bool_] = gold == 1
    strange = gold[(gold != 0) & ~positive]
    if len(strange):
        raise InvalidInput(
            f"a pair is labelled {quote(float(strange[0]))} where 0 or 1 was expected",
            mend="label pairs with 0 and 1, or give the task a scale if they are graded",
        )
    return positive


def alike(scores: ArrayLike, threshold: ArrayLike) -> NDArray[np.bool_]:
    """Which pairs count as alike [n]; the threshold may be one for all or one for each.

    Example:
        >>> alike([0.2, 0.5, 0.9], 0.5).tolist()
        [False, True, True]
    """
    # In double precision: a threshold between two neighbouring 32-bit scores would otherwise be rounded to
    # one of them.
    decided: NDArray[np.bool_] = np.asarray(scores, np.float64) >= np.asarray(threshold, np.float64)
    return decided


def accuracy(gold: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Share of pairs that were decided right."""
    return float((gold == predicted).mean())


def f1(gold: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """F1 of the pairs that are alike; 0 where none is and none is said to be.

    Example:
        >>> f1(np.array([True, True, False]), np.array([True, False, False]))
        0.6666666666666666
    """
    total = int(gold.sum()) + int(predicted.sum())
    return 2 * int((gold & predicted).sum()) / total if total else 0.0


def _ranks(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(times) - (times - 1) / 2)[place]
    return ranks


def spearman(gold: ArrayLike, scores: ArrayLike) -> float:
    """Spearman's rank correlation, from -1 to 1: Pearson's of the ranks.

    Equal values share the mean of their ranks. 0 where all true or all predicted scores are equal: such
    scores say nothing about the order, and a student that gives every pair the same one should rank below any
    that orders them well.

    Args:
        gold: True scores [n], graded or 0 and 1.
        scores: Predicted scores [n].

    Raises:
        InvalidInput: No pair, unequal lengths, or a score that is not finite.

    Example:
        >>> spearman([0, 1, 2, 3], [0.1, 0.2, 0.9, 0.4])
        0.8
    """
    ranks = [_ranks(values) for values in _pair_of_columns(gold, scores)]
    true, guess = (values - values.mean() for values in ranks)
    spread = float(np.sqrt((true @ true) * (guess @ guess)))
    return float(np.clip(true @ guess / spread, -1, 1)) if spread else 0.0


def best_threshold(
    gold: ArrayLike, scores: ArrayLike, metric: Literal["accuracy", "f1"] = "accuracy"
) -> Threshold:
    """The threshold that decides given pairs best.

    A threshold lies in the middle between two neighbouring scores, at the least score (every pair is alike),
    or just above the greatest (none is). Among equally good ones that with the widest gap around it is
    taken, as the most likely to hold for other pairs; both ends have no gap. Among equally wide ones, the
    least.

    Args:
        gold: True labels [n], 0 or 1.
        scores: Predicted scores [n].
        metric: The measure to raise.

    Raises:
        InvalidInput: No pair, unequal lengths, a score that is not finite, or a label other than 0 and 1.

    Example:
        >>> best_threshold([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.8])
        Threshold(value=0.5, score=1.0)
    """
    true, guess = _pair_of_columns(gold, scores)
    label = _labels(true)
    levels, place = np.unique(guess, return_inverse=True)
    positive = np.bincount(place, weights=label, minlength=len(levels))
    negative = np.bincount(place, weights=~label, minlength=len(levels))
    # Cut number i calls the levels from the i-th on alike; the last one calls none so.
    hits = np.append(positive[::-1].cumsum()[::-1], 0)
    false_alarms = np.append(negative[::-1].cumsum()[::-1], 0)
    if metric == "accuracy":
        reached = (hits + negative.sum() - false_alarms) / len(true)
    else:
        total = positive.sum() + hits + false_alarms
        reached = np.divide(2 * hits, total, out=np.zeros(len(total)), where=total > 0)
    gaps = np.concatenate([[0], np.diff(levels), [0]])
    best = int(np.lexsort((-gaps, -reached))[0])  # stable: the least of equal ones stands first
    return Threshold(_cut(levels, best), float(reached[best]))


def _cut(levels: Floats, number: int) -> float:
    if number == 0:
        return float(levels[0])
    if number == len(levels):
        return float(np.nextafter(levels[-1], np.inf))
    below, above = float(levels[number - 1]), float(levels[number])
    middle = below / 2 + above / 2
    return middle if below < middle else above  # neighbouring numbers have none between them


def evaluate(
    gold: Sequence[float], scores: ArrayLike, threshold: ArrayLike = 0.5, *, graded: bool = False
) -> dict[str, Any]:
    """All measures of predicted scores, ready for JSON.

    Args:
        gold: True labels (0 or 1) or grades [n].
        scores: Predicted scores [n].
        threshold: The least score of a pair that counts as alike: one for all, or one for each [n].
        graded: Whether ``gold`` holds grades; these have an order only, so ``accuracy`` and ``f1`` are left
            out.

    Returns:
        ``accuracy``, ``f1`` (of the pairs that are alike), ``spearman`` and ``n``.

    Raises:
        InvalidInput: No pair, unequal lengths, a score that is not finite, or a label other than 0 and 1.

    Example:
        >>> evaluate([0, 1, 1], [0.2, 0.4, 0.9])["accuracy"]
        0.6666666666666666
        >>> sorted(evaluate([0.5, 3.0, 4.5], [0.2, 0.4, 0.9], graded=True))
        ['n', 'spearman']
    """
    true, guess = _pair_of_columns(gold, scores)
    decided: dict[str, Any] = {}
    if not graded:
        label, said = _labels(true), alike(guess, threshold)
        decided = {"accuracy": accuracy(label, said), "f1": f1(label, said)}
    return decided | {"spearman": spearman(true, guess), "n": len(true)}
