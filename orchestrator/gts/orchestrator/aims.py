"""Where generated texts are wanted: at the labels on which the student errs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

Aim = dict[str, float]
"""Label to the share of the texts that is wanted for it; empty: all alike."""

_FEWEST = 4
"""Rows of each label below which errors are too few to tell labels apart."""


def aims_of(true: Ints, said: Ints, fold: Ints, folds: int, labels: Sequence[str]) -> dict[int | None, Aim]:
    """What to aim at for each fold, and for all gold under ``None``.

    Texts of a fold are aimed by errors on rows of the other folds alone, so that the rows which judge its student do not
    say what the student is given to learn. (Those other rows were answered by students that had learnt from the fold's: what is
    left of that is a count per label.) Whether to aim at all is decided once, so that what is published is made
    as what was measured.

    Args:
        true: Label of each row, by position [rows].
        said: What the student that had not seen the row says [rows].
        fold: The fold that holds out each row [rows].
        folds: Number of folds.
        labels: Names of the labels.

    Returns:
        An aim for every fold and ``None``; all are empty where a label has fewer than four rows.
    """
    every: list[int | None] = [*range(folds), None]
    if np.bincount(true, minlength=len(labels)).min() < _FEWEST:
        return {one: {} for one in every}
    return {one: aim(true[fold != one], said[fold != one], labels) for one in every if one is not None} | {
        None: aim(true, said, labels)
    }


def aim(true: Ints, said: Ints, labels: Sequence[str]) -> Aim:
    """Shares by the errors in which a label takes part: its rows that were missed, and others that were taken for it.

    Each label is given as many errors in advance as the labels have on average, and at least one. So none
    falls under half of its even share, and a few errors change little.

    Args:
        true: Label of each row, by position [rows].
        said: What the student says [rows].
        labels: Names of the labels.

    Returns:
        Share by label, summing to one; empty where nothing is wrong.

    Example:
        >>> true, said = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 0, 0, 1, 2, 2, 2])
        >>> found = aim(true, said, ("refund", "return", "greeting"))
        >>> {label: round(share, 2) for label, share in found.items()}
        {'refund': 0.42, 'return': 0.42, 'greeting': 0.17}
    """
    wrong = true != said
    if not wrong.any():
        return {}
    errors = np.bincount(true[wrong], minlength=len(labels)) + np.bincount(said[wrong], minlength=len(labels))
    weight = errors + max(1.0, errors.mean())
    return dict(zip(labels, (weight / weight.sum()).tolist(), strict=True))
