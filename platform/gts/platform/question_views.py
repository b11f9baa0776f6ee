"""Questions as the REST API sends them, and answers as it takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gts.orchestrator.answer_forms import proposal_of, row_text, takes_none
from gts.orchestrator.questions import Question, QuestionKind, decides_pair, options_of
from gts.tasks.row_text import write_row
from gts.tasks.spec import TaskSpec

_PAYLOAD = {
    "text": "they took it twice and it never came",
    "options": ["billing", "delivery"],
    "suggested": {"billing": 0.55, "delivery": 0.45},
}


class QuestionView(BaseModel):
    """One question to a person, and what was said to it."""

    id: str = Field(description="16 hex digits.", examples=["c34ddb857c34aefa"])
    batch: int = Field(description="Questions that were posed together have one number.")
    kind: Literal["label", "confirm", "define", "mislabelled", "mark"] = Field(
        description="`label`: which label? `confirm`: is it this label? `define`: what tells two labels apart? "
        "`mislabelled`: is this example right? `mark`: what is in this text?"
    )
    payload: dict[str, Any] = Field(description="What it is about, by its kind.", examples=[_PAYLOAD])
    options: list[str] = Field(
        description="Labels that an answer may name.", examples=[["billing", "delivery"]]
    )
    is_pair: bool = Field(
        description="Whether the options are those of a pair: `1`, alike, and `0`, not alike."
    )
    several: bool = Field(description="Whether several labels may fit.")
    takes_none: bool = Field(description="Whether `none` (of these) is an answer.")
    proposed: str | None = Field(description="Of `mark`: the row as text with the proposed answer.")
    reason: str = Field(
        description="Why the machine asks.", examples=["two labels are equally likely for it"]
    )
    origin: str = Field(description="Where the text comes from: `pool`, `generated` or `gold`.")
    state: Literal["open", "answered", "skipped", "withdrawn"] = Field(
        description="`withdrawn`: the job no longer needs it."
    )
    answer: dict[str, Any] | None = Field(
        description="What was answered.", examples=[{"labels": ["billing"]}]
    )
    answered: str | None = Field(description="Of `mark`: the answered row as text.")
    by: str | None = Field(description="Who answered or skipped it.")
    at: datetime | None = Field(description="When.")


class QuestionList(BaseModel):
    """Some questions of a job, in the order in which they were posed."""

    questions: list[QuestionView]
    counts: dict[str, int] = Field(
        description="Questions of the job by state.",
        examples=[{"open": 3, "answered": 5, "skipped": 1, "withdrawn": 0}],
    )
    next_cursor: int | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class QuestionStep(BaseModel):
    """One question, and how far the person is with all of them."""

    question: QuestionView
    counts: dict[str, int] = Field(description="Questions of the job by state.")
    goes_on: bool = Field(
        description="Whether the job goes on now: the last of a batch has been answered or skipped."
    )


class AnswerBody(BaseModel):
    """An answer: one of these, by the kind of the question."""

    model_config = ConfigDict(extra="forbid")

    labels: list[str] | None = Field(None, description="Of `label` and `mislabelled`: the right labels.")
    none: Literal[True] | None = Field(
        None,
        description="Of `label`: none of these, the text is left out; of `mislabelled`: drop the example.",
    )
    yes: bool | None = Field(None, description="Of `confirm`.")
    descriptions: dict[str, str] | None = Field(
        None, description="Of `define`: a sentence for one of the labels or for both."
    )
    row: dict[str, Any] | str | None = Field(
        None, description="Of `mark`: the row as in a file of examples, or as the text in `proposed`."
    )

    def given(self) -> dict[str, Any]:
        """What was said."""
        return {key: value for key, value in self if value is not None}


ANSWERS: dict[str, Any] = {
    "label": {"summary": "This label", "value": {"labels": ["billing"]}},
    "none": {"summary": "None of these", "value": {"none": True}},
    "confirm": {"summary": "No, it is not", "value": {"yes": False}},
    "define": {
        "summary": "What a label means",
        "value": {"descriptions": {"billing": "charges and refunds, not the parcel itself"}},
    },
    "row": {
        "summary": "A row of examples",
        "value": {"row": {"text": "Ada wrote", "entities": [{"start": 0, "end": 3, "type": "person"}]}},
    },
    "row as text": {"summary": "A row as text", "value": {"row": "[person: Ada] wrote"}},
}
"""Examples of answers for the OpenAPI document."""


def question_view(question: Question, spec: TaskSpec) -> QuestionView:
    """A question in its public form."""
    is_mark = question.kind == QuestionKind.MARK
    answer = None if question.answer is None else dict(question.answer)
    return QuestionView(
        id=question.id,
        batch=question.batch,
        kind=question.kind.value,
        payload=dict(question.payload),
        options=[] if is_mark or question.kind == QuestionKind.DEFINE else list(options_of(question, spec)),
        is_pair=decides_pair(question, spec),
        several=bool(spec.multi_label),
        takes_none=takes_none(question, spec),
        proposed=write_row(proposal_of(question, spec)) if is_mark else None,
        reason=question.reason,
        origin=question.origin.value,
        state=question.state.value,
        answer=answer,
        answered=row_text(answer["row"], spec) if is_mark and answer else None,
        by=question.by,
        at=question.at,
    )
