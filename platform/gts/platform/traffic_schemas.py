"""Bodies and answers of the REST API about traffic: what is kept of it, how it compares, and learning from it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from gts.platform.pages.trafficwords import shift_sentence, verdict_sentence
from gts.platform.schemas import JobView
from gts.platform.traffic.drift import Shift
from gts.platform.traffic.report import Traffic, Verdict
from gts.platform.traffic.stored import Asked

Share = Annotated[float, Field(ge=0, le=1, description="0: nothing is kept; 1: every row.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LoggingBody(_Body):
    """What is to be kept of a model's traffic."""

    share: Share | None = Field(description="Null: as the installation's setting `log_predictions` says.")


class ImproveBody(_Body):
    """How a model's job is to go on."""

    rows: int = Field(2000, ge=1, le=20_000, description="At most so many rows are added.")
    questions: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="Questions you are willing to answer from here on; null: as before.",
    )
    seconds: float | None = Field(None, ge=1, description="Seconds of all stages; null: as before.")


class LoggingView(BaseModel):
    """What is kept of a model's traffic."""

    share: Share
    chosen_by: str | None = Field(description="Who said so for this model; null: the installation's setting.")
    kept: int = Field(description="Rows that are kept now, of all revisions.")
    dropped: int = Field(
        description="Rows of all models that this server should have kept since it started, and could not."
    )


class ShiftView(BaseModel):
    """One quantity of rows and answers, in training and now."""

    quantity: str = Field(
        description="`length` (characters), `tokens` (for each character), `confidence`, `grade`, `findings` or `labels`."
    )
    verdict: Literal["same", "some", "much"]
    sentence: str
    index: float = Field(description="Population stability index.")
    by_chance: float = Field(description="What it stays below by chance alone, for so few rows.")
    edges: list[float] = Field(description="Edges between the bins; empty for `labels`.")
    labels: list[str | None] = Field(
        description='What each bin of `labels` stands for; `""`: none, null: all rare labels together.'
    )
    then: list[float] = Field(description="Share of rows in each bin, in training.")
    now: list[float] = Field(description="The same now.")
    typical_then: float | None = Field(description="Median in training; of `findings` the mean.")
    typical_now: float | None

    @classmethod
    def of(cls, shift: Shift, task_type: str) -> Self:
        """The public form of a shift."""
        told = {key: value for key, value in vars(shift).items() if key in cls.model_fields}
        return cls(**told, sentence=shift_sentence(shift, task_type))


class TrafficView(BaseModel):
    """A model's traffic, held against what the model was made for."""

    model: str
    commit: str = Field(description="The revision whose rows are looked at.")
    verdict: Verdict = Field(
        description="`moved`, `same`, `few` rows to tell, `unknown` reference, or `off`: nothing is kept."
    )
    sentence: str = Field(description="The verdict in plain words.")
    days: int
    rows: int = Field(description="Different rows looked at, the newest 1,000 at most.")
    reference_rows: int | None = Field(description="Rows of the reference; null where there is none.")
    learnt: bool = Field(
        description="Whether the model has learnt from all rows of the reference, so that only texts can be compared."
    )
    shifts: list[ShiftView] = Field(description="The farthest first.")
    logging: LoggingView

    @classmethod
    def of(cls, traffic: Traffic) -> Self:
        """The public form of a model's traffic."""
        look = traffic.look
        return cls(
            model=traffic.model,
            commit=traffic.commit,
            verdict=traffic.verdict,
            sentence=verdict_sentence(traffic),
            days=traffic.days,
            rows=look.rows,
            reference_rows=look.reference_rows,
            learnt=look.learnt,
            shifts=[ShiftView.of(shift, look.task_type) for shift in look.shifts],
            logging=LoggingView(
                share=traffic.share,
                chosen_by=traffic.chosen_by,
                kept=traffic.kept,
                dropped=traffic.dropped,
            ),
        )


class AskedView(BaseModel):
    """A row that a model was asked about."""

    number: int = Field(description="Grows with every row; `before` takes it.")
    commit: str
    at: datetime
    row: dict[str, Any]
    answer: dict[str, Any] = Field(description="What the student said.")
    confidence: float | None = Field(description="How sure it was, where its answers say.")
    answered_by: str | None = Field(
        description="`student`, or the language model that answered in its place; null: nobody was sure."
    )
    told: dict[str, Any] | None = Field(description="What was answered in its place.")

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """The public form of a row."""
        return cls(**vars(asked))


class AskedPage(BaseModel):
    """Rows, the newest first."""

    rows: list[AskedView]
    next_before: int | None = Field(description="`before` of the next page; null at the end.")


class ClearedView(BaseModel):
    """What was forgotten."""

    deleted: int = Field(description="Rows.")


class ImproveView(BaseModel):
    """A job that goes on with traffic."""

    job: JobView
    kept: int = Field(description="Rows that were looked at.")
    added: int = Field(description="Rows that the job got.")
    unsure: int = Field(description="How many of these were chosen because the model was least sure of them.")
