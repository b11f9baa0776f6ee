"""The plan of a job: what is going to be done, what it takes and what it promises, before anything is spent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import sqrt
from typing import Any

from gts.orchestrator.choosing import best_trial
from gts.orchestrator.evidence import Evidence, Profile, Sizes
from gts.orchestrator.forecasts import Z90, seconds_of
from gts.orchestrator.imagining import imagine
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Kind, Planner
from gts.orchestrator.priors import prior_value
from gts.tasks.spec import TaskSpec

_MOST_STEPS = 40


@dataclass(frozen=True)
class Step:
    """One step of a plan.

    Attributes:
        action: What is done.
        reason: Why, in one plain sentence.
        seconds: What it takes.
        tokens: Tokens of language models.
        money: What those cost.
        spent_s: Seconds of the job up to its end.
        value: The measure of the student that would be published then; ``None`` as long as there is none.
        low: Lower end of its 90% interval.
        high: Upper end.
    """

    action: str
    reason: str
    seconds: float
    tokens: int
    money: float
    spent_s: float
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Plan:
    """What a job would do, if all went as forecast. Each step of a real job is chosen anew from what has been measured.

    Attributes:
        metric: The measure.
        strategy: Who chooses.
        budget_s: Seconds that may be spent.
        profile: What there is: ``gold``, ``pool``, ``labels``, ``language``, ``encoder``.
        steps: In their order; their ``spent_s`` and ``value`` are the curve of quality over cost.
        basis: What the forecasts rest on, in words.
    """

    metric: str
    strategy: str
    budget_s: float
    profile: dict[str, Any]
    steps: tuple[Step, ...]
    basis: str

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(step.seconds for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        rows = [{key: _rounded(value) for key, value in asdict(step).items()} for step in self.steps]
        totals = {
            "seconds": round(self.seconds, 1),
            "tokens": sum(step.tokens for step in self.steps),
            "money": round(sum(step.money for step in self.steps), 6),
        }
        own = {"metric": self.metric, "strategy": self.strategy, "budget_s": self.budget_s}
        return {**own, "profile": self.profile, "steps": rows, **totals, "basis": self.basis}


def plan_job(
    spec: TaskSpec,
    profile: Profile,
    planner: Planner,
    n_test: int = 0,
    spent_s: float = 0.0,
    sizes: Sizes | None = None,
) -> Plan:
    """Play a job through, each step going as forecast.

    Args:
        spec: The task.
        profile: What there is to work with.
        planner: Who chooses.
        n_test: Test rows.
        spent_s: Seconds spent on the profile.
        sizes: How much of everything is used, where that has been chosen.

    Raises:
        MissingDependency: What the task demands cannot be made on this machine.
    """
    budget = spec.budget.seconds or DEFAULT_BUDGET_S
    sizes = sizes or planner.sizes(spec, profile, budget / profile.experience.pace)
    evidence = Evidence(spec, budget, profile, sizes, n_test=n_test, spent_s=spent_s)
    steps: list[Step] = []
    variance = 0.0
    while len(steps) < _MOST_STEPS:
        option = planner.next(evidence)
        if option.action.kind == Kind.PUBLISH:
            break
        after = imagine(evidence, option)
        known, best = best_trial(evidence), best_trial(after)
        if option.gain is not None and known is not None and best is not known:
            variance += option.gain.sd**2
        step = Step(
            option.action.title,
            option.action.reason,
            seconds_of(evidence, option.action),
            after.spent_tokens - evidence.spent_tokens,
            after.spent_money - evidence.spent_money,
            after.spent_s,
        )
        if best is not None:
            reach = Z90 * sqrt(prior_value(spec.type, best.tier).sd ** 2 + variance)
            value = best.best.value
            step = replace(step, value=value, low=max(0.0, value - reach), high=min(1.0, value + reach))
        steps.append(step)
        evidence = after
    facts = {name: getattr(profile, name) for name in ("gold", "labels", "language", "encoder")}
    facts["pool"] = profile.pool + profile.aside
    return Plan(spec.metric, spec.planner.strategy, budget, facts, tuple(steps), _basis(profile))


def _basis(profile: Profile) -> str:
    seen = len(profile.experience.factors)
    costs = (
        f"seconds from {seen} kinds of stages and actions that this machine has run before"
        if seen
        else "seconds from a first measurement of this machine; nothing of the kind has run on it yet"
    )
    return f"{costs}; the measure from recorded jobs of this task type, so its interval is wide until your labels are tried"


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
