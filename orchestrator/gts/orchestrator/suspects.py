"""What held-out gold says of the labels themselves: rows that look mislabelled, labels that are taken for each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_UNLIKELY, _LIKELY = 0.1, 0.8
_LEAST_MIXED, _SHARE_MIXED = 3, 0.25


def mislabelled(beliefs: Floats, targets: Floats) -> list[tuple[int, int]]:
    """Single-label gold rows whose label a student that has not seen them holds for wrong.

    Args:
        beliefs: Held-out beliefs, calibrated [rows, labels].
        targets: Label indicators [rows, labels].

    Returns:
        Row and the label that looks right, the surest first.

    References:
        Northcutt et al., Confident Learning, 2021 (off-diagonal counts), with fixed thresholds: gold is too small here
        to estimate them by label.
    """
    given = (beliefs * targets).sum(axis=1)
    best = beliefs.argmax(axis=1)
    sure = beliefs[np.arange(len(beliefs)), best]
    rows = np.flatnonzero((given < _UNLIKELY) & (sure > _LIKELY))
    return [(int(row), int(best[row])) for row in rows[np.argsort(given[rows], kind="stable")]]


def taken_for_each_other(beliefs: Floats, targets: Floats) -> list[tuple[int, int, int]]:
    """Pairs of labels that are mixed up on held-out gold.

    Args:
        beliefs: Held-out beliefs [rows, labels].
        targets: Label indicators [rows, labels].

    Returns:
        Both labels and how many of their rows went to the other, the worst first.
    """
    said, true = beliefs.argmax(axis=1), targets.argmax(axis=1)
    labels = targets.shape[1]
    mixed = np.zeros((labels, labels), int)
    np.add.at(mixed, (true, said), 1)
    sizes = targets.sum(axis=0)
    found = []
    for one in range(labels):
        for other in range(one + 1, labels):
            count = int(mixed[one, other] + mixed[other, one])
            if count >= max(_LEAST_MIXED, _SHARE_MIXED * (sizes[one] + sizes[other])):
                found.append((one, other, count))
    return sorted(found, key=lambda pair: -pair[2])
