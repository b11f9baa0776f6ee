"""What the REST API sends and takes, as OpenAPI describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

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


class AliasView(BaseModel):
    """An alias and the commit it names now."""

    alias: str
    commit: str


Text = Annotated[str, Field(examples=["where is my parcel?"])]


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


class PredictAnswer(BaseModel):
    """Predictions, in the order of the texts or rows."""

    model: str
    commit: str
    predictions: list[PredictionView | dict[str, Any]] = Field(
        description="Of a classifier its labels and scores; of other models what their task type gives: entities, relations, "
        "events, a score, a summary."
    )


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
