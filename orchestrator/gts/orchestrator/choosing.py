"""Which students a task asks for, and which of those that were made is the one to publish."""

from __future__ import annotations

from gts.core.errors import MissingDependency
from gts.orchestrator import costs
from gts.orchestrator.evidence import Evidence, Profile, Trial
from gts.tasks.spec import EMBEDDED, TaskSpec


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
    if evidence.spec.planner.strategy == "seed-only":
        return "not tried: students of the labels alone were wanted"
    if evidence.spec.planner.strategy == "greedy" and evidence.left_s > 0:
        return "not tried: it promised too little for its time"
    return "not tried: the budget was spent"
