"""Bodies and answers of the REST API about published models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gts.platform.version_schemas import Expect, Why
from gts.registry.values import Revision


class ModelView(BaseModel):
    """A published model."""

    id: str = Field(description="`namespace/name`.", examples=["local/support-tickets"])
    commit: str = Field(description="The commit that is described; in listings the newest.")
    created_at: datetime
    updated_at: datetime
    card: dict[str, Any] = Field(description="Facts for listings: task, library, tags, measures.")


class ModelPage(BaseModel):
    """Some models, most recently published first."""

    models: list[ModelView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class FileView(BaseModel):
    """One file of a model."""

    path: str
    size: int
    sha256: str


class RevisionView(BaseModel):
    """One commit of a model."""

    commit: str
    message: str
    author: str
    created_at: datetime
    job_id: str | None
    retired: str | None = Field(description="Why nobody should use it any more; null unless it is retired.")

    @classmethod
    def of(cls, revision: Revision, retired: str | None = None) -> Self:
        """The public form of a commit."""
        return cls(
            commit=revision.oid,
            message=revision.message,
            author=revision.author,
            created_at=revision.created_at,
            job_id=revision.job_id,
            retired=retired,
        )


class ModelDetail(ModelView):
    """A model with its files and history."""

    files: list[FileView]
    refs: dict[str, str] = Field(description="Branches, tags and aliases, each with the commit it names.")
    history: list[RevisionView]
    report: dict[str, Any] | None = Field(description="The report of the job that made it.")


class AliasBody(BaseModel):
    """What an alias is to name."""

    model_config = ConfigDict(extra="forbid")

    revision: str = Field("main", max_length=255, description="Commit, branch, tag or another alias.")
    why: Why = ""
    expect: Expect = None


class AliasView(BaseModel):
    """An alias and the commit it names now."""

    alias: str
    commit: str


Text = Annotated[str, Field(examples=["where is my parcel?"])]


IS_TEST = "Whether this tests the model rather than uses it: nothing of it is kept as traffic."


class PredictBody(BaseModel):
    """What to ask a model about: texts, or rows of its task."""

    model_config = ConfigDict(extra="forbid")

    texts: list[Text] | None = Field(
        None, min_length=1, description="Texts, at most as many as the server allows."
    )
    rows: list[dict[str, Any]] | None = Field(
        None,
        min_length=1,
        description='In place of texts: `{"text_a", "text_b"}` for similarity, `{"text", "entities"}` for relations between '
        'given entities, `{"text"}` for all else.',
    )
    revision: str = Field("main", max_length=255, description="Commit, branch or alias.")
    max_error: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Of a classifier: share of wrong answers to be expected among those that it gives; what it is not sure of is "
        "answered by `fallback` or by nobody.",
    )
    fallback: str | None = Field(
        None, max_length=200, description="Name of a language model that answers the rest; needs `max_error`."
    )
    test: bool = Field(False, description=IS_TEST)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.fallback is not None and self.max_error is None:
            raise ValueError("`fallback` needs `max_error`")
        return self

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.texts is None) == (self.rows is None):
            raise ValueError("either texts or rows")
        return self

    def asked(self) -> list[dict[str, Any]]:
        """The rows asked about."""
        return self.rows if self.rows is not None else [{"text": text} for text in self.texts or ()]


class ScoreView(BaseModel):
    """One label and its probability."""

    label: str
    score: float


class PredictionView(BaseModel):
    """What the model says about one text."""

    labels: list[str] = Field(description="The labels it gives: one, or for multi-label tasks any number.")
    scores: list[ScoreView] = Field(description="Probability of every label, highest first.")
    answered_by: str | None = Field(
        None, description="With `max_error`: `student`, the language model, or null where nobody was sure."
    )


class CascadeView(BaseModel):
    """Who answered, where a bound on errors was given."""

    threshold: float | None = Field(
        description="How sure the student must be; null: it is nowhere sure enough."
    )
    expected_share: float = Field(description="Share of labelled texts it had not seen that it would answer.")
    student: int = Field(description="Rows that the student answered.")
    teacher: int = Field(description="Rows that the language model answered.")
    unanswered: int
    tokens: int = Field(description="Tokens that the language model read and wrote now.")
    money: float


class PredictAnswer(BaseModel):
    """Predictions, in the order of the texts or rows."""

    model: str
    commit: str
    predictions: list[PredictionView | dict[str, Any]] = Field(
        description="Of a classifier its labels and scores; of other models what their task type gives: entities, relations, "
        "events, a score, a summary."
    )
    cascade: CascadeView | None = Field(None, description="Where `max_error` was given.")


class InferenceParameters(BaseModel):
    """Options that Hub clients send."""

    top_k: Annotated[int, Field(ge=1)] | None = Field(None, description="Only the k likeliest labels.")
    function_to_apply: str | None = Field(
        None, description="`none`, `softmax` or `sigmoid`; must fit the model."
    )


class SentencePairs(BaseModel):
    """One sentence to be compared with others."""

    source_sentence: str
    sentences: list[str] = Field(min_length=1)


class InferenceBody(BaseModel):
    """A request in the shape of `huggingface_hub.InferenceClient`."""

    inputs: Annotated[str, Field(examples=["where is my parcel?"])] | list[str] | SentencePairs
    parameters: InferenceParameters | None = None
    options: dict[str, Any] | None = Field(None, description="Accepted and not used.")
