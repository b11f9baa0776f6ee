"""What an action is expected to add to the student's measure, and whether that is worth its cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, pi, sqrt


@dataclass(frozen=True)
class Gain:
    """A belief about a difference of the measure: normal.

    Attributes:
        mean: Expected difference.
        sd: Standard deviation, above 0.

    Example:
        >>> round(Gain(0.0, 0.01).improvement, 4)
        0.004
    """

    mean: float
    sd: float

    @property
    def improvement(self) -> float:
        """Expected difference to the student to publish, which is never replaced by a worse one.

        References:
            Jones et al., Efficient Global Optimization of Expensive Black-Box Functions, 1998 (eq. 15).
        """
        z = self.mean / self.sd
        density = exp(-z * z / 2) / sqrt(2 * pi)
        return self.mean * (1 + erf(z / sqrt(2))) / 2 + self.sd * density

    def times(self, factor: float) -> Gain:
        """The belief about so many times the difference."""
        return Gain(self.mean * factor, self.sd * abs(factor))

    def given(self, seen: float, sd: float) -> Gain:
        """The belief after a measurement of the same difference with an error of ``sd``.

        Example:
            >>> Gain(0.0, 0.1).given(0.2, 0.1).mean
            0.1
        """
        old, new = 1 / self.sd**2, 1 / sd**2
        return Gain((old * self.mean + new * seen) / (old + new), sqrt(1 / (old + new)))
