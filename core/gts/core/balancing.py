"""Weights of examples with which all labels count alike, however common they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]


def balanced(targets: Floats, weights: Floats | None = None) -> Floats:
    """Weights of examples [n] with which each label that occurs has the same mass; their sum stays as it was.

    How common labels are among a few examples says little of how common they are elsewhere, and a head that learns it
    from them errs for rare labels (benchmarks/LOG.md).

    Args:
        targets: Labels of one-label examples, soft or not [n, labels]; rows sum to 1.
        weights: Weights that they have for other reasons [n]; default: 1.

    Example:
        >>> balanced(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).round(3).tolist()
        [0.667, 0.667, 0.667, 2.0]
    """
    given = np.ones(len(targets), np.float32) if weights is None else weights
    mass = given @ targets
    occurs = mass > 0
    alike = np.where(occurs, mass.sum() / max(1, occurs.sum()) / np.where(occurs, mass, 1.0), 0.0)
    out: Floats = (given * (targets @ alike)).astype(np.float32)
    return out
