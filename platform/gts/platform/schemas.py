"""What the REST API sends and takes, as OpenAPI describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from gts.platform.errors import ErrorDetail
from gts.tasks.spec import Budget, Goal


class JobView(BaseModel):
    """One production run."""

    id: str = Field(description="Id of the job.")
    name: str = Field(description="Name of the task.", examples=["support-tickets"])
    state: str = Field(
        description="queued, running, waiting (for answers of a person), succeeded, failed or cancelled.",
        examples=["running"],
    )
    created_at: datetime = Field(description="When it was submitted.")
    started_at: datetime | None = Field(description="When a worker first took it.")
    finished_at: datetime | None = Field(description="When it ended.")
    cancel_requested: bool = Field(description="Whether somebody asked for its end.")
    attempts: int = Field(
        description="How often a worker took it since it was submitted or continued; above 1 after a worker died."
    )
    budget: Budget = Field(description="What an attempt may spend.")
    goal: Goal = Field(description="When its student is good enough.")
    model: str | None = Field(
        description="The model it published, `namespace/name`.", examples=["local/support-tickets"]
    )
    commit: str | None = Field(description="The commit it published.")
    error: ErrorDetail | None = Field(description="Why it failed.")


class WishBody(BaseModel):
    """New limits of a job; what is left out stays as it is, and null takes a limit away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"budget": {"seconds": 600}}})

    # Objects of any form, so that whatever is wrong in them is told in the words of task files.
    budget: Annotated[dict[str, Any], WithJsonSchema(Budget.model_json_schema())] = Field(
        default_factory=dict,
        description="What an attempt may spend, from its start or since it was continued.",
    )
    goal: Annotated[dict[str, Any], WithJsonSchema(Goal.model_json_schema())] = Field(
        default_factory=dict, description="When its student is good enough."
    )

    def changes(self) -> dict[str, Any]:
        """What it changes, as :func:`gts.orchestrator.steering.change` takes it."""
        return self.model_dump(include=self.model_fields_set)


class JobPage(BaseModel):
    """Some jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class EventView(BaseModel):
    """Something that happened in a job."""

    seq: int = Field(description="Place in the job's history, growing from 1.")
    at: datetime
    kind: str = Field(description="What kind of event.", examples=["progress"])
    data: dict[str, Any]


class EventPage(BaseModel):
    """Events of a job."""

    events: list[EventView]
    state: str = Field(description="State of the job after these events.")
    next_after: int = Field(description="Give it as `after` for what comes next.")


class ReviewView(BaseModel):
    """What a person said of a generated text."""

    verdict: Literal["veto", "edit"] = Field(
        description="`veto`: it shall not be trained on; `edit`: `text` with `labels` takes its place."
    )
    text: str | None = Field(description="What an edit puts in its place; null for a veto.")
    labels: list[str] = Field(description="The labels of an edit's text; empty for a veto.")
    by: str = Field(description="Who said so.")
    at: datetime


class GeneratedView(BaseModel):
    """One generated text, kept or dropped."""

    id: str = Field(
        description="First 16 hex digits of the SHA-256 of the text.", examples=["c34ddb857c34aefa"]
    )
    text: str = Field(examples=["where is my parcel?"])
    labels: list[str] = Field(description="What it was made for.", examples=[["delivery"]])
    generator: str = Field(description="Who wrote it.", examples=["embedded"])
    seeds: list[str] = Field(description="Your texts it was made from.")
    scores: dict[str, float] = Field(description="The generator's own measures of it, by name.")
    kept: bool = Field(description="Whether the filters let it pass.")
    kind: str = Field(
        description="The filter that dropped it, in a word; empty when kept.", examples=["copy"]
    )
    reason: str = Field(description="Why it was dropped; empty when kept.")
    review: ReviewView | None = Field(description="What a person said of it, in this job or another.")


class GeneratedPage(BaseModel):
    """Some generated texts of a job, in the order in which they were made."""

    texts: list[GeneratedView]
    next_cursor: int | None = Field(description="Give it as `cursor` for the next page; null on the last.")
    missing: list[str] = Field(description="Generators whose texts are not kept any more.")


class VetoBody(BaseModel):
    """A text shall not be trained on."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["veto"]


class EditBody(BaseModel):
    """Another text, or other labels, shall take a text's place."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["edit"]
    text: str | None = Field(
        None,
        description="The new text, in tasks of other types than classification the row with its answer as it was shown; "
        "left out: it stays as it was generated.",
    )
    labels: list[str] | None = Field(
        None,
        description="Its labels, exactly one in a single-label task; left out: those it was made for. Of no meaning in tasks of other types.",
    )


ReviewBody = Annotated[VetoBody | EditBody, Field(discriminator="verdict")]


class LanguageModelView(BaseModel):
    """One language model of the site."""

    name: str = Field(description="What tasks call it.")
    kind: str = Field(description="`openai`: behind a server; `transformers`: on the site's own machines.")
    model: str
    price_input: float = Field(description="Money for a million tokens that it reads.")
    price_output: float = Field(description="Money for a million tokens that it writes.")


class LanguageModels(BaseModel):
    """The language models of the site."""

    models: list[LanguageModelView]


class ProbeBody(BaseModel):
    """A statement in three parts."""

    model_config = ConfigDict(extra="forbid")

    subject: Annotated[str, Field(min_length=1, max_length=500, examples=["zanamivir"])]
    relation: Annotated[str, Field(min_length=1, max_length=500, examples=["can treat"])]
    object: Annotated[str, Field(min_length=1, max_length=500, examples=["influenza"])]
    model: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="Default: the first that can."
    )
    opposite: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="The relation's opposite, where `not` is not it."
    )


class ProbedStatement(BaseModel):
    """A statement, and how likely the model finds it."""

    statement: str
    perplexity: float = Field(description="The smaller, the likelier.")
    probability: float = Field(description="Its share against the other statement.")


class ProbeAnswer(BaseModel):
    """The statement and its opposite."""

    model: str
    statements: list[ProbedStatement]


class Health(BaseModel):
    """Whether the server can work."""

    status: str = Field(description="`ok`, or `degraded` when the database does not answer.", examples=["ok"])
    database: bool = Field(description="Whether the database answers.")


class Version(BaseModel):
    """What is running here."""

    version: str
    api: str = Field(examples=["v1"])
