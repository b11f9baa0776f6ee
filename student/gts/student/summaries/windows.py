"""Long texts for a transformer: token ids in windows of equal length."""

from __future__ import annotations

from collections.abc import Sequence


def windows(ids: Sequence[int], most: int) -> list[Sequence[int]]:
    """Consecutive parts of at most ``most`` tokens, as few and as alike in length as can be; at least one.

    Example:
        >>> windows([1, 2, 3, 4, 5], 4)
        [[1, 2, 3], [4, 5]]
        >>> windows([], 4)
        [[]]
    """
    number = max(1, -(-len(ids) // most))
    length = max(1, -(-len(ids) // number))
    return [ids[start : start + length] for start in range(0, max(1, len(ids)), length)]
