"""Unlabelled rows that no student learns from: what it says of them is what it will say of rows like them."""

from __future__ import annotations

_ENOUGH = 1_500  # fewer rows are worth more as lessons
_SHARE, _MOST = 10, 300


def rows_aside(pool: int) -> int:
    """How many of so many unlabelled rows are kept from all lessons.

    Of rows that it has learnt from a student is surer than of others, and a vocabulary made of them cuts them into fewer tokens:
    measured on AG News with 1,000 texts, the median confidence of a static student is 0.66 on these and 0.52 on others (population
    stability index 0.37). Held against such rows, any traffic would look strange.

    Example:
        >>> rows_aside(1_000), rows_aside(2_000), rows_aside(100_000)
        (0, 200, 300)
    """
    return min(_MOST, pool // _SHARE) if pool >= _ENOUGH else 0
