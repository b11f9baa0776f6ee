"""Planners: what to do next, from the evidence so far.

:class:`FixedPlanner` follows one order and stops by measurement. A better planner fills the same interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gts.core.errors import MissingDependency
from gts.orchestrator import costs
from gts.orchestrator.costs import Sizes
from gts.orchestrator.evidence import Evidence, Profile, Trial

DEFAULT_BUDGET_S = 160.0
"""What a job is sized for when the person names no budget, in seconds."""


class Kind(StrEnum):
    """What can be done."""

    PROFILE = "profile"
    TEACH = "teach"
    DISTIL = "distil"
    GENERATE = "generate"
    PACKAGE = "package"
    PUBLISH = "publish"


@dataclass(frozen=True)
class Action:
    """One step of a job.

    Attributes:
        kind: What to do.
        reason: Why, in one plain sentence for the person.
        forecast_s: Seconds it is expected to take.
        tier: The student's tier, for ``distil``, ``generate`` and ``package``.
        sizes: How much of everything to use.
    """

    kind: Kind
    reason: str
    forecast_s: float = 0.0
    tier: str = ""
    sizes: Sizes | None = None

    @property
    def title(self) -> str:
        """The action in two words."""
        return f"{self.kind.value} {self.tier}".strip()


class Planner(Protocol):
    """Chooses the next action."""

    def next(self, evidence: Evidence) -> Action:
        """The next action; ``PUBLISH`` ends the job.

        Raises:
            MissingDependency: What the task demands cannot be made on this machine.
        """
        ...


def wanted_tiers(evidence: Evidence) -> tuple[str, ...]:
    """Tiers to train, largest first: a larger one helps to teach the smaller.

    Raises:
        MissingDependency: The task demands a tier for which there is no base model.
    """
    profile, wish = evidence.profile, evidence.spec.student
    assert profile is not None  # noqa: S101 - the planner profiles first
    if wish.tier == "base":
        raise MissingDependency(
            "no base model between 35M and 100M parameters is in the catalogue",
            mend="ask for tier static, mini or auto, or name such a model in the file GTS_CATALOGUE points to",
        )
    if wish.tier == "mini" and profile.encoder is None:
        raise MissingDependency(
            f"tier mini needs an encoder for language {profile.language!r} and the catalogue has none",
            mend="ask for tier static or auto, or name an encoder on disk in the file GTS_CATALOGUE points to",
        )
    if profile.encoder is None:
        return ("static",)
    return ("mini",) if wish.tier == "mini" else ("mini", "static")


def best_trial(evidence: Evidence) -> Trial | None:
    """The student to publish: within the person's limits, least loss on held-out gold.

    Calibrated loss is compared rather than the metric because on a few dozen gold texts it tells students
    apart that the metric cannot. Which twin of a tier wins is decided by the metric alone (never worse).
    """
    found = [
        trial for tier in ("mini", "static") if (trial := evidence.trial(tier)) and allowed(evidence, tier)
    ]
    return min(found, key=lambda trial: trial.best.loss, default=None)


def allowed(evidence: Evidence, tier: str) -> bool:
    """Whether a tier may be published under the person's wishes, as far as it has been measured."""
    wish, package = evidence.spec.student, evidence.packages.get(tier)
    if wish.tier not in ("auto", tier):
        return False
    if package is None:
        return True
    too_large = wish.max_parameters is not None and package["parameters"] > wish.max_parameters
    too_slow = wish.max_latency_ms is not None and package["latency_ms"] > wish.max_latency_ms
    return not (too_large or too_slow)


class FixedPlanner:
    """Profile, teach, distil the larger tier, then the smaller, generate where text is scarce, package, publish.

    Each step is skipped when its forecast is over what is left of the budget; the target, once reached, ends
    the search for more.
    """

    def next(self, evidence: Evidence) -> Action:
        """See :meth:`Planner.next`."""
        if evidence.profile is None:
            return Action(Kind.PROFILE, "count the data and time this machine", costs.START_S)
        tiers = wanted_tiers(evidence)
        wish = evidence.spec.student.tier
        is_hard = evidence.spec.budget.seconds is not None and wish != "mini"
        sizes = costs.choose_sizes(evidence.profile, evidence.budget_s, "mini" in tiers, is_hard)
        if not sizes.mini_steps:
            tiers = ("static",)
        if evidence.audit is None:
            return self._teach(evidence.profile, sizes)
        for tier in tiers:
            if evidence.trial(tier) is None and self._affordable(
                evidence, evidence.profile, tier, tiers, sizes
            ):
                return self._distil(evidence, evidence.profile, tier, sizes)
        generate = self._generate(evidence, evidence.profile, sizes)
        if generate is not None:
            return generate
        for tier in tiers:
            if evidence.trial(tier) is not None and tier not in evidence.packages and allowed(evidence, tier):
                reason = f"write and export the {tier} student and measure it as it will be served"
                return Action(Kind.PACKAGE, reason, costs.package_s(tier, evidence.profile.test), tier, sizes)
        return Action(Kind.PUBLISH, self._verdict(evidence))

    def _teach(self, profile: Profile, sizes: Sizes) -> Action:
        forecast = costs.teaching_s(profile, sizes)
        who = "encoder and lexical teachers" if sizes.encoder else "the lexical teachers"
        reason = f"fit {who} and audit them on {profile.gold} gold texts in {sizes.folds} folds"
        return Action(Kind.TEACH, reason, forecast, sizes=sizes)

    def _distil(self, evidence: Evidence, profile: Profile, tier: str, sizes: Sizes) -> Action:
        audit = evidence.audit or {}
        quality = audit.get("ensemble_accuracy", 0.0)
        reason = f"the audited teachers are right on {quality:.0%} of held-out gold; pass that on to a {tier} student"
        return Action(Kind.DISTIL, reason, costs.student_s(profile, sizes, tier), tier, sizes)

    def _affordable(
        self, evidence: Evidence, profile: Profile, tier: str, tiers: tuple[str, ...], sizes: Sizes
    ) -> bool:
        if tier == tiers[-1] and not evidence.trials:
            return True  # something must be published
        if evidence.spec.budget.seconds is None:
            return True  # the default budget sizes a job; only a person's budget ends one
        return costs.student_s(profile, sizes, tier) + costs.package_s(tier, 0) <= evidence.left_s

    def _generate(self, evidence: Evidence, profile: Profile, sizes: Sizes) -> Action | None:
        trial = best_trial(evidence)
        target = evidence.spec.goal.target
        if evidence.generation is not None or trial is None or not costs.wants_generator(profile):
            return None
        if target is not None and trial.best.value >= target:
            return None
        forecast = costs.generate_s(profile, sizes, trial.tier)
        spare = sum(costs.package_s(tier, profile.test) for tier in ("mini", "static"))
        if forecast + spare > evidence.left_s:
            return None
        reason = f"only {profile.pool} unlabelled texts for {profile.labels} labels: try texts made from the user's own"
        return Action(Kind.GENERATE, reason, forecast, trial.tier, sizes)

    def _verdict(self, evidence: Evidence) -> str:
        trial = best_trial(evidence)
        if trial is None:
            return "no student is within the limits that were set"
        return f"the {trial.tier} student has the least loss on held-out gold among those within the limits"
