"""Planning: what could be done next, and which of it is done.

A :class:`Course` knows a task type: what everything stands on, what may make a better student, and how a job ends. A
:class:`Strategy` chooses among what may help. A :class:`Planner` is one of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gts.orchestrator.evidence import Evidence, Profile, Sizes
from gts.orchestrator.gains import Gain
from gts.tasks.spec import TaskSpec

DEFAULT_BUDGET_S = 170.0
"""What a job is sized for when the person names no budget, in seconds."""


class Kind(StrEnum):
    """What can be done."""

    TEACH = "teach"
    EXAMINE = "examine"
    CONSULT = "consult"
    SEED = "seed-only"
    """Train a student on the gold rows alone."""
    DISTIL = "distil"
    MORE = "more text for"
    """Teach with more of the pool, and train the students again."""
    REFINE = "refine"
    GENERATE = "generate"
    FORGO = "no texts by"
    """A language model that was to write is not asked to."""
    ASK = "ask"
    """Choose questions to a person."""
    PACKAGE = "package"
    EVALUATE = "evaluate"
    PUBLISH = "publish"


@dataclass(frozen=True)
class Action:
    """One step of a job.

    Attributes:
        kind: What to do.
        reason: Why, in one plain sentence for the person.
        forecast_s: Seconds it is expected to take.
        tier: The student's tier, for all that is done to one.
        model: The language model, for all that is done by one.
        sizes: How much of everything is used from here on, where that changes.
    """

    kind: Kind
    reason: str
    forecast_s: float = 0.0
    tier: str = ""
    model: str = ""
    sizes: Sizes | None = None

    @property
    def title(self) -> str:
        """The action in two words."""
        by = f" by {self.model}" if self.tier and self.model else self.model
        return f"{self.kind.value} {self.tier}{by}".strip()


@dataclass(frozen=True)
class Option:
    """Something that may make a better student.

    Attributes:
        action: What would be done.
        fits: Whether it is expected to fit into what is left of the budget.
        usual: Whether a plan that looks at no gains does it.
        gain: What it is expected to add to the measure of the student to publish; ``None``: it serves something else.
    """

    action: Action
    fits: bool = True
    usual: bool = True
    gain: Gain | None = None


class Effort(StrEnum):
    """How much of everything a job sets out with."""

    LEAST = "least"
    """The labels alone."""
    FRUGAL = "frugal"
    """A little of the unlabelled text; more when that pays."""
    USUAL = "usual"
    """What fits the budget."""
    MOST = "most"
    """All that could help."""


class Course(Protocol):
    """What can be done for a task type."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float, effort: Effort) -> Sizes:
        """How much of everything to set out with.

        Raises:
            MissingDependency: What the task demands cannot be made on this machine.
        """
        ...

    def first(self, evidence: Evidence, asks: bool) -> Action | None:
        """What everything else stands on, if it is still to be done; with or without asking language models."""
        ...

    def options(self, evidence: Evidence) -> Sequence[Option]:
        """What may make a better student now, in the order in which a fixed plan tries it."""
        ...

    def last(self, evidence: Evidence) -> Action:
        """What is done when nothing better is sought; ``PUBLISH`` ends the job."""
        ...


class Strategy(Protocol):
    """Chooses among what may help."""

    name: str
    effort: Effort
    asks: bool
    """Whether the language models that the task names are asked."""

    def choose(self, options: Sequence[Option], evidence: Evidence) -> Option | None:
        """The next option to take; ``None``: none is worth it."""
        ...


@dataclass(frozen=True)
class Planner:
    """Chooses how much of everything a job uses, and then action after action.

    Attributes:
        course: What can be done.
        strategy: What of it is done.
    """

    course: Course
    strategy: Strategy

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
        """How much of everything to set out with.

        Raises:
            MissingDependency: What the task demands cannot be made on this machine.
        """
        return self.course.sizes(spec, profile, budget_s, self.strategy.effort)

    def next(self, evidence: Evidence) -> Option:
        """What is done next; an action ``PUBLISH`` ends the job."""
        if first := self.course.first(evidence, self.strategy.asks):
            return Option(first)
        chosen = self.strategy.choose(self.course.options(evidence), evidence)
        return chosen or Option(self.course.last(evidence))
