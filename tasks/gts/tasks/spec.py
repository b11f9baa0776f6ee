"""What a person asks for: the task file (``task.yaml``) and its JSON twin over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gts.tasks.schema import EntityType, EventType, RelationType, Schema
from gts.tasks.text import clean_text

MAX_NAME = 90
"""A repository's ``namespace/name`` has 96 characters at most; six of them are ``local/``."""

NAME_PATTERN = rf"^[A-Za-z0-9](?:[A-Za-z0-9._-]{{0,{MAX_NAME - 2}}}[A-Za-z0-9])?$"


def label_name(value: object) -> str:
    """A label written as a number or boolean, as a name; one spelling for task files, JSON rows and Parquet.

    Example:
        >>> label_name(True), label_name(3), label_name(2.0), label_name("x")
        ('true', '3', '2', 'x')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _description(value: object) -> object:
    if value is None:
        return ""
    return clean_text(value) if isinstance(value, str) else value


EMBEDDED = "embedded"
"""The generator that needs no language model."""

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name of a language model, as the site's file of models gives it."""


TaskType = Literal["classification", "similarity", "ner", "relation", "event", "summarization"]

METRICS: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "similarity": ("accuracy", "f1", "spearman"),
    "ner": ("micro_f1", "macro_f1"),
    "relation": ("triple_f1", "macro_f1"),
    "event": ("trigger_f1", "argument_f1"),
    "summarization": ("rouge1", "rouge2", "rougeL"),
}
"""Task type to the measures that may decide; the first does where the person names none."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "labels": ("classification",),
    "multi_label": ("classification",),
    "entities": ("ner", "relation"),
    "relations": ("relation",),
    "events": ("event",),
    "entities_given": ("relation",),
    "scale": ("similarity",),
    "length": ("summarization",),
}
"""Fields of a task that only some types have."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Goal(_Part):
    """When the student is good enough.

    Attributes:
        metric: The measure that decides; ``None``: the task type's first.
        target: The value at which the job may stop early, between 0 and 1.
    """

    metric: str | None = None
    target: Annotated[float, Field(gt=0, le=1)] | None = None


class Budget(_Part):
    """What the job may spend.

    Attributes:
        seconds: Wall time of all stages together; the best student so far is published when it is reached.
        tokens: Tokens that language models read and write.
        money: What those cost, in the currency of the models' prices.
        questions: Questions that a person is willing to answer; 0 or ``None``: none are asked.
    """

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    tokens: Annotated[int, Field(gt=0)] | None = None
    money: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    questions: Annotated[int, Field(ge=0)] | None = None


class StudentWish(_Part):
    """What the student must be like.

    Attributes:
        tier: ``static`` (token table), ``mini`` (small transformer), ``base``; ``auto`` trains what fits and
            takes the best.
        max_parameters: Upper limit of parameters.
        max_latency_ms: Upper limit of the time for one text on one core, in milliseconds.
    """

    tier: Literal["auto", "static", "mini", "base"] = "auto"
    max_parameters: Annotated[int, Field(gt=0)] | None = None
    max_latency_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class PlannerWish(_Part):
    """How the job decides what to do.

    Attributes:
        strategy: ``greedy`` (what promises most for its time), ``fixed`` (the usual steps), ``all`` (whatever could help),
            ``seed-only`` (the labels alone).
        seconds_per_point: Seconds that one more hundredth of the measure is worth; for ``greedy``.
    """

    strategy: Literal["greedy", "fixed", "all", "seed-only"] = "fixed"
    seconds_per_point: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0


class SummaryLength(_Part):
    """How long a summary should be.

    Attributes:
        sentences: Most sentences.
        characters: Most characters.
    """

    sentences: Annotated[int, Field(gt=0, le=100)] | None = None
    characters: Annotated[int, Field(gt=0, le=100_000)] | None = None


