"""Which of several base models suits a task, told by its frozen vectors of the labelled rows before any is tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from gts.tasks.similarity_metrics import spearman

Floats = NDArray[np.float32]

_RIDGES = np.geomspace(1e-6, 1e2, 65)
"""Noise that is tried, as shares of the total variance of the vectors. The least keeps few rows in many dimensions, which a
linear model can always repeat, from being taken for free of noise."""
_STRONG = 3.0
"""Log odds in nats from which evidence is called strong: twenty to one (Kass and Raftery, Bayes Factors, 1995)."""
_DEVIATIONS = 1.64
"""Standard errors of a lead within which it is put down to chance: those of an interval of 90%."""


@dataclass(frozen=True)
class Base:
    """A base model that could be chosen.

    Attributes:
        encoder: Its id in the catalogue.
        score: What it is worth for the task (:class:`Score`); ``None`` where base models are not ranked.
        encode_s: Seconds one text takes to encode in a batch; ``None`` where it was not measured.
    """

    encoder: str
    score: float | None
    encode_s: float | None


@dataclass(frozen=True, eq=False)
class Score:
    """What a base model is worth for a task.

    Attributes:
        value: The more the better; to be compared on the same rows only.
        parts: What each row adds to it, up to a constant [rows]: their spread says how far it hangs on these rows.
        least: Lead over another base model that is always put down to chance.
    """

    value: float
    parts: NDArray[np.float64]
    least: float

    def is_near(self, other: Score) -> bool:
        """Whether a lead over another, on the same rows, is no more than chance gives."""
        error = float(np.std(self.parts - other.parts)) / sqrt(len(self.parts))
        return self.value - other.value <= max(self.least, _DEVIATIONS * error)


def label_evidence(vectors: Floats, targets: Floats) -> Score:
    """How well a linear model of frozen vectors explains labels: LogME, in nats a row and label above no vectors at all.

    LogME is the greatest log marginal likelihood of Bayesian linear regression from vectors to label indicators over the
    variances of its weights and of the noise. With fewer rows than dimensions its published fixed-point iteration runs into
    0/0, since the noise that is left over may vanish. The marginal likelihood itself does not degenerate: in the space of the
    rows it is that of a Gaussian process with a linear kernel, and after the scale has been solved for a function of one
    number, the ratio of the two variances, which is searched here on a grid. So it is used with few rows too, and
    rather than leave-one-out nearest neighbour: that counts rows, of which a few dozen tell only great differences,
    and says nothing more once all neighbours are right. Vectors and indicators are centred, so that a direction that all
    texts of an encoder share counts for nothing.

    Args:
        vectors: Unit vectors of the rows [rows, d].
        targets: Label indicators [rows, labels]; labels that all rows have, or none, are left out.

    Returns:
        Its value is zero where the vectors tell nothing. Parts are log likelihoods of rows left out one at a time under the same
        variances. A lead of odds below twenty to one over all rows is chance, as the spread of a dozen parts says little.

    References:
        You et al., LogME: Practical Assessment of Pre-trained Models for Transfer Learning, 2021.

    Example:
        >>> apart, alike = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 1]], np.ones((6, 2), np.float32)
        >>> label_evidence(apart, apart).value > label_evidence(alike, apart).value
        True
    """
    rows = len(targets)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    told = targets[:, np.ptp(targets, axis=0) > 0].astype(np.float64)
    spread, directions = np.linalg.eigh(centred @ centred.T)
    spread = np.maximum(spread, 0.0)
    if not told.shape[1] or spread.sum() < np.finfo(np.float32).eps:
        return Score(0.0, np.zeros(rows), _STRONG / rows)
    seen = directions.T @ (told - told.mean(axis=0))  # [rows, labels]
    free = rows - 1  # centring takes one
    ridges = spread.sum() * _RIDGES
    variances = spread[:, None] + ridges  # [rows, ridges]
    scale = (seen**2).T @ (1 / variances) / free  # [labels, ridges]
    volume = np.log(variances).sum(axis=0) - np.log(ridges)  # without the direction that centring took
    evidence = -(free * np.log(scale) + volume) / 2
    nothing = -free * np.log((seen**2).sum(axis=0) / free) / 2
    best = evidence.argmax(axis=1)
    precision = 1 / variances[:, best]  # [rows, labels]
    own = directions**2 @ precision
    error = directions @ (seen * precision) / own
    variance = scale[np.arange(len(best)), best] / own
    parts = -(np.log(variance) + error**2 / variance).mean(axis=1) / 2
    return Score(float((evidence.max(axis=1) - nothing).mean()) / rows, parts, _STRONG / rows)


def pair_order(cosines: Floats, grades: Floats) -> Score:
    """How well cosines put pairs in the order of their grades: Spearman's correlation.

    Of pairs that are alike or not it orders base models as the area under the ROC curve does.

    Args:
        cosines: Cosine of the two vectors of each pair [pairs].
        grades: 0 and 1, or grades on a scale [pairs].

    Returns:
        Its parts are what each pair's ranks add to the correlation (its influence function); a lead of one pair's share is chance.

    Example:
        >>> pair_order(np.array([0.9, 0.2, 0.4, 0.8]), np.array([3.0, 0.0, 1.0, 2.0])).value
        1.0
    """
    value = spearman(grades, cosines)
    one, other = _standard_ranks(grades), _standard_ranks(cosines)
    return Score(value, one * other - value * (one**2 + other**2) / 2, 1 / len(grades))


def choose(scores: Sequence[Score], seconds: Sequence[float]) -> int:
    """The best base model, or the fastest of those that do as well within what chance gives; its position.

    Example:
        >>> worth = [Score(value, np.full(20, value), 0.05) for value in (0.40, 0.42, 0.1)]
        >>> choose(worth, [0.001, 0.02, 0.0005])
        0
    """
    best = max(scores, key=lambda score: score.value)
    near = [i for i, score in enumerate(scores) if best.is_near(score)]
    return min(near, key=lambda i: seconds[i])


def in_words(bases: Sequence[Base], chosen: str | None) -> str:
    """Which of several base models was chosen and why; empty where there was no choice."""
    if len(bases) < 2:
        return ""
    mine = next(base for base in bases if base.encoder == chosen)
    scores = {base.encoder: base.score for base in bases if base.score is not None}
    if mine.score is None:
        return f"base model {chosen}, the first of {len(bases)}: they are ranked on labelled texts and pairs only"
    others = ", ".join(f"{name} {score:.3f}" for name, score in scores.items() if name != chosen)
    if mine.score < max(scores.values()):
        why = "its untuned vectors do as well as any on so few rows, and it is faster"
    else:
        why = "its untuned vectors fit the labelled rows best"
    return f"base model {chosen} of {len(bases)}: {why} ({mine.score:.3f}; {others})"


def _standard_ranks(values: Floats) -> NDArray[np.float64]:
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]  # equal values share the mean of theirs
    deviation = ranks.std()
    return np.asarray((ranks - ranks.mean()) / deviation if deviation else np.zeros(len(ranks)))
