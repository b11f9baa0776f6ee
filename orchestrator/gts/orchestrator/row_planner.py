"""The planner of the task types whose rows are no single labelled text, and what their stages cost."""

from __future__ import annotations

from gts.orchestrator import costs
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Variant
from gts.orchestrator.planner import Action, Kind, allowed, best_trial, wanted_tiers
from gts.tasks.spec import EMBEDDED, TaskSpec

_MOST_FOLDS = 3
_MOST_POOL = 2000
FEWEST_VISITS = 400
_PASSES, FEW_ROWS_VISITS = 5, 1600
"""Times that each gold row is seen where there are many; few rows are seen more often, until so many visits."""
_TRAINING = 4.0
"""Seconds of a visit in training, in those of encoding: forward, backward, and the update."""
_STATIC_VISIT_S = {"ner": 0.008, "relation": 0.01, "event": 0.01, "summarization": 0.002}
"""Seconds of a visit of the smallest tier's student, by task type; else it is fitted in a moment."""
_BEGIN_S = 10.0
"""Warming up what students of the smallest tier start from."""
_TRAINING_SHARE = 0.7
_POOL_SHARE = 0.15
_ASKING_S, _MOST_ASKED = 120.0, 500
"""Time for asking a language model in a job that nobody gave a time, and the most pool rows it is asked about."""


