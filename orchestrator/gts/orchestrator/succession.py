"""Whether a job's new student takes the place of the one that it published before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gts.orchestrator.questions import Question, QuestionKind


def is_better(earlier: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether an earlier student is to stay: its measure was higher, on the same gold rows.

    Answers are no part of the gold rows that are measured on, so that both have the same; equal measures let the new one pass, which
    has learnt from more.
    """
    was, now = earlier["estimate"], new["estimate"]
    same = (was["metric"], was["n"]) == (now["metric"], now["n"])
    return bool(same and was["value"] > now["value"])


def is_corrected(answers: Sequence[Question]) -> bool:
    """Whether people have mended gold rows, so that what was measured on them before says nothing any more."""
    return any(question.kind == QuestionKind.MISLABELLED for question in answers)


def with_earlier_student(earlier: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a student that stays, with a note about the one that was tried."""
    was, now = earlier["estimate"], new["estimate"]
    note = (
        f"a new student was trained and reaches {now['metric']} {now['value']:.3f} on the same gold rows; "
        f"the one published before reaches {was['value']:.3f} and stays"
    )
    return {
        **earlier,
        "notes": [*(n for n in earlier["notes"] if not n.startswith("a new student was")), note],
    }
