"""Making a student's probabilities as sure as they are right, and finding where to cut them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.student.runtime import sigmoid
from gts.tasks.similarity_metrics import best_threshold

Floats = NDArray[np.float32]

_LEAST = 1e-4
_PRIOR = 4.0
"""How strongly slope and intercept are held at 1 and 0: as by about so many pairs."""


@dataclass(frozen=True)
class Calibration:
    """A line through the logits.

    Attributes:
        slope: Contrast; below 1 for a student that is too sure.
        intercept: Added to every logit.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities, in the same order."""
        return sigmoid((self.slope * logit(probabilities) + self.intercept).astype(np.float32))


def logit(probabilities: Floats) -> Floats:
    """Log odds of probabilities, those beyond 0.0001 and 0.9999 counted as these."""
    p = np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p / (1 - p)), np.float32)


def calibrate(probabilities: Floats, targets: Floats, rounds: int = 50) -> Calibration:
    """Fit a calibration on pairs that the student had not seen.

    References:
        Platt, Probabilistic Outputs for Support Vector Machines, 1999; here with a prior that holds the line where it is,
        since it is fitted on a few dozen pairs.

    Args:
        probabilities: The student's, out of fold [pairs].
        targets: Labels 0 and 1, or grades as shares of their scale [pairs].
        rounds: Most Newton steps.

    Raises:
        InvalidInput: There is no pair, or unequal numbers were given.

    Example:
        >>> sure = np.array([0.999, 0.999, 0.999, 0.001, 0.001, 0.001] * 20, np.float32)
        >>> right = np.array([1, 1, 0, 0, 0, 1] * 20, np.float32)
        >>> bool(calibrate(sure, right).slope < 0.2)
        True
    """
    if len(probabilities) != len(targets) or not len(targets):
        raise InvalidInput(
            f"{len(probabilities)} probabilities for {len(targets)} targets; as many of each, at least one, "
            "were expected",
            mend="calibrate on the out-of-fold predictions of all gold pairs",
        )
    x = np.stack([logit(probabilities), np.ones(len(targets))], axis=1).astype(np.float64)
    start = np.array([1.0, 0.0])
    found, prior = start.copy(), _PRIOR * np.eye(2)
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        gradient = x.T @ (p - targets) + prior @ (found - start)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + prior, gradient)
        # Newton's full step may overshoot where almost every probability is 0 or 1.
        found -= step * min(1.0, 1.0 / max(1e-9, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-6:
            break
    # A line that falls would turn the order of the pairs round, which no student deserves.
    return Calibration(max(0.05, float(found[0])), float(found[1]))


@dataclass(frozen=True)
class Decision:
    """How a student's raw probabilities become answers.

    Attributes:
        calibration: Makes them as sure as they are right.
        threshold: Calibrated probability from which a pair counts as alike.
    """

    calibration: Calibration = Calibration()
    threshold: float = 0.5

    def to_json(self) -> dict[str, float]:
        """As ``gts.json`` holds it."""
        line = self.calibration
        return {"threshold": self.threshold, "slope": line.slope, "intercept": line.intercept}


_TRUSTED = 200
"""Pairs from which the best threshold among them is taken as it is."""


def decide_from(
    probabilities: Floats, targets: Floats, metric: Literal["accuracy", "f1"] = "accuracy"
) -> Decision:
    """Calibration and threshold from out-of-fold predictions of labelled pairs.

    With few pairs the threshold that happened to be best among them is drawn towards the one that would be best if the
    calibrated probabilities were exact: one half for accuracy, half of the reachable F1 for F1 (Lipton et al., Optimal
    Thresholding of Classifiers to Maximize F1 Measure, 2014).

    Args:
        probabilities: Raw probabilities of pairs that the student had not seen [pairs].
        targets: Labels 0 and 1 [pairs].
        metric: What the threshold is to raise.

    Raises:
        InvalidInput: There is no pair, unequal numbers were given, or a label is not 0 or 1.
    """
    calibration = calibrate(probabilities, targets)
    p = calibration.apply(probabilities)
    found = best_threshold(targets, p, metric).value
    expected = 0.5 if metric == "accuracy" else _expected_f1(p) / 2
    share = min(1.0, len(p) / _TRUSTED)
    return Decision(calibration, float(np.clip(share * found + (1 - share) * expected, 0.01, 0.99)))


def _expected_f1(probabilities: Floats) -> float:
    """The best F1 that can be expected if each probability is exact."""
    ordered = np.sort(probabilities.astype(np.float64))[::-1]
    sizes = np.arange(1, len(ordered) + 1)
    return float((2 * ordered.cumsum() / (sizes + ordered.sum())).max())
