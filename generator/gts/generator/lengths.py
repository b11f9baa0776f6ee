"""The lengths that texts of the user have, as a range for new ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ENOUGH_LENGTHS = 20
"""Fewer lengths than this show no range of their own."""


def length_range(lengths: Sequence[int], slack: float = 0.0) -> tuple[int, int]:
    """Least and most tokens expected of a text.

    The 1st to the 99th percentile, widened by the slack. Fewer than twenty lengths: from half the shortest to twice the longest.

    Args:
        lengths: Tokens of each known text, at least one.
        slack: Share of either end by which the range is widened.

    Example:
        >>> length_range([4, 10]), length_range(range(100, 201))
        ((2, 20), (101, 199))
    """
    if len(lengths) < ENOUGH_LENGTHS:
        return min(lengths) // 2, max(lengths) * 2
    low, high = np.quantile(lengths, [0.01, 0.99])
    return int(low * (1 - slack)), int(np.ceil(high * (1 + slack)))
