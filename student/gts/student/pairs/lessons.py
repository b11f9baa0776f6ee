"""What a student of text pairs learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.rows import PairRow

Floats = NDArray[np.float32]
Pair = tuple[str, str]
Scale = tuple[float, float]


@dataclass(frozen=True)
class PairLessons:
    """Pairs with soft labels, the gold ones first.

    Attributes:
        pairs: The pairs.
        targets: How alike they are, from 0 to 1: a probability, or a grade as a share of its scale; [pairs].
        weights: How far each target is to be believed, [pairs].
        n_gold: How many pairs at the front are gold.

    Raises:
        InvalidInput: The parts do not fit each other, or a target is not between 0 and 1.
    """

    pairs: tuple[Pair, ...]
    targets: Floats
    weights: Floats
    n_gold: int

    def __post_init__(self) -> None:
        n = len(self.pairs)
        if not (len(self.targets) == len(self.weights) == n and 0 < self.n_gold <= n):
            raise InvalidInput(
                f"{n} pairs, {len(self.targets)} targets, {len(self.weights)} weights and {self.n_gold} gold pairs "
                "do not fit each other",
                mend="give a target and a weight for each pair, and one gold pair or more",
            )
        if not (np.all(self.targets >= 0) and np.all(self.targets <= 1)):
            raise InvalidInput(
                "a target is not between 0 and 1", mend="give grades as shares of their scale (`shares`)"
            )


def pairs_of(rows: Sequence[PairRow]) -> tuple[Pair, ...]:
    """The texts of rows."""
    return tuple((row.text_a, row.text_b) for row in rows)


def shares(scores: Sequence[float], scale: Scale | None = None) -> Floats:
    """Scores as shares of their scale, from 0 to 1; without a scale they are 0, 1 or a probability already.

    Example:
        >>> shares([0, 2.5, 5], (0, 5)).tolist()
        [0.0, 0.5, 1.0]
    """
    low, high = scale or (0.0, 1.0)
    return np.asarray((np.asarray(scores, np.float64) - low) / (high - low), np.float32)


def grades(parts: Floats, scale: Scale | None = None) -> Floats:
    """What :func:`shares` undoes.

    Example:
        >>> grades(np.array([0.5], np.float32), (0, 5)).tolist()
        [2.5]
    """
    low, high = scale or (0.0, 1.0)
    return np.asarray(low + parts * (high - low), np.float32)


def gold_lessons(rows: Sequence[PairRow], scale: Scale | None = None) -> PairLessons:
    """Labelled rows as lessons, each fully believed.

    Raises:
        InvalidInput: A row has no score, or there is no row.
    """
    scores = [row.score for row in rows if row.score is not None]
    if len(scores) < len(rows):
        raise InvalidInput(
            f"{len(rows) - len(scores)} of {len(rows)} gold pairs have no score", mend="give labelled rows"
        )
    targets = shares(scores, scale)
    return PairLessons(pairs_of(rows), targets, np.ones(len(rows), np.float32), len(rows))
