"""How good a student is, judged by gold texts that it (and its teachers) had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks import metrics

Floats = NDArray[np.float32]
CONFIDENCE = 0.9
_TEMPERATURES = np.geomspace(
    0.5, 5.0, 65
)  # a few texts that are all right must not make a student sure of everything


@dataclass(frozen=True)
class Estimate:
    """A measured quality with its interval.

    Attributes:
        metric: ``accuracy`` or ``macro_f1``.
        value: The measure on held-out gold.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Held-out gold texts.
        method: How it was measured, in words.
        loss: Mean negative log-likelihood in nats after calibration; finer than the metric on few texts.
        temperature: Divisor of the logits that gives this loss.
        confidence: Share of jobs in which the interval should hold.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    method: str
    loss: float
    temperature: float
    confidence: float = CONFIDENCE

    def as_json(self) -> dict[str, Any]:
        """The estimate as it stands in a report."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def decide(logits: Floats, multi_label: bool) -> NDArray[np.bool_]:
    """Label indicators a student decides for: the largest logit, or every positive one [n, labels]."""
    if multi_label:
        return logits > 0
    chosen = np.zeros(logits.shape, bool)
    chosen[np.arange(len(logits)), logits.argmax(axis=1)] = True
    return chosen


def label_sets(chosen: NDArray[Any], labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Label indicators as tuples of label names."""
    return [tuple(labels[int(i)] for i in np.flatnonzero(row)) for row in chosen]


def loss_at(logits: Floats, targets: Floats, multi_label: bool, temperature: float) -> float:
    """Mean negative log-likelihood in nats of logits divided by a temperature."""
    scaled = logits.astype(np.float64) / temperature
    if multi_label:
        return float(np.logaddexp(0, np.where(targets > 0.5, -scaled, scaled)).mean())
    shifted = scaled - scaled.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(targets * log_probability).sum(axis=1).mean())


def calibrate(logits: Floats, targets: Floats, multi_label: bool) -> tuple[float, float]:
    """The temperature with the least loss on held-out gold, and that loss.

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017 (section 4.2).
    """
    losses = [loss_at(logits, targets, multi_label, t) for t in _TEMPERATURES]
    best = int(np.argmin(losses))
    return float(_TEMPERATURES[best]), losses[best]


def estimate(
    logits: Floats, targets: Floats, labels: Sequence[str], multi_label: bool, metric: str, folds: int
) -> Estimate:
    """Estimate a student's quality from its out-of-fold logits.

    Args:
        logits: Each gold text's logits by the student that had not seen it [n, labels].
        targets: Label indicators [n, labels].
        labels: Label names.
        multi_label: Whether labels are independent.
        metric: ``accuracy`` (Wilson's interval) or ``macro_f1`` (bootstrap interval).
        folds: How many folds there were, for the words.
    """
    chosen = decide(logits, multi_label)
    right = int((chosen == (targets > 0.5)).all(axis=1).sum())
    n = len(targets)
    if metric == "accuracy":
        value = right / n
        low, high = metrics.wilson_interval(right, n, CONFIDENCE)
    else:
        true, guess = (
            metrics.encode(labels, label_sets(rows, labels), multi_label=multi_label)
            for rows in (targets > 0.5, chosen)
        )
        value = metrics.macro_f1(metrics.count(true, guess, len(labels)))
        low, high = metrics.bootstrap_interval(true, guess, len(labels), confidence=CONFIDENCE)
    temperature, loss = calibrate(logits, targets, multi_label)
    return Estimate(metric, value, low, high, n, f"cross-fitting, {folds} folds", loss, temperature)
