"""Answers of the REST API about tasks before anything is started: how they were understood, and what a job would do."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class LabelView(BaseModel):
    """One label of a task, or one type that it looks for."""

    name: str
    description: str
    kind: str | None = Field(
        None, description="`entity`, `relation` or `event`, of a type that is looked for."
    )
    gold: int = Field(description="Labelled examples that carry it.")
    test: int = Field(description="Test texts that carry it.")


class ExampleView(BaseModel):
    """One labelled text, as it was understood."""

    text: str
    labels: list[str]


class FindingExample(BaseModel):
    """A labelled row that shows a finding."""

    row: int = Field(description="Its place among the examples, counted from 1, repeated rows apart.")
    text: str
    labels: list[str]


class FindingView(BaseModel):
    """Something about the labels that a person may want to mend."""

    kind: str = Field(description="What kind of finding.", examples=["overlap"])
    subject: list[str] = Field(description="The labels or types concerned.")
    message: str
    mend: str = Field(description="What can be done.")
    examples: list[FindingExample]


class Preview(BaseModel):
    """What was understood of a task, before anything is started."""

    name: str
    type: str
    language: str | None
    multi_label: bool
    scale: list[float] | None = Field(None, description="Least and greatest grade of pairs that are graded.")
    entities_given: bool | None = Field(
        None, description="Whether entities come with the texts of a relation task."
    )
    length: dict[str, int | None] | None = Field(None, description="How long summaries are.")
    counts: dict[str, int] = Field(description="Texts by role: gold, pool, test, sentences.")
    labels: list[LabelView]
    text_chars: dict[str, int] = Field(description="Quantiles of the texts' lengths in characters.")
    examples: list[ExampleView | dict[str, Any]] = Field(description="The first labelled examples.")
    unlabeled: list[str | dict[str, Any]] = Field(description="The first unlabelled texts.")
    notes: list[str] = Field(description="What reading changed or noticed.")
    findings: list[FindingView] = Field(
        description="What may be mended in the labels, the most important first; none of it stops a job."
    )


class PlanStepView(BaseModel):
    """One step of a plan."""

    action: str
    reason: str = Field(description="Why, in one plain sentence.")
    seconds: float
    tokens: int = Field(description="Tokens of language models.")
    money: float
    spent_s: float = Field(description="Seconds of the job up to the end of the step.")
    value: float | None = Field(description="The measure of the student that would be published then.")
    low: float | None = Field(description="Lower end of its 90% interval.")
    high: float | None = Field(description="Upper end.")


class PlanView(BaseModel):
    """What a job would do, if all went as forecast; each step of a real job is chosen anew from what has been measured."""

    metric: str
    strategy: str
    budget_s: float = Field(description="Seconds that may be spent.")
    profile: dict[str, Any] = Field(description="What there is: gold, pool, labels, language, encoder.")
    steps: list[PlanStepView] = Field(description="In their order: the curve of quality over cost.")
    seconds: float
    tokens: int
    money: float
    basis: str = Field(description="What the forecasts rest on.")
