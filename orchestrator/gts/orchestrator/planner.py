"""Planners: what to do next, from the evidence so far.

:class:`FixedPlanner` follows one order and stops by measurement. A better planner fills the same interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from gts.core.errors import MissingDependency
from gts.orchestrator import costs
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Trial, Variant
from gts.tasks.spec import EMBEDDED, TaskSpec

DEFAULT_BUDGET_S = 170.0
"""What a job is sized for when the person names no budget, in seconds."""


class Kind(StrEnum):
    """What can be done."""

    TEACH = "teach"
    EXAMINE = "examine"
    CONSULT = "consult"
    DISTIL = "distil"
    KEEP = "keep"
    REFINE = "refine"
    GENERATE = "generate"
    FORGO = "no texts by"
    """A language model that was to write is not asked to."""
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
    """

    kind: Kind
    reason: str
    forecast_s: float = 0.0
    tier: str = ""
    model: str = ""

    @property
    def title(self) -> str:
        """The action in two words."""
        by = f" by {self.model}" if self.tier and self.model else self.model
        return f"{self.kind.value} {self.tier}{by}".strip()


class Planner(Protocol):
    """Chooses how much of everything a job uses, and then action after action."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
        """How much of everything to use.

        Raises:
            MissingDependency: What the task demands cannot be made on this machine.
        """
        ...

    def next(self, evidence: Evidence) -> Action:
        """The next action; ``PUBLISH`` ends the job."""
        ...


def wanted_tiers(spec: TaskSpec, profile: Profile) -> tuple[str, ...]:
    """Tiers to train, largest first: a larger one helps to teach the smaller.

    Raises:
        MissingDependency: The task demands a tier for which there is no base model.
    """
    tier = spec.student.tier
    if tier == "base":
        raise MissingDependency(
            "no base model between 35M and 100M parameters is in the catalogue",
            mend="ask for tier static, mini or auto, or name such a model in the file GTS_CATALOGUE points to",
        )
    if tier == "mini" and profile.encoder is None:
        raise MissingDependency(
            f"tier mini needs an encoder for language {profile.language!r} and the catalogue has none",
            mend="ask for tier static or auto, or name an encoder on disk in the file GTS_CATALOGUE points to",
        )
    if profile.encoder is None:
        return ("static",)
    return ("mini",) if tier == "mini" else ("mini", "static")


def best_trial(evidence: Evidence) -> Trial | None:
    """The student to publish: within the person's limits, least loss on held-out gold.

    Calibrated loss is compared rather than the metric because on a few dozen gold texts it tells students
    apart that the metric cannot. But the metric decides which twin of a tier wins, that no student of one tier is
    published that is worse than another tier's seed-only twin (never worse), and that a reached target is kept.
    """
    found = [
        trial for tier in ("mini", "static") if (trial := evidence.trial(tier)) and allowed(evidence, tier)
    ]
    floor = max((trial.seed_only.value for trial in found), default=0.0)
    target = evidence.spec.goal.target
    if target is not None and any(trial.best.value >= target for trial in found):
        floor = max(floor, target)
    good = [trial for trial in found if trial.best.value >= floor]
    return min(good, key=lambda trial: trial.best.loss, default=None)


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


def target_is_met(evidence: Evidence, trial: Trial | None = None) -> bool:
    """Whether a student, by default the one to publish, is as good as the person wants it."""
    target, trial = evidence.spec.goal.target, trial or best_trial(evidence)
    return target is not None and trial is not None and trial.best.value >= target


def why_untried(evidence: Evidence, generator: str) -> str:
    """Why a generator that the task names has written nothing, in words."""
    if generator in evidence.forgone:
        return f"not tried: {evidence.forgone[generator]}"
    if problem := evidence.examined.get(generator, {}).get("problem"):
        return f"left out: {problem}"
    profile = evidence.profile
    if generator == EMBEDDED and not costs.wants_generator(profile, evidence.spec.type):
        enough = (
            f"{profile.labels} labels"
            if evidence.spec.type == "classification"
            else f"{profile.gold} gold rows"
        )
        return f"not tried: there is enough unlabelled text, {profile.pool} for {enough}"
    if target_is_met(evidence):
        return "not tried: the target was met without its texts"
    return "not tried: the budget was spent"


class FixedPlanner:
    """Teach, ask the language models, distil the larger tier, refine it, distil the smaller, generate where text is scarce, package,
    evaluate, publish.

    Each step is skipped when its forecast is over what is left of the budget; the target, once reached, ends
    the search for more.
    """

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
        """See :meth:`Planner.sizes`."""
        tiers = wanted_tiers(spec, profile)
        is_timed = spec.budget.seconds is not None
        is_hard = is_timed and spec.student.tier != "mini"
        kept = costs.writers_share(len(spec.writers)) if is_timed else 0.0
        sizes = costs.choose_sizes(profile, budget_s * (1 - kept), "mini" in tiers, is_hard)
        # No writer is worth the encoder: without it the same examples teach far less (benchmarks/LOG.md).
        return sizes if sizes.encoder else costs.choose_sizes(profile, budget_s, "mini" in tiers, is_hard)

    def next(self, evidence: Evidence) -> Action:
        """See :meth:`Planner.next`."""
        if evidence.audit is None:
            return self._teach(evidence)
        if asking := self._ask_models(evidence):
            return asking
        tiers = wanted_tiers(evidence.spec, evidence.profile) if evidence.sizes.encoder else ("static",)
        for tier in tiers:
            if evidence.trial(tier) is None and self._affordable(evidence, tier, tiers):
                return self._distil(evidence, evidence.audit, tier)
            if tier == "mini" and (refine := self._refine(evidence)):
                return refine
        if generate := self._generate(evidence):
            return generate
        for tier in tiers:
            if evidence.trial(tier) is not None and tier not in evidence.packages and allowed(evidence, tier):
                reason = f"write and export the {tier} student and measure it as it will be served"
                return Action(Kind.PACKAGE, reason, costs.package_s(tier), tier)
        for tier in evidence.packages:
            if evidence.n_test and tier not in evidence.tests:
                forecast = costs.evaluate_s(evidence.profile, tier, evidence.n_test)
                reason = f"put {evidence.n_test} test texts, which no step has seen, to the {tier} student"
                return Action(Kind.EVALUATE, reason, forecast, tier)
        return Action(Kind.PUBLISH, self._verdict(evidence))

    def _teach(self, evidence: Evidence) -> Action:
        sizes, gold = evidence.sizes, evidence.profile.gold
        who = "encoder and lexical teachers" if sizes.encoder else "the lexical teachers"
        reason = f"fit {who} and audit them on {gold} gold texts in {sizes.folds} folds"
        if evidence.profile.encoder and not sizes.encoder:
            reason += (
                f"; {evidence.budget_s:.0f} s are too few for the encoder on this machine as busy as it is"
            )
        return Action(Kind.TEACH, reason, costs.teaching_s(evidence.profile, sizes))

    def _ask_models(self, evidence: Evidence) -> Action | None:
        for name in evidence.spec.language_models:
            if name not in evidence.examined:
                return Action(
                    Kind.EXAMINE, f"see what {name} can do and how fast", costs.EXAMINE_S, model=name
                )
        for name in evidence.spec.teachers:
            facts = evidence.examined[name]
            if name in evidence.consulted or "problem" in facts:
                continue
            texts = evidence.profile.gold
            if lacking := costs.is_spent(evidence, facts, evidence.sizes.folds):
                reason = f"the budget of {lacking} is spent before {name} was asked about any text"
                return Action(Kind.CONSULT, reason, model=name)
            pool = costs.texts_to_ask(evidence, facts, spared=texts)
            reason = f"ask {name} about {texts} gold texts whose labels it is not shown" + (
                f", and if it knows better than others about {pool} unlabelled ones" if pool else ""
            )
            forecast = facts["text_seconds"] * (texts + costs.POOL_SHARE * pool)
            return Action(Kind.CONSULT, reason, forecast, model=name)
        return None

    def _distil(self, evidence: Evidence, audit: Mapping[str, Any], tier: str) -> Action:
        quality = audit["ensemble_accuracy"]
        reason = f"the audited teachers are right on {quality:.0%} of held-out gold; pass that on to a {tier} student"
        return Action(Kind.DISTIL, reason, self._student_s(evidence, tier), tier)

    def _student_s(self, evidence: Evidence, tier: str) -> float:
        profile, sizes = evidence.profile, evidence.sizes
        return costs.student_s(profile, sizes, tier) + costs.seed_only_s(profile, sizes, tier)

    def _affordable(self, evidence: Evidence, tier: str, tiers: tuple[str, ...]) -> bool:
        if tier == tiers[-1] and best_trial(evidence) is None:
            return True  # something must be published
        if evidence.spec.budget.seconds is None:
            return True  # the default budget sizes a job; only a person's budget ends one
        needed = self._student_s(evidence, tier) + costs.package_s(tier)
        return needed <= evidence.left_s

    def _refine(self, evidence: Evidence) -> Action | None:
        profile, sizes, trial = evidence.profile, evidence.sizes, evidence.trial("mini")
        tried = any(trial.variant == Variant.REFINED for trial in evidence.trials)
        if trial is None or tried or not sizes.refine_steps or target_is_met(evidence, trial):
            return None
        forecast = costs.student_s(profile, sizes, "mini", sizes.refine_steps)
        rest = self._student_s(evidence, "static") + costs.PACKAGING_S + costs.kept_for_writers_s(evidence)
        if forecast + rest > evidence.left_s:
            return None
        reason = f"there is time to train the mini student end to end for {sizes.refine_steps} steps"
        return Action(Kind.REFINE, reason, forecast, "mini")

    def _generate(self, evidence: Evidence) -> Action | None:
        trial = best_trial(evidence)
        if trial is None:
            return None
        waiting = evidence.waiting_writers
        for name in evidence.spec.generators:
            if name in waiting:
                return self._have_written(evidence, trial, name)
            if name == EMBEDDED and (action := self._recombine(evidence, trial)):
                return action
        return None

    def _recombine(self, evidence: Evidence, trial: Trial) -> Action | None:
        profile, sizes = evidence.profile, evidence.sizes
        if EMBEDDED in evidence.generations or target_is_met(evidence) or not costs.wants_generator(profile):
            return None
        forecast = costs.generate_s(profile, sizes, trial.tier)
        if forecast + costs.PACKAGING_S + costs.kept_for_writers_s(evidence) > evidence.left_s:
            return None
        reason = f"only {profile.pool} unlabelled texts for {profile.labels} labels: try texts made from the user's own"
        return Action(Kind.GENERATE, reason, forecast, trial.tier, EMBEDDED)

    def _have_written(self, evidence: Evidence, trial: Trial, name: str) -> Action:
        if target_is_met(evidence):
            return Action(Kind.FORGO, "the target was met without them", model=name)
        training_s = costs.generate_s(evidence.profile, evidence.sizes, trial.tier)
        found = costs.texts_to_write(evidence, evidence.examined[name], training_s)
        if not found.count:
            return Action(Kind.FORGO, found.lacking, model=name)
        reason = f"the task wants texts by {name}: try {found.count} for each label"
        return Action(Kind.GENERATE, reason, found.seconds, trial.tier, name)

    def _verdict(self, evidence: Evidence) -> str:
        trial = best_trial(evidence)
        if trial is None:
            return "no student is within the limits that were set"
        return f"the {trial.tier} student has the least loss on held-out gold among those within the limits"
