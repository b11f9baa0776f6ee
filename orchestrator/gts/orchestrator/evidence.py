"""What a job knows so far: the values a planner decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gts.orchestrator.estimate import Estimate
from gts.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Profile:
    """What there is to work with (summary of stage ``profile``).

    Attributes:
        gold: Labelled texts.
        pool: Unlabelled texts.
        test: Test texts.
        labels: Labels.
        smallest_label: Labelled texts of the rarest label.
        language: ISO 639-1 code or ``und``.
        encoder: Catalogue id of the encoder at hand, if any.
        encode_s: Seconds one text takes to encode in a batch.
        chars: Median characters of a text.
    """

    gold: int
    pool: int
    test: int
    labels: int
    smallest_label: int
    language: str
    encoder: str | None
    encode_s: float | None
    chars: float


@dataclass(frozen=True)
class Trial:
    """A student that has been trained on every fold and on all gold, beside its seed-only twin.

    Attributes:
        tier: ``static`` or ``mini``.
        generated: Whether generated texts were among its lessons.
        student: Quality of the student.
        seed_only: Quality of the same tier trained on the seed labels alone, on the same folds.
        artifacts: ``student`` and ``seed_only``: the fits on all gold.
    """

    tier: str
    generated: bool
    student: Estimate
    seed_only: Estimate
    artifacts: Mapping[str, str]

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


@dataclass(frozen=True)
class Evidence:
    """Everything a planner may decide by.

    Attributes:
        spec: The task.
        profile: What there is, once profiled.
        audit: Summary of stage ``audit``, once the teachers are audited.
        trials: Students trained so far.
        generation: Summary of generating for all gold, once tried.
        packages: Measured students by tier, as they would be served.
        spent_s: Seconds all stages took so far (stages found finished count what they once took).
        budget_s: Seconds that may be spent.
    """

    spec: TaskSpec
    budget_s: float
    profile: Profile | None = None
    audit: Mapping[str, Any] | None = None
    trials: tuple[Trial, ...] = ()
    generation: Mapping[str, Any] | None = None
    packages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spent_s: float = 0.0

    @property
    def left_s(self) -> float:
        """Seconds left of the budget."""
        return self.budget_s - self.spent_s

    def evolve(self, **changes: Any) -> Evidence:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def trial(self, tier: str) -> Trial | None:
        """The better trial of a tier (with or without generated texts), if there is one."""
        found = [trial for trial in self.trials if trial.tier == tier]
        return max(found, key=lambda trial: (trial.best.value, -trial.best.loss), default=None)
