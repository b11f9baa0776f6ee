"""How much text a student reads in a given time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.student.opening import texts_in

ROW_WEIGHT = 16
"""What a row weighs beside its characters."""
_FIRST_S, _FIRST_WEIGHT = 0.02, 1000
_LEAST, _MOST = 256, 1 << 20
_KEPT = 0.8


def weight_of(row: Mapping[str, Any]) -> int:
    """How much work a row is, in characters.

    Example:
        >>> weight_of({"text": "four"})
        20
    """
    return ROW_WEIGHT + sum(map(len, texts_in(row)))


class Pace:
    """Seconds that a student takes for a character, as its calls so far tell.

    Args:
        bound_s: Seconds that one call should take at most.
    """

    def __init__(self, bound_s: float) -> None:
        self._bound_s = bound_s
        self._seconds, self._weight = _FIRST_S, float(_FIRST_WEIGHT)

    @property
    def room(self) -> int:
        """Weight that one call should have at most."""
        return int(min(_MOST, max(_LEAST, self._bound_s * self._weight / self._seconds)))

    def seconds(self, weight: int) -> float:
        """How long a call of this weight is going to take."""
        return weight * self._seconds / self._weight

    def took(self, weight: int, seconds: float) -> None:
        """Learn from a call; large ones tell more than small ones, late ones more than early ones."""
        self._seconds = _KEPT * self._seconds + max(seconds, 1e-6)
        self._weight = _KEPT * self._weight + weight
