"""The audit: which teachers to believe, judged by what they said about gold texts they had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_EXPONENTS = np.geomspace(1.0, 8.0, 31)
"""Spread and averaged beliefs are too flat, never too sharp; more than 8 would trust a handful of texts too far."""


_CONTRASTS = np.geomspace(0.1, 3.0, 31)
_BIAS_PRIOR = 2.0
"""Texts of each label added to both sides, so that a label of a few texts is hardly corrected."""


@dataclass(frozen=True)
class Audit:
    """Outcome of an audit.

    Attributes:
        weights: Share of each teacher in the ensemble; teachers that are left out have 0. They sum to 1.
        accuracy: Accuracy of each teacher on held-out gold (for multi-label: mean over labels).
        loss: Mean negative log-likelihood of each teacher on held-out gold, in nats.
        ensemble_accuracy: The same accuracy for the weighted ensemble.
        ensemble_loss: The same loss for the weighted ensemble.
        exponent: What the ensemble's beliefs are to be sharpened by, to be as sure as they are right.
    """

    weights: dict[str, float]
    accuracy: dict[str, float]
    loss: dict[str, float]
    ensemble_accuracy: float
    ensemble_loss: float
    exponent: float


def negative_log_likelihood(probabilities: Floats, targets: Floats, multi_label: bool) -> float:
    """Mean loss in nats of probabilities [n, labels] on label indicators [n, labels].

    Probabilities are kept from 0 and 1 by a hundredth, so that one confident error among a few dozen
    texts does not decide alone.
    """
    n_labels = targets.shape[1]
    if multi_label:
        p = np.clip(probabilities, 0.01, 0.99)
        return float(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean())
    p = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-9)
    p = 0.99 * p + 0.01 / n_labels
    return float(-(targets * np.log(p)).sum(axis=1).mean())


def accuracy(probabilities: Floats, targets: Floats, multi_label: bool) -> float:
    """Share of texts (multi-label: of text-label pairs) that are right."""
    if multi_label:
        return float(((probabilities >= 0.5) == (targets >= 0.5)).mean())
    return float((probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean())


def sharpen(probabilities: Floats, exponent: float, multi_label: bool) -> Floats:
    """Soft labels with their contrast raised: ``p ** exponent``, normalised again.

    Spread and averaged beliefs are flatter than they are wrong; sharpening undoes that without making
    hard labels of them. For multi-label, each label and its absence are the two outcomes.
    """
    if multi_label:
        yes, no = probabilities**exponent, (1 - probabilities) ** exponent
        return np.asarray(yes / np.maximum(yes + no, 1e-9), np.float32)
    raised = probabilities**exponent
    return np.asarray(raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-12), np.float32)


def combine(predictions: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Weighted mean of the teachers' probabilities."""
    parts = [weight * predictions[name] for name, weight in weights.items() if weight > 0]
    return np.asarray(sum(parts), np.float32)


def defer(probabilities: Floats, others: Floats) -> Floats:
    """Probabilities [n, labels] in which a teacher that abstained (NaN) goes by what the others believe."""
    return np.where(np.isnan(probabilities), others, probabilities)


@dataclass(frozen=True)
class Calibration:
    """What makes a language model's beliefs as sure as they are right.

    Attributes:
        bias: How much more often each label is said than it is there: log of the ratio [labels].
        exponent: Contrast of the beliefs; below 1 for a model that is too sure.
    """

    bias: tuple[float, ...]
    exponent: float

    def apply(self, probabilities: Floats, multi_label: bool) -> Floats:
        """Calibrated probabilities [n, labels]."""
        if not multi_label:
            probabilities = probabilities * np.exp(-np.asarray(self.bias, np.float32))
            probabilities /= np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)
        return sharpen(np.asarray(probabilities, np.float32), self.exponent, multi_label)


def calibrate(
    probabilities: Floats, targets: Floats, multi_label: bool, with_bias: bool = True
) -> Calibration:
    """Fit a calibration on held-out gold; rows of NaN are left out.

    The bias is measured on texts whose labels are known, not on a text without content: what a model says to an empty
    text is not what it says to real ones.

    References:
        Zhou et al., Batch Calibration, 2024 (the mean belief over texts as the prior to divide by); Guo et al., On Calibration
        of Modern Neural Networks, 2017 (one exponent for all classes).

    Args:
        probabilities: Raw beliefs [n, labels].
        targets: Label indicators [n, labels].
        multi_label: Whether labels are independent; then only the exponent is fitted.
        with_bias: Whether the bias is fitted too.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    p, y = probabilities[known], targets[known]
    n_labels = targets.shape[1]
    bias = np.zeros(n_labels)
    if with_bias and not multi_label and len(p):
        said, there = p.sum(axis=0) + _BIAS_PRIOR, y.sum(axis=0) + _BIAS_PRIOR
        bias = np.log(said / there)
    found = Calibration(tuple(float(value) for value in bias), 1.0)
    if not len(p):
        return found
    exponent = min(
        _CONTRASTS,
        key=lambda power: negative_log_likelihood(
            Calibration(found.bias, power).apply(p, multi_label), y, multi_label
        ),
    )
    return Calibration(found.bias, float(exponent))


def audit(predictions: Mapping[str, Floats], targets: Floats, multi_label: bool, rounds: int = 12) -> Audit:
    """Choose an ensemble by greedy selection with replacement on held-out loss.

    References:
        Caruana et al., Ensemble Selection from Libraries of Models, 2004. The likelihood is used instead of
        accuracy because accuracy on a few dozen texts moves in steps too coarse to choose by.

    Args:
        predictions: Teacher name to its probabilities for held-out gold texts [n, labels].
        targets: Label indicators [n, labels].
        multi_label: Whether labels are independent.
        rounds: Votes given away.

    Returns:
        Weights (votes / rounds), each teacher's measures, and the exponent.
    """
    losses = {name: negative_log_likelihood(p, targets, multi_label) for name, p in predictions.items()}
    votes = dict.fromkeys(predictions, 0)
    total = np.zeros_like(targets, dtype=np.float32)
    for round_number in range(rounds):
        best = min(
            predictions,
            key=lambda name: negative_log_likelihood(
                np.asarray((total + predictions[name]) / (round_number + 1), np.float32), targets, multi_label
            ),
        )
        votes[best] += 1
        total += predictions[best]
    weights = {name: count / rounds for name, count in votes.items()}
    blended = combine(predictions, weights)
    exponent = min(
        _EXPONENTS,
        key=lambda power: negative_log_likelihood(sharpen(blended, power, multi_label), targets, multi_label),
    )
    return Audit(
        weights=weights,
        accuracy={name: accuracy(p, targets, multi_label) for name, p in predictions.items()},
        loss=losses,
        ensemble_accuracy=accuracy(blended, targets, multi_label),
        ensemble_loss=negative_log_likelihood(blended, targets, multi_label),
        exponent=float(exponent),
    )
