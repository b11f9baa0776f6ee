"""What teachers of text pairs read from rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.rows import PairRow

Floats = NDArray[np.float32]
Pair = tuple[str, str]
Scale = tuple[float, float]


def pairs_of(rows: Sequence[PairRow]) -> list[Pair]:
    """The texts of rows."""
    return [(row.text_a, row.text_b) for row in rows]


def targets_of(rows: Sequence[PairRow], scale: Scale | None) -> Floats:
    """Labels of rows, or their grades as shares of the scale, from 0 to 1 [rows].

    Raises:
        InvalidInput: There is no row, one has no score, or one lies outside of the scale.

    Example:
        >>> targets_of([PairRow("a", "b", 5.0), PairRow("a", "c", 0.0)], (0, 5)).tolist()
        [1.0, 0.0]
    """
    low, high = scale or (0.0, 1.0)
    scores = [row.score for row in rows]
    if not scores or any(score is None or not low <= score <= high for score in scores):
        raise InvalidInput(
            "a teacher of pairs was given no rows, rows without a score, or scores outside of "
            f"{low:g} to {high:g}",
            mend="give labelled rows, and the scale of the task where they are graded",
        )
    return np.asarray([(float(score or 0.0) - low) / (high - low) for score in scores], np.float32)


def distinct_texts(*groups: Sequence[PairRow]) -> list[str]:
    """Every text of some rows once, in the order of their first appearance."""
    return list(dict.fromkeys(text for rows in groups for row in rows for text in (row.text_a, row.text_b)))