class RowPlanner:
    """Teach, distil the larger tier, then the smaller, try generated rows where text is scarce, package, evaluate, publish."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
        """See :meth:`gts.orchestrator.planner.Planner.sizes`."""
        tiers = _tiers(spec, profile)
        folds = max(2, min(_MOST_FOLDS, profile.smallest_label))
        fits = 2 * (folds + 1)
        most = max(FEW_ROWS_VISITS, _PASSES * profile.gold)
        visits = int(_TRAINING_SHARE * budget_s / fits / _visit_s(spec, profile, tiers[0]))
        pool = profile.pool
        if profile.encode_s:
            pool = int(_POOL_SHARE * budget_s / fits / profile.encode_s)
        pool = min(_MOST_POOL, profile.pool, pool)
        return Sizes(folds, pool, pool, 0, 0, visits=max(FEWEST_VISITS, min(visits, most)))

    def next(self, evidence: Evidence) -> Action:
        """See :meth:`gts.orchestrator.planner.Planner.next`."""
        profile, spec = evidence.profile, evidence.spec
        tiers = _tiers(spec, profile)
        if evidence.audit is None:
            reason = (
                f"fit the teachers and audit them on {profile.gold} gold rows in {evidence.sizes.folds} folds"
            )
            return Action(Kind.TEACH, reason, teach_s(evidence), tiers[0])
        if asking := self._ask_models(evidence):
            return asking
        for tier in tiers:
            if evidence.trial(tier) is not None:
                continue
            if self._affordable(evidence, tier, tiers):
                quality = evidence.audit["ensemble_accuracy"]
                reason = f"the audited teachers reach {spec.metric} {quality:.2f} on held-out gold; pass that on to a {tier} student"
                return Action(Kind.DISTIL, reason, distil_s(evidence, tier), tier)
            if tier == tiers[0]:
                reason = f"the time left is too short to teach a {tier} student; the one of the gold rows alone is there"
                return Action(Kind.KEEP, reason, tier=tier)
        if generate := self._generate(evidence):
            return generate
        for tier in tiers:
            if evidence.trial(tier) is not None and tier not in evidence.packages and allowed(evidence, tier):
                reason = f"write and export the {tier} student and measure it as it will be served"
                return Action(Kind.PACKAGE, reason, costs.package_s(tier), tier)
        for tier in evidence.packages:
            if evidence.n_test and tier not in evidence.tests:
                forecast = costs.evaluate_s(profile, tier, evidence.n_test)
                reason = f"put {evidence.n_test} test rows, which no step has seen, to the {tier} student"
                return Action(Kind.EVALUATE, reason, forecast, tier)
        trial = best_trial(evidence)
        verdict = (
            f"the {trial.tier} student is the best on held-out gold among those within the limits"
            if trial
            else "no student is within the limits that were set"
        )
        return Action(Kind.PUBLISH, verdict)

    def _ask_models(self, evidence: Evidence) -> Action | None:
        for name in evidence.spec.teachers:
            if name not in evidence.examined:
                reason = f"see what {name} can do and how fast"
                return Action(Kind.EXAMINE, reason, costs.EXAMINE_S, model=name)
            facts = evidence.examined[name]
            if name not in evidence.consulted and "problem" not in facts:
                gold, pool = evidence.profile.gold, pool_to_ask(evidence, name)
                reason = f"ask {name} about {gold} gold rows whose answers it is not shown" + (
                    f", and if it helps about {pool} unlabelled ones" if pool else ""
                )
                return Action(Kind.CONSULT, reason, facts["text_seconds"] * (gold + pool), model=name)
        return None

    def _affordable(self, evidence: Evidence, tier: str, tiers: tuple[str, ...]) -> bool:
        if tier == tiers[-1] and best_trial(evidence) is None:
            return True  # something must be published
        if evidence.spec.budget.seconds is None:
            return True  # the default budget sizes a job; only a person's budget ends one
        return distil_s(evidence, tier) + costs.package_s(tier) <= evidence.left_s

    def _generate(self, evidence: Evidence) -> Action | None:
        trial = best_trial(evidence)
        if trial is None or trial.variant == Variant.GENERATED or EMBEDDED not in evidence.spec.generators:
            return None
        if EMBEDDED in evidence.generations or evidence.profile.pool > evidence.profile.gold:
            return None
        target = evidence.spec.goal.target
        if target is not None and trial.best.value >= target:
            return None
        forecast = distil_s(evidence, trial.tier) / 2
        if forecast + costs.package_s("mini") + costs.package_s("static") > evidence.left_s:
            return None
        reason = f"only {evidence.profile.pool} unlabelled rows: try rows made of the user's own"
        return Action(Kind.GENERATE, reason, forecast, trial.tier, EMBEDDED)


def pool_to_ask(evidence: Evidence, model: str) -> int:
    """Pool rows that a language model can be asked about for each fold, with what is left of time, tokens and money."""
    facts, fits = evidence.examined[model], evidence.sizes.folds + 1
    gold = evidence.profile.gold
    left_s = _ASKING_S if evidence.spec.budget.seconds is None else evidence.left_s / 2
    limits = [float(min(evidence.sizes.pool, _MOST_ASKED))]
    for left, each in (
        (left_s, facts["text_seconds"]),
        (evidence.left_tokens, facts["text_tokens"]),
        (evidence.left_money, facts["text_money"]),
    ):
        if left is not None and each > 0:
            limits.append((left / each - gold) / fits)
    return max(0, int(min(limits)))


def fit_s(evidence: Evidence, tier: str) -> float:
    """One student of one fold, which is then asked about the pool."""
    profile, sizes = evidence.profile, evidence.sizes
    asked = (
        (profile.gold / sizes.folds + min(profile.pool, sizes.pool))
        * _visit_s(evidence.spec, profile, tier)
        / _TRAINING
    )
    return 2.0 + sizes.visits * _visit_s(evidence.spec, profile, tier) + asked


def begin_s(evidence: Evidence) -> float:
    """What students of the smallest tier start from."""
    profile = evidence.profile
    token_s = (profile.encode_s or 0.0) / (profile.chars / 4.5 + 2)
    return costs.START_S + 2.3 * costs.VOCABULARY * token_s + _BEGIN_S


def teach_s(evidence: Evidence) -> float:
    """The teachers of every fold, the seed-only twin of the larger tier among them."""
    profile, sizes = evidence.profile, evidence.sizes
    tier = _tiers(evidence.spec, profile)[0]
    rows = profile.gold + min(profile.pool, sizes.pool)
    others = 1.0 + rows * ((profile.encode_s or 0.0) + 0.002)
    return (sizes.folds + 1) * (others + fit_s(evidence, tier))


def distil_s(evidence: Evidence, tier: str) -> float:
    """A tier's students, and their seed-only twins where teaching has not made them."""
    tiers = _tiers(evidence.spec, evidence.profile)
    twins = 1 if tier == tiers[0] and evidence.audit is not None else 2
    begin = begin_s(evidence) if tier == "static" and tier != tiers[0] else 0.0
    return begin + twins * (evidence.sizes.folds + 1) * fit_s(evidence, tier)


def _visit_s(spec: TaskSpec, profile: Profile, tier: str) -> float:
    if tier == "static":
        return _STATIC_VISIT_S.get(spec.type, 0.0005)
    return _TRAINING * (profile.encode_s or 0.0)


def _tiers(spec: TaskSpec, profile: Profile) -> tuple[str, ...]:
    possible = craft_of(spec.type).tiers(profile.encoder is not None)
    wanted = wanted_tiers(spec, profile)
    return tuple(tier for tier in possible if tier in wanted) or possible
