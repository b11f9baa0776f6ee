"""Guessing labels from their names and descriptions alone, where nobody has labelled anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_NAME_WEIGHT = 0.5
"""Of a label's description beside the mean of the texts that seem to be its own."""
_LEAST_SPREAD, _LEAST = 0.05, -100.0
_CONFIDENT_SHARE = 0.25
_FEWEST_CONFIDENT = 8


@dataclass(frozen=True)
class Guess:
    """Texts whose labels are likely.

    Attributes:
        rows: Numbers of the texts [n], grouped by label, the surest of each first.
        labels: Number of the label of each [n].
    """

    rows: Ints
    labels: Ints


def descriptions(labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """For each label, in order, the texts that stand for it: its name, name with description, description.

    Example:
        >>> descriptions({"top_up": "adding money"})
        [('top up', 'top up: adding money', 'adding money')]
    """
    names = [name.replace("_", " ") for name in labels]
    return [
        (name, f"{name}: {text}" if text else name, text or name)
        for name, text in zip(names, labels.values(), strict=True)
    ]


def likeness(texts: Floats, described: Floats) -> Floats:
    """How much each text speaks for each label, comparable between labels [texts, labels].

    Some labels lie near all texts; so each is measured against how near it lies to texts on the whole. Then what is said of
    a label is mixed with the mean of the texts that are likeliest its own, once: more rounds wander off (benchmarks/LOG.md).

    Args:
        texts: Unit vectors of texts [texts, d].
        described: Unit vectors of what stands for the labels [labels, d].
    """
    scores = _standardised(texts @ described.T)
    surest = surest_of(scores, max(_FEWEST_CONFIDENT, round(_CONFIDENT_SHARE * len(texts) / len(described))))
    centres = described * _NAME_WEIGHT
    for label in range(len(described)):
        own = surest.rows[surest.labels == label]
        if len(own):
            centres[label] += texts[own].mean(axis=0)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    return _standardised(texts @ centres.T)


def surest_of(scores: Floats, per_label: int) -> Guess:
    """The texts of each label that stand out most from what else they could be.

    Args:
        scores: How much each text speaks for each label [texts, labels], at least two labels; NaN: no opinion of a text.
        per_label: Most texts of each label.

    Raises:
        InvalidInput: There is one label only.

    Example:
        >>> guess = surest_of(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.7]], np.float32), 1)
        >>> guess.rows.tolist(), guess.labels.tolist()
        ([0, 2], [0, 1])
    """
    if scores.shape[1] < 2:
        raise InvalidInput("there is one label only", mend="give at least two labels")
    known = np.flatnonzero(~np.isnan(scores).any(axis=1))
    ordered = np.sort(scores[known], axis=1)
    margins, labels = ordered[:, -1] - ordered[:, -2], scores[known].argmax(axis=1)
    chosen = [
        own[np.argsort(-margins[own], kind="stable")][:per_label]
        for own in (np.flatnonzero((labels == label) & (margins > 0)) for label in range(scores.shape[1]))
    ]
    rows = np.concatenate(chosen)
    return Guess(known[rows].astype(np.int64), labels[rows].astype(np.int64))


def _standardised(scores: Floats) -> Floats:
    """Each label's scores with mean 0 and spread 1; those of a label that is as good as equally far
    from all texts are least."""
    spread = scores.std(axis=0)
    says_nothing = spread <= _LEAST_SPREAD * spread.max()
    out: Floats = ((scores - scores.mean(axis=0)) / np.where(says_nothing, 1.0, spread)).astype(np.float32)
    out[:, says_nothing] = _LEAST
    return out
