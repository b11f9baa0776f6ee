"""What a job knows so far: the values a planner decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gts.orchestrator.estimate import Estimate
from gts.orchestrator.experience import Experience
from gts.orchestrator.ranking import Base
from gts.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Profile:
    """What there is to work with (summary of stage ``profile``).

    Attributes:
        gold: Labelled texts.
        pool: Unlabelled texts to learn from.
        labels: Labels.
        smallest_label: Labelled texts of the rarest label.
        language: ISO 639-1 code or ``und``.
        encoder: Catalogue id of the encoder in use, if any is at hand.
        encode_s: Seconds one text takes to encode in a batch.
        chars: Median characters of a text.
        weights: Identity of the encoder's files.
        experience: What past jobs of this platform say about forecasts.
        bases: The encoders that it was chosen from.
        aside: Unlabelled texts beyond ``pool`` that nobody learns from (see :mod:`gts.orchestrator.aside`).
    """

    gold: int
    pool: int
    labels: int
    smallest_label: int
    language: str
    encoder: str | None
    encode_s: float | None
    chars: float
    weights: str | None = None
    experience: Experience = field(default_factory=Experience)
    bases: tuple[Base, ...] = ()
    aside: int = 0


@dataclass(frozen=True)
class Sizes:
    """How much of everything a job uses.

    Attributes:
        folds: Folds of the cross-fitting.
        pool: Pool texts taught for the published student.
        fold_pool: Pool texts taught for each fold's student.
        tune_steps: Steps of contrastive tuning.
        refine_steps: Steps in which the mini student is trained end to end; 0: only its head is fitted.
        more_pool: Pool texts beyond ``pool`` that the mini student labels for the published static one.
        encoder: Whether the encoder is used at all.
        visits: Lessons that each student sees, with repetition; only where a task's rows are no single labelled text.
    """

    folds: int
    pool: int
    fold_pool: int
    tune_steps: int
    refine_steps: int
    more_pool: int = 0
    encoder: bool = True
    visits: int = 0


class Variant(StrEnum):
    """How a student was made."""

    SEED = "seed-only"
    """Of the gold rows alone."""
    PLAIN = "plain"
    REFINED = "refined"
    """Trained end to end on the soft labels."""
    GENERATED = "generated"
    """With generated texts among its lessons."""


@dataclass(frozen=True)
class Trial:
    """A student that has been trained on every fold and on all gold, beside its seed-only twin.

    Attributes:
        tier: ``static`` or ``mini``.
        variant: How the student was made.
        student: Quality of the student.
        seed_only: Quality of the same tier trained on the seed labels alone, on the same folds.
        artifacts: ``student`` and ``seed_only``: the fits on all gold.
        folds: The students of the folds, in order.
        twin_folds: The seed-only students of the folds, in order; only of classification.
        generators: Whose texts are among its lessons.
        pool: Pool texts that its teachers labelled.
        student_decision: Thresholds by which the student's beliefs become answers; only where rows are no single
            labelled text.
        seed_only_decision: Those of its twin.
    """

    tier: str
    variant: Variant
    student: Estimate
    seed_only: Estimate
    artifacts: Mapping[str, str]
    folds: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    pool: int = 0
    student_decision: Mapping[str, float] = field(default_factory=dict)
    seed_only_decision: Mapping[str, float] = field(default_factory=dict)
    twin_folds: tuple[str, ...] = ()

    @property
    def helps(self) -> bool:
        """Whether the student is at least as good as its seed-only twin (design rule: never worse)."""
        return self.student.value >= self.seed_only.value

    @property
    def winner(self) -> str:
        """``student``, or ``seed_only`` where the student is worse."""
        return "student" if self.helps else "seed_only"

    @property
    def best(self) -> Estimate:
        """Quality of the winner."""
        return self.student if self.helps else self.seed_only

    @property
    def decision(self) -> Mapping[str, float]:
        """Thresholds of the winner."""
        return self.student_decision if self.helps else self.seed_only_decision


@dataclass(frozen=True)
class Evidence:
    """Everything a planner may decide by.

    Attributes:
        spec: The task.
        budget_s: Seconds that may be spent.
        profile: What there is.
        sizes: How much of it is used.
        audit: Summary of stage ``audit``, once the teachers are audited.
        trials: Students trained so far.
        generations: By generator, what came of its writing for all gold (summary of stage ``generate``), or its ``problem``.
        forgone: By language model that was to write and was not asked to, why not.
        examined: By language model, what it was seen to do and to cost (summary of stage ``examine``), or its ``problem``.
        consulted: By language model, what came of asking it about texts, or its ``problem``.
        packages: Measured students by tier, as they would be served.
        tests: By tier, the measures of student and seed-only twin on the test file.
        n_test: Test texts.
        n_answered: Questions that people have answered.
        asked: Questions that were chosen in this attempt; ``None``: none were looked for.
        spent_s: Seconds all stages took so far (stages found finished count what they once took).
        spent_tokens: Tokens of language models so far, in the same way.
        spent_money: What those cost.
    """

    spec: TaskSpec
    budget_s: float
    profile: Profile
    sizes: Sizes
    audit: Mapping[str, Any] | None = None
    trials: tuple[Trial, ...] = ()
    generations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forgone: Mapping[str, str] = field(default_factory=dict)
    examined: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    consulted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    packages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    n_test: int = 0
    n_answered: int = 0
    asked: int | None = None
    spent_s: float = 0.0
    spent_tokens: int = 0
    spent_money: float = 0.0

    @property
    def left_tokens(self) -> int | None:
        """Tokens left of the budget; ``None`` is without limit."""
        limit = self.spec.budget.tokens
        return None if limit is None else max(0, limit - self.spent_tokens)

    @property
    def left_money(self) -> float | None:
        """Money left of the budget; ``None`` is without limit."""
        limit = self.spec.budget.money
        return None if limit is None else max(0.0, limit - self.spent_money)

    @property
    def left_s(self) -> float:
        """Seconds left of the budget."""
        return self.budget_s - self.spent_s

    @property
    def left_questions(self) -> int:
        """Questions that a person is still willing to answer."""
        return max(0, (self.spec.budget.questions or 0) - self.n_answered)

    @property
    def waiting_writers(self) -> tuple[str, ...]:
        """Language models that the task wants texts by, and that have not had their turn."""
        done = {*self.generations, *self.forgone}
        return tuple(
            name
            for name in self.spec.writers
            if name not in done and "problem" not in self.examined.get(name, {})
        )

    @property
    def judges(self) -> tuple[str, ...]:
        """Language models of the ensemble, which are asked about new texts too."""
        models = (self.audit or {}).get("models", {})
        return tuple(name for name in self.consulted if models.get(name, {}).get("weight", 0) > 0)

    def evolve(self, **changes: Any) -> Evidence:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def is_taught(self, tier: str) -> bool:
        """Whether a student of the tier has learnt from teachers."""
        return any(trial.tier == tier and trial.variant != Variant.SEED for trial in self.trials)

    def assistant(self, tier: str) -> Trial | None:
        """The best trial of a tier whose student has labelled the part of the pool that is used now."""
        found = [
            trial
            for trial in self.trials
            if (trial.tier, trial.pool) == (tier, self.sizes.pool) and trial.variant != Variant.SEED
        ]
        return max(found, key=lambda trial: (trial.best.value, -trial.best.loss), default=None)

    def trial(self, tier: str) -> Trial | None:
        """The best trial of a tier, if there is one."""
        found = [trial for trial in self.trials if trial.tier == tier]
        return max(found, key=lambda trial: (trial.best.value, -trial.best.loss), default=None)
