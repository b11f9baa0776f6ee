"""Bodies and answers of the REST API about versions: aliases that move, and revisions that are retired."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from gts.registry.promotion_rows import Promotion, PromotionKind

AliasName = Annotated[str, Field(max_length=100, examples=["production"])]
Why = Annotated[str, Field(max_length=1000, description="The reason, for those who read the history.")]
Expect = Annotated[
    str | None,
    Field(
        max_length=40,
        description="The commit that the alias must name now (7 or more digits), or `none` where there must be no such "
        "alias yet; when it has moved meanwhile, the answer is 409. Left out: whatever it names.",
    ),
]
RevisionName = Annotated[
    str, Field(max_length=255, description="Commit (7 or more digits), branch, tag or alias.")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PromotionBody(_Body):
    """Which alias is to name which revision."""

    alias: AliasName
    revision: RevisionName
    why: Why = ""
    expect: Expect = None


class RollbackBody(_Body):
    """Which alias is to name again what it named before."""

    alias: AliasName
    why: Why = ""
    expect: Expect = None


class RetirementBody(_Body):
    """Which revision nobody should use any more."""

    revision: RevisionName
    why: Annotated[str, Field(min_length=1, max_length=1000, description="Why nobody should use it.")]


class PromotionView(BaseModel):
    """One line of the history."""

    number: int = Field(description="Grows with every line; `before` takes it.")
    at: datetime
    by: str = Field(description="Who did it; empty for aliases that were set before there was a history.")
    kind: PromotionKind = Field(
        description="`promote`, `rollback`, `job` (a job moved the alias), `remove` (the alias was forgotten), `retire` and "
        "`restore` (of a revision)."
    )
    alias: str | None = Field(description="Null where a revision was retired or restored.")
    old: str | None = Field(description="The commit that the alias named before, or that was retired.")
    new: str | None = Field(description="The commit that it names now, or that was restored.")
    why: str
    job_id: str | None

    @classmethod
    def of(cls, row: Promotion) -> Self:
        """A row of the history in its public form."""
        return cls(**vars(row))


class HistoryPage(BaseModel):
    """Lines of the history, newest first."""

    promotions: list[PromotionView]
    next_before: int | None = Field(description="Give it as `before` for older lines; null at the end.")


class RetirementsView(BaseModel):
    """The revisions that are retired."""

    retired: list[PromotionView]


class CompareBody(BaseModel):
    """Two revisions, and labelled rows to ask both about."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    old: RevisionName = Field(alias="from")
    new: RevisionName = Field(alias="to")
    rows: list[dict[str, Any]] = Field(
        min_length=1,
        description='Labelled rows as test rows of a task have them, such as `{"text": ..., "label": ...}`.',
    )
    metric: str | None = Field(None, max_length=50, description="The measure that decides.")


class ComparedView(BaseModel):
    """What is known of one of two revisions."""

    commit: str
    created_at: datetime
    message: str
    job_id: str | None
    retired: str | None
    type: str | None = Field(description="Task type; null where the revision holds no student.")
    tier: str | None
    labels: int
    bytes: int = Field(description="Size of all files.")
    parameters: int | float | None
    texts_per_second: float | None
    latency_ms: float | None
    estimate: dict[str, Any] | None = Field(
        description="What it can be expected to reach, with its interval."
    )
    measured: dict[str, Any] | None = Field(description="What it reached on held-out gold.")
    measured_on: str | None = Field(description="Equal where both were measured on the same rows.")
    test: dict[str, Any] | None = Field(description="What it reached on the test file of its job.")
    counts: dict[str, Any] | None


class ComparisonView(BaseModel):
    """Two revisions held against each other."""

    model: str
    old: ComparedView
    new: ComparedView
    asked: dict[str, Any] | None = Field(
        description="What both answered about the same rows: `n`, `origin` (`given`, `test`, `gold`), `notes`, `metric`, "
        "`measures`, `per_label`, `chance` (with `sentence`), `flipped` and `examples`."
    )
    unasked: str | None = Field(description="Why they were asked about nothing, where `asked` is null.")


class LineageNode(BaseModel):
    """A part of where a model comes from."""

    id: str
    kind: str = Field(
        description="`gold`, `answered`, `guessed`, `pool`, `test`, `base_model`, `language_model`, `teacher`, `generator`, "
        "`parent` or `student`."
    )
    name: str
    licence: str | None = Field(description="Of a model; null where it is not known.")
    rows: int | None
    share: float | None = Field(description="Of a teacher: its share of what the teachers say.")
    artifact: str | None


class LineageView(BaseModel):
    """Where a revision of a model comes from."""

    model: str
    commit: str
    parent: str | None = Field(description="The revision before it.")
    created_at: datetime
    author: str
    job_id: str | None
    gts_version: str | None
    task: dict[str, Any]
    environment: dict[str, Any] | None = Field(
        description="Python, machine, cores and packages with which it was made; null where nobody wrote them down."
    )
    reproducible: bool = Field(description="Whether `gts reproduce` knows how to make it again.")
    nodes: list[LineageNode]
    edges: list[dict[str, str]] = Field(description="`from` what something was made of `to` what was made.")
