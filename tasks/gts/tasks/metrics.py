"""Measures of predictions, in numpy alone: a downloaded student is evaluated without scikit-learn.

Labels are encoded as integer classes [n] (single-label) or as a boolean matrix [n, labels] (multi-label); every
function takes either form, the same for both arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.wording import listing, quote

Encoded = NDArray[Any]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Counts:
    """Per-label counts, each int64 [labels].

    Attributes:
        hit: Label predicted and true.
        predicted: Label predicted.
        true: Label true.
    """

    hit: NDArray[np.int64]
    predicted: NDArray[np.int64]
    true: NDArray[np.int64]


def encode(labels: Sequence[str], rows: Sequence[str | Sequence[str]], *, multi_label: bool) -> Encoded:
    """Label names as integer classes [n], or as a boolean matrix [n, labels] for multi-label tasks.

    Args:
        labels: Label names; their position is the class.
        rows: For each example its label, or its labels (one of them in single-label tasks).
        multi_label: Which form to give.

    Raises:
        InvalidInput: A name is not among the labels, or a single-label row has not exactly one.

    Example:
        >>> encode(["a", "b"], ["b", ("a",)], multi_label=False).tolist()
        [1, 0]
        >>> encode(["a", "b"], [("a", "b"), ()], multi_label=True).tolist()
        [[True, True], [False, False]]
    """
    index = {label: position for position, label in enumerate(labels)}
    sets = [(row,) if isinstance(row, str) else tuple(row) for row in rows]
    unknown = {name for names in sets for name in names} - set(index)
    if unknown:
        raise InvalidInput(
            f"unknown label {quote(min(unknown))}; the labels are {listing(labels)}",
            mend="use the model's labels in the test file",
        )
    if multi_label:
        matrix = np.zeros((len(sets), len(labels)), dtype=bool)
        for row, names in enumerate(sets):
            matrix[row, [index[name] for name in names]] = True
        return matrix
    wrong = next((number for number, names in enumerate(sets, start=1) if len(names) != 1), None)
    if wrong is not None:
        raise InvalidInput(
            f"row {wrong} has {len(sets[wrong - 1])} labels where one was expected",
            mend="set multi_label: true",
        )
    return np.array([index[names[0]] for names in sets], dtype=np.int64)


def count(gold: Encoded, predicted: Encoded, labels: int) -> Counts:
    """Count hits, predictions and true occurrences of each of ``labels`` labels."""
    if gold.ndim == 2:
        both = gold & predicted
        return Counts(both.sum(axis=0), predicted.sum(axis=0), gold.sum(axis=0))
    hits = gold[gold == predicted]
    return Counts(*(np.bincount(codes, minlength=labels) for codes in (hits, predicted, gold)))


def accuracy(gold: Encoded, predicted: Encoded) -> float:
    """Share of examples predicted right; in multi-label tasks with exactly the true set (subset accuracy).

    Example:
        >>> accuracy(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]))
        0.75
    """
    same = (gold == predicted).all(axis=1) if gold.ndim == 2 else gold == predicted
    return float(same.mean())


def f1_scores(counts: Counts) -> NDArray[np.float64]:
    """F1 of each label [labels]; 0 for a label that neither occurs nor is predicted."""
    return _ratio(2 * counts.hit, counts.predicted + counts.true)


def macro_f1(counts: Counts) -> float:
    """Mean F1 over the labels that occur or are predicted (as scikit-learn does); 0 if there are none.

    Labels without a row in the test would otherwise count as failures.
    """
    present = (counts.predicted + counts.true) > 0
    return float(f1_scores(counts)[present].mean()) if present.any() else 0.0


def micro_f1(counts: Counts) -> float:
    """F1 over all label decisions together."""
    total = counts.predicted.sum() + counts.true.sum()
    return float(2 * counts.hit.sum() / total) if total else 0.0


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def confusions(
    labels: Sequence[str], gold: Encoded, predicted: Encoded, limit: int = 10
) -> list[dict[str, Any]]:
    """The commonest confusions ``{"gold", "predicted", "count"}``, most frequent first.

    In multi-label tasks a pair is a label that was missed and one that was wrongly given to the same text.
    """
    size = len(labels)
    if gold.ndim == 2:
        missed, extra = (gold & ~predicted).astype(np.int64), (predicted & ~gold).astype(np.int64)
        flat = (missed.T @ extra).ravel()
    else:
        wrong = gold != predicted
        flat = np.bincount(gold[wrong] * size + predicted[wrong], minlength=size * size)
    order = np.argsort(-flat, kind="stable")[:limit]
    return [
        {"gold": labels[cell // size], "predicted": labels[cell % size], "count": int(flat[cell])}
        for cell in order
        if flat[cell]
    ]


def evaluate(
    labels: Sequence[str],
    gold: Sequence[str | Sequence[str]],
    predicted: Sequence[str | Sequence[str]],
    multi_label: bool = False,
    *,
    metric: str = "accuracy",
) -> dict[str, Any]:
    """All measures of predictions, ready for JSON.

    Args:
        labels: Label names.
        gold: True label, or labels, of each example.
        predicted: Predicted label, or labels, of each example.
        multi_label: Whether an example may have any number of labels.
        metric: Which measure decides: ``accuracy`` or ``macro_f1``; only named in the result.

    Returns:
        ``metric``, ``accuracy`` (subset accuracy for multi-label), ``macro_f1``, ``micro_f1`` (multi-label only),
        ``n``, ``per_label`` (label to ``precision``, ``recall``, ``f1``, ``support``) and ``confusions``.

    Raises:
        InvalidInput: No example, unequal lengths, or an unknown label.

    Example:
        >>> evaluate(["a", "b"], ["a", "b"], ["a", "a"])["accuracy"]
        0.5
    """
    if len(gold) != len(predicted) or not gold:
        raise InvalidInput(
            f"{len(gold)} true and {len(predicted)} predicted labels; as many of each, at least one, were expected",
            mend="give one prediction for each test example",
        )
    true, guess = (encode(labels, rows, multi_label=multi_label) for rows in (gold, predicted))
    counts = count(true, guess, len(labels))
    precision, recall = _ratio(counts.hit, counts.predicted), _ratio(counts.hit, counts.true)
    f1 = f1_scores(counts)
    result: dict[str, Any] = {
        "metric": metric,
        "accuracy": accuracy(true, guess),
        "macro_f1": macro_f1(counts),
        "n": len(gold),
    }
    if multi_label:
        result["micro_f1"] = micro_f1(counts)
    result["per_label"] = {
        label: {
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "support": int(counts.true[i]),
        }
        for i, label in enumerate(labels)
    }
    result["confusions"] = confusions(labels, true, guess)
    return result


def wilson_interval(successes: float, n: float, confidence: float = 0.9) -> Interval:
    """Interval of a proportion (Wilson 1927), good for small ``n`` and for proportions near 0 and 1.

    Args:
        successes: Number of right predictions; may be a fraction where weights were used.
        n: Number of predictions; may be a fraction where an error is given as the number of rows that would have it.
        confidence: Probability with which the interval should hold the true value.

    Example:
        >>> low, high = wilson_interval(43, 48, 0.95)
        >>> round(low, 3), round(high, 3)
        (0.778, 0.955)
    """
    if n < 1 or not 0 <= successes <= n or not 0 < confidence < 1:
        raise InvalidInput(
            f"{successes} of {n} with confidence {confidence} is no proportion",
            mend="0 <= successes <= n, n >= 1, 0 < confidence < 1",
        )
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # The share lies inside; at 0 and 1 it is an end, and rounding must not leave it out.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def bootstrap_interval(
    gold: Encoded,
    predicted: Encoded,
    labels: int,
    *,
    confidence: float = 0.9,
    resamples: int = 1_000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of macro F1 over examples (Efron 1979); the same for the same seed.

    Args:
        gold: True labels as :func:`encode` gives them.
        predicted: Predicted labels in the same form.
        labels: Number of labels.
        confidence: Probability with which the interval should hold the true value.
        resamples: Number of resamples.
        seed: Seed of the resampling.
    """
    rng = np.random.default_rng(seed)
    values = np.empty(resamples)
    for round_number in range(resamples):
        rows = rng.integers(0, len(gold), len(gold))
        values[round_number] = macro_f1(count(gold[rows], predicted[rows], labels))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