class TaskSpec(_Part):
    """A task without its data: everything of ``task.yaml`` but the file paths.

    Attributes:
        name: Name of the task and of the model repository it fills; letters, digits, ``. _ -``.
        type: The task type.
        labels: Label name to description (may be empty). Empty mapping: taken from the examples.
        multi_label: Whether a text may carry several labels or none; ``None``: found from the examples.
        entities: Entity types, with descriptions. Empty mapping: taken from the examples.
        relations: Relation types, with descriptions and the entity types they join. Empty mapping: as above.
        events: Event types, with descriptions and roles. Empty mapping: as above.
        entities_given: Relation tasks only: whether entities come with every text; ``None``: found from the examples.
        scale: Similarity tasks only: least and greatest grade; ``None``: found from the examples, pairs that are
            labelled 0 and 1 having none.
        length: Summarization only: how long a summary should be; what is left out is found from the examples.
        language: ISO 639-1 code; ``None``: found from the text.
        goal: When the student is good enough.
        budget: What may be spent.
        student: What the student must be like.
        planner: How the job decides what to do.
        teachers: Names of language models that label texts, beside the teachers that are always there.
        generators: Who writes new texts where they help: ``embedded``, and names of language models.
        seed: Seed of everything random.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME)]
    type: TaskType = "classification"
    labels: dict[str, str] = Field(default_factory=dict)
    multi_label: bool | None = None
    entities: dict[str, EntityType] = Field(default_factory=dict)
    relations: dict[str, RelationType] = Field(default_factory=dict)
    events: dict[str, EventType] = Field(default_factory=dict)
    entities_given: bool | None = None
    scale: tuple[float, float] | None = None
    length: SummaryLength = SummaryLength()
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    goal: Goal = Goal()
    budget: Budget = Budget()
    student: StudentWish = StudentWish()
    planner: PlannerWish = PlannerWish()
    teachers: tuple[ModelName, ...] = ()
    generators: tuple[ModelName, ...] = (EMBEDDED,)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("name")
    @classmethod
    def _fit_for_a_repository(cls, value: str) -> str:
        if "--" in value or ".." in value or value.endswith(".git"):
            raise ValueError("a name without '--' and '..' that does not end with '.git'")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _list_to_mapping(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, list):
            names = [label_name(label) for label in value]
            if len(set(names)) != len(names):
                raise ValueError("a label is listed twice")
            return dict.fromkeys(names, "")
        if isinstance(value, dict):
            return {label_name(key): _description(text) for key, text in value.items()}
        return value

    @field_validator("entities", "relations", "events", mode="before")
    @classmethod
    def _types(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, list):
            names = [label_name(name) for name in value]
            if len(set(names)) != len(names):
                raise ValueError("a type is listed twice")
            return {name: {} for name in names}
        return value

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        for name, types in _FIELDS.items():
            if self.type not in types and getattr(self, name) != type(self).model_fields[name].get_default(
                call_default_factory=True
            ):
                raise ValueError(
                    f"{name} only in tasks of type {' or '.join(types)}; this one is {self.type}"
                )
        if self.goal.metric not in (None, *METRICS[self.type]):
            raise ValueError(f"a goal with one of the metrics {', '.join(METRICS[self.type])}")
        if self.scale is not None and self.goal.metric not in (None, "spearman"):
            raise ValueError("a goal with the metric spearman, since pairs are graded")
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise ValueError("a scale with the least grade first, such as [0, 5]")
        return self

    @property
    def metric(self) -> str:
        """The measure that decides; pairs that are graded are right or wrong by their order only."""
        if self.scale is not None:
            return "spearman"
        return self.goal.metric or METRICS[self.type][0]

    @property
    def extraction(self) -> Schema:
        """What a task of extraction looks for."""
        return Schema(entities=self.entities, relations=self.relations, events=self.events)

    @property
    def writers(self) -> tuple[str, ...]:
        """Names of the language models that are to write."""
        return tuple(name for name in self.generators if name != EMBEDDED)

    @property
    def language_models(self) -> tuple[str, ...]:
        """Names of all language models that the task wants asked."""
        return tuple(dict.fromkeys((*self.teachers, *self.writers)))

    def evolve(self, **changes: object) -> Self:
        """A copy with some fields changed, validated again."""
        return type(self).model_validate({**self.model_dump(), **changes})
