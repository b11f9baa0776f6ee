"""From a student's probabilities to labels with scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gts.student.runtime import Student


@dataclass(frozen=True)
class LabelScore:
    """One label and the student's probability for it."""

    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """What a student says about one text.

    Attributes:
        labels: The labels it gives: exactly one for single-label tasks, any number for multi-label ones.
        scores: Probability of every label, highest first.
    """

    labels: tuple[str, ...]
    scores: tuple[LabelScore, ...]


def predictions(student: Student, texts: Sequence[str]) -> list[Prediction]:
    """What a student says about texts, in their order."""
    if not texts:
        return []
    probabilities = student.predict(texts)
    given = student.decide(probabilities)
    found = []
    for row, names in zip(probabilities.tolist(), given, strict=True):
        scored = sorted(zip(student.labels, row, strict=True), key=lambda pair: -pair[1])
        found.append(Prediction(tuple(names), tuple(LabelScore(label, score) for label, score in scored)))
    return found
