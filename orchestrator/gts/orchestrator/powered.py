"""How good a student is on new texts: held-out gold, corrected by what the teachers believe of unlabelled text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks.metrics import wilson_interval

Floats = NDArray[Any]
Measure = Callable[[Floats], float]
"""A measure as a function of the means of its parts over rows [parts]."""

GROWTH, GROWTH_SD = 0.1, 0.3
"""Of the texts that the student of all gold answers otherwise than those of the folds: the share by which it is right more often,
and how far jobs differ in that: chosen on simulated jobs (benchmarks/LOG.md)."""
_LEAST_VARIANCE = 0.02
"""Of a row's answer being right: gold rows that are all right, or all wrong, do not make a measure certain."""
_FEWEST = 4
"""Gold rows with which beliefs are compared at all."""
_STEP = 1e-5


@dataclass(frozen=True)
class Sample:
    """What a measure is made of, row by row.

    Attributes:
        observed: Of gold rows, by the students of folds that had not seen them [gold, parts].
        believed: The same, as the teachers of these folds believe it [gold, parts].
        pool: Of unlabelled rows, as the teachers believe it: the mean over the folds' students [rows, parts].
        changed: Share of unlabelled rows that the folds' students answer otherwise than the student of all gold.
    """

    observed: Floats
    believed: Floats
    pool: Floats
    changed: float

    @classmethod
    def of(
        cls, observed: Floats, believed: Floats, pool: Sequence[Floats], changed: Sequence[float]
    ) -> Sample:
        """From what was found for each fold.

        Args:
            observed: As above.
            believed: As above; not looked at where there is no pool.
            pool: For each fold what its teachers believe of its student's answers [rows, parts]; empty without teachers.
            changed: For each fold the share of answers that its student gives otherwise.
        """
        told = np.mean(pool, axis=0) if pool else observed[:0]
        return cls(observed, believed, told, float(np.mean(changed)))


@dataclass(frozen=True)
class Corrected:
    """A measure with its interval.

    Attributes:
        value: The measure that is expected on new texts.
        low: Lower end.
        high: Upper end.
        power: How much the beliefs count: 0 not at all, 1 like labels.
    """

    value: float
    low: float
    high: float
    power: float


def corrected(sample: Sample, measure: Measure, confidence: float) -> Corrected:
    """Estimate a measure from few labels and many beliefs.

    The mean of every part is that of held-out gold, moved by what the teachers believe of the pool against what they believe of
    the same gold: wrong beliefs are wrong on both and cancel, right ones take away the chance that lies in drawing few gold
    rows. They count as far as they agree with the labels of gold. The students of folds have learnt from less than the one that
    is published; how often that one answers otherwise is known from the pool, and moves and widens the interval.

    Args:
        sample: Parts of the measure by row; the pool may be empty.
        measure: The measure, of the means of its parts.
        confidence: Probability with which the interval should hold the measure on new texts.

    References:
        Angelopoulos et al., Prediction-Powered Inference, 2023 (algorithm 1); Angelopoulos, Duchi and Zrnic, PPI++, 2023
        (section 6, the power that is tuned).
    """
    n, rows = len(sample.observed), len(sample.pool)
    means = sample.observed.mean(axis=0)
    slope = _slope(measure, means)
    seen = (sample.observed - means) @ slope
    power, believed, drawn = 0.0, np.zeros(n), 0.0
    if rows:
        believed = (sample.believed - sample.believed.mean(axis=0)) @ slope
        told = (sample.pool - sample.pool.mean(axis=0)) @ slope
        power = _power(seen, believed, rows)
        means = means + power * (sample.pool.mean(axis=0) - sample.believed.mean(axis=0))
        drawn = power**2 * float(told.var()) / rows
    value = float(np.clip(measure(means) + GROWTH * sample.changed, 0.0, 1.0))
    least = _LEAST_VARIANCE if seen.var() == 0 or power else 0.0
    error = sqrt(
        max(float((seen - power * believed).var()), least) / max(1, n - 1)
        + drawn
        + (GROWTH_SD * sample.changed) ** 2
    )
    # As many rows as would make an error of this size; Wilson's interval stays within 0 and 1.
    spread = max(value * (1 - value), _LEAST_VARIANCE)
    worth = max(1.0, spread / error**2)
    return Corrected(value, *wilson_interval(value * worth, worth, confidence), power)


def _power(seen: Floats, believed: Floats, rows: int) -> float:
    """How much beliefs count: what makes the variance least, less what chance would give beliefs that know nothing."""
    n = len(seen)
    if n < _FEWEST or believed.var() == 0 or seen.var() == 0:
        return 0.0
    together = float((seen * believed).mean())
    shared = min(together**2 / float(seen.var() * believed.var()), 1.0)
    by_chance = (1 - shared) / max(shared, 1e-9) / (n - 2)
    return float(np.clip(together / believed.var() / (1 + n / rows) * (1 - by_chance), 0.0, 1.0))


def _slope(measure: Measure, means: Floats) -> Floats:
    """How the measure changes with each mean."""
    here = measure(means)
    steps = np.eye(len(means)) * _STEP
    return np.array([(measure(means + step) - here) / _STEP for step in steps])
