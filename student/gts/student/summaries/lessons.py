"""What a student that summarises learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.pieces import Cut

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SummaryLesson:
    """A text whose pieces' worth is known, or guessed.

    Attributes:
        cut: The text, cut.
        gains: What each piece is worth (see :func:`gts.tasks.gains.gains`).
        weight: How much the text counts.
    """

    cut: Cut
    gains: Sequence[float]
    weight: float = 1.0


def targets(lessons: Sequence[SummaryLesson]) -> tuple[Floats, Floats]:
    """Gains and weights of the pieces of all lessons [pieces]; each piece has its text's weight.

    Raises:
        InvalidInput: No lesson has a piece, or one has not as many gains as pieces.
    """
    for lesson in lessons:
        if len(lesson.gains) != len(lesson.cut.places):
            raise InvalidInput(f"{len(lesson.gains)} gains were given for {len(lesson.cut.places)} pieces")
    gains = np.array([gain for lesson in lessons for gain in lesson.gains], np.float32)
    if not len(gains):
        raise InvalidInput("there is no text to learn from", mend="give texts with their summaries")
    weights = [lesson.weight for lesson in lessons for _ in lesson.gains]
    return gains, np.array(weights, np.float32)
