"""Which teachers of pairs to believe, by what they said of labelled pairs they had not seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gts.teacher.ensemble import Audit, audit, combine, sharpen

Floats = NDArray[np.float32]


def audit_pairs(said: Mapping[str, Floats], targets: Floats) -> Audit:
    """Choose an ensemble by its likelihood; a pair is a text with one label that it may carry or not.

    Args:
        said: Teacher name to its probabilities of held-out gold pairs [pairs].
        targets: Labels, or grades as shares of their scale [pairs]. For these the cross-entropy is least where the
            probability equals the share.

    Example:
        >>> good, bad = np.array([0.9, 0.1], np.float32), np.array([0.5, 0.5], np.float32)
        >>> audit_pairs({"good": good, "bad": bad}, np.array([1, 0], np.float32)).weights["good"]
        1.0
    """
    return audit({name: p[:, None] for name, p in said.items()}, targets[:, None], multi_label=True)


def ensemble_pairs(said: Mapping[str, Floats], found: Audit) -> Floats:
    """What the ensemble of an audit says of pairs [pairs]."""
    blended = combine({name: p[:, None] for name, p in said.items()}, found.weights)
    return sharpen(blended, found.exponent, multi_label=True)[:, 0]
