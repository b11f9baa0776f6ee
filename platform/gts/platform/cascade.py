"""A student that answers only where it is sure enough; the rest goes to a language model, or is left open.

The bound is met by :func:`gts.student.selective.cut`, from what the student's folder says of labelled rows that it had not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.core.errors import InvalidInput
from gts.student.layout import StudentManifest
from gts.student.selective import Cut, certainty_of, cut, knows_certainty

STUDENT = "student"

Rows = Sequence[Mapping[str, Any]]
Answers = list[dict[str, Any]]


@dataclass(frozen=True)
class Told:
    """What a language model said of rows.

    Attributes:
        answers: As a student gives them; ``None`` where it said nothing usable.
        tokens: Tokens read and written.
        money: What they cost, in the currency of the model's prices.
    """

    answers: Sequence[dict[str, Any] | None]
    tokens: int
    money: float


AskTeacher = Callable[[Rows, Answers], Told]
"""Asks a language model about rows, given what the student said of them."""


@dataclass(frozen=True)
class Cascade:
    """Answers of student and teacher together.

    Attributes:
        answers: One a row, with ``answered_by``: ``student``, the teacher's name, or ``None`` where nobody was sure.
        cut: Where the student is sure enough; ``None`` if it is nowhere.
        student: Rows that it answered.
        teacher: Rows that the language model answered.
        tokens: Tokens the language model read and wrote.
        money: What they cost.
    """

    answers: Answers
    cut: Cut | None
    student: int
    teacher: int
    tokens: int = 0
    money: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The account of the answers, without them."""
        return {
            "threshold": self.cut.threshold if self.cut else None,
            "expected_share": round(self.cut.share, 4) if self.cut else 0.0,
            "student": self.student,
            "teacher": self.teacher,
            "unanswered": len(self.answers) - self.student - self.teacher,
            "tokens": self.tokens,
            "money": round(self.money, 6),
        }


def cascade(
    manifest: StudentManifest,
    rows: Rows,
    answers: Answers,
    max_error: float,
    teacher: tuple[str, AskTeacher] | None = None,
) -> Cascade:
    """Keep a student's answers where it is sure enough, and ask a language model about the rest.

    Args:
        manifest: What the student is.
        rows: What was asked.
        answers: What it said of each row.
        max_error: Share of wrong answers to be expected among those that it gives.
        teacher: Name of the language model, and how it is asked; without one the rest is left open.

    Raises:
        InvalidInput: The student does not know how sure it is, or ``max_error`` is no share.
    """
    if not knows_certainty(manifest) or manifest.held_out is None:
        raise InvalidInput(
            f"{manifest.task.name!r} does not know how often it is right when it is sure: only classifiers, and students that tell "
            "whether pairs are alike, do so, made of labelled examples by this version of GTS or a later one",
            mend="leave `max_error` out, or produce the model again",
        )
    found = cut(manifest.held_out, max_error)
    least = found.threshold if found else float("inf")
    sure = [(certainty_of(manifest, answer) or 0.0) >= least for answer in answers]
    nothing: dict[str, Any] = {"labels": []} if manifest.task.type == "classification" else {"alike": None}
    given = [{**answer, "answered_by": STUDENT} for answer in answers]
    open_rows = [number for number, is_sure in enumerate(sure) if not is_sure]
    told = Told((), 0, 0.0)
    if teacher is not None and open_rows:
        told = teacher[1]([rows[number] for number in open_rows], [answers[number] for number in open_rows])
    said = told.answers or [None] * len(open_rows)
    for number, answer in zip(open_rows, said, strict=True):
        if answer is None:
            given[number] = {**answers[number], **nothing, "answered_by": None}
        else:
            given[number] = {**answer, "answered_by": teacher[0] if teacher else None}
    by_teacher = sum(answer is not None for answer in said)
    return Cascade(given, found, sum(sure), by_teacher, told.tokens, told.money)
