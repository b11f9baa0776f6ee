"""Answering only where a student is sure enough: thresholds that keep the share of wrong answers under a bound.

A student knows how sure it was of labelled rows that it had not seen, and whether it was right (:class:`HeldOut`, part of ``gts.json``).
From these a threshold follows for any bound that a user sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gts.core.errors import InvalidInput

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest

FOUND: Final[Mapping[str, str]] = {"ner": "entities", "relation": "relations", "event": "events"}
"""Where the answers of a task type hold what was found in a text."""
MOST_ROWS = 2000
_DIGITS = 5
_ROUNDING = 1e-12

Share = Annotated[float, Field(ge=0, le=1)]


class HeldOut(BaseModel):
    """How sure a student was of labelled rows that it had not seen, the surest first.

    Attributes:
        confidence: How sure it was of each.
        right: Whether it was right.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    confidence: tuple[Share, ...]
    right: tuple[bool, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.confidence) != len(self.right):
            raise ValueError(f"{len(self.confidence)} confidences for {len(self.right)} answers")
        return self

    @staticmethod
    def of(confidence: Sequence[float], right: Sequence[bool]) -> HeldOut:
        """Sorted and rounded; of very many rows every so-manieth.

        Example:
            >>> HeldOut.of([0.5, 0.75], [False, True])
            HeldOut(confidence=(0.75, 0.5), right=(True, False))
        """
        rows = sorted(zip(confidence, right, strict=True), key=lambda row: -row[0])
        rows = rows[:: -(-len(rows) // MOST_ROWS)] if rows else rows
        return HeldOut(
            confidence=tuple(round(float(sure), _DIGITS) for sure, _ in rows),
            right=tuple(bool(was) for _, was in rows),
        )


@dataclass(frozen=True)
class Cut:
    """Where a student's answers are sure enough.

    Attributes:
        threshold: Least confidence of an answer that is given.
        share: Share of the held-out rows that it answers.
        error: Share of those answers that were wrong.
        rows: Held-out rows that it answers.
    """

    threshold: float
    share: float
    error: float
    rows: int


def confidence_of(answer: Mapping[str, Any], multi_label: bool) -> float:
    """How likely an answer of a classifier is right by what it believes; of several labels, that all are.

    Args:
        answer: What :meth:`gts.student.runtime.Student.answer` gives of a row.
        multi_label: Whether labels are independent.

    Example:
        >>> scores = [{"label": "a", "score": 0.75}, {"label": "b", "score": 0.25}]
        >>> confidence_of({"scores": scores}, False), confidence_of({"scores": scores}, True)
        (0.75, 0.5625)
    """
    beliefs = [float(score["score"]) for score in answer["scores"]]
    return prod(max(belief, 1 - belief) for belief in beliefs) if multi_label else max(beliefs)


def certainty_of(student: StudentManifest, answer: Mapping[str, Any]) -> float | None:
    """How sure a student is of an answer, between 0 and 1; None where answers do not say.

    Of labels and of pairs that are decided, how likely the answer is right by what the student believes; of what is found in a
    text, the least score.
    """
    kind = student.task.type
    if kind == "classification":
        return confidence_of(answer, student.multi_label)
    if kind == "similarity" and student.scale is None:
        return float(answer["score"]) if answer["alike"] else 1 - float(answer["score"])
    if kind in FOUND:
        return min((float(found["score"]) for found in answer[FOUND[kind]]), default=None)
    return None


def knows_certainty(student: StudentManifest) -> bool:
    """Whether each answer says how likely it is right as a whole, so that a bound on errors can be kept."""
    return student.task.type == "classification" or (
        student.task.type == "similarity" and student.scale is None
    )


def check_bound(max_error: float) -> float:
    """A bound on the share of wrong answers, if it is one.

    Raises:
        InvalidInput: It does not lie between 0 and 1.
    """
    if not 0 < max_error < 1:
        raise InvalidInput(
            f"{max_error} is no bound on the share of wrong answers",
            mend="give a number between 0 and 1, such as 0.05",
        )
    return max_error


def fewest_rows(max_error: float) -> int:
    """Held-out rows, all of them right, from which a bound can be met at all.

    Example:
        >>> fewest_rows(0.05), fewest_rows(0.2)
        (19, 4)
    """
    return ceil(1 / check_bound(max_error) - 1)


def cut(held_out: HeldOut, max_error: float) -> Cut | None:
    """The lowest threshold above which not more than ``max_error`` of the answers are to be expected wrong.

    One answer more than was counted is taken to be wrong, the next one (conformal risk control: Angelopoulos et al., 2022, equation
    4). So the bound holds on the average over the labelled rows that one might have had; with few of them it is at times
    exceeded. The held-out rows must come as later ones do.

    Args:
        held_out: What is known of the student.
        max_error: Share of wrong answers among those given, between 0 and 1.

    Returns:
        ``None`` where the rows are too few, or too many of the surest are wrong.

    Raises:
        InvalidInput: ``max_error`` is no such share.

    Example:
        >>> found = cut(HeldOut.of([0.9] * 30 + [0.4] * 30, [True] * 30 + [False] * 30), 0.1)
        >>> found.threshold, found.share
        (0.9, 0.5)
    """
    check_bound(max_error)
    total = len(held_out.right)
    best: Cut | None = None
    wrong = 0
    for number, (sure, right) in enumerate(zip(held_out.confidence, held_out.right, strict=True), start=1):
        wrong += not right
        tied = number < total and held_out.confidence[number] == sure
        if not tied and (wrong + 1) / (number + 1) <= max_error + _ROUNDING:
            best = Cut(sure, number / total, wrong / number, number)
    return best
