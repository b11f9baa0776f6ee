"""The planner of the task types whose rows are no single labelled text."""

from __future__ import annotations

from gts.orchestrator import costs
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Trial
from gts.orchestrator.planner import Action, Kind, allowed, best_trial, target_is_met
from gts.orchestrator.row_costs import (
    TEXTS_OF_A_PAIR,
    distil_s,
    is_read_once,
    pool_to_ask,
    teach_s,
    tiers_of,
    visit_s,
)
from gts.tasks.spec import EMBEDDED, TaskSpec

_MOST_FOLDS = 3
_MOST_POOL = 2000
FEWEST_VISITS = 400
_PASSES, FEW_ROWS_VISITS = 5, 1600
"""Times that each gold row is seen where there are many; few rows are seen more often, until so many visits."""
_TRAINING_SHARE = 0.7
_POOL_SHARE = 0.15


class RowPlanner:
    """Teach, distil the larger tier, then the smaller, try generated rows where text is scarce, package, evaluate, publish."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float) -> Sizes:
        """See :meth:`gts.orchestrator.planner.Planner.sizes`."""
        tiers = tiers_of(spec, profile)
        budget_s *= 1 - costs.writers_share(len(spec.writers))
        folds = max(2, min(_MOST_FOLDS, profile.smallest_label))
        fits = 2 * (folds + 1)
        most = max(FEW_ROWS_VISITS, _PASSES * profile.gold)
        visits = int(_TRAINING_SHARE * budget_s / fits / visit_s(spec, profile, tiers[0]))
        pool = profile.pool
        if is_read_once(spec, profile):
            pool = int(_TRAINING_SHARE * budget_s / TEXTS_OF_A_PAIR / (profile.encode_s or 1.0))
        elif profile.encode_s:
            pool = int(_POOL_SHARE * budget_s / fits / profile.encode_s)
        pool = min(_MOST_POOL, profile.pool, pool)
        return Sizes(folds, pool, pool, 0, 0, visits=max(FEWEST_VISITS, min(visits, most)))

    def next(self, evidence: Evidence) -> Action:
        """See :meth:`gts.orchestrator.planner.Planner.next`."""
        profile, spec = evidence.profile, evidence.spec
        tiers = tiers_of(spec, profile)
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
        for name in evidence.spec.language_models:
            if name not in evidence.examined:
                reason = f"see what {name} can do and how fast"
                return Action(Kind.EXAMINE, reason, costs.EXAMINE_S, model=name)
            facts = evidence.examined[name]
            if name in evidence.spec.teachers and name not in evidence.consulted and "problem" not in facts:
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
        if trial is None:
            return None
        is_met = target_is_met(evidence)
        for name in evidence.spec.generators:
            if name in evidence.waiting_writers:
                return self._have_written(evidence, trial, name, is_met)
            if name == EMBEDDED and not is_met and (action := self._recombine(evidence, trial)):
                return action
        return None

    def _recombine(self, evidence: Evidence, trial: Trial) -> Action | None:
        if EMBEDDED in evidence.generations or not costs.wants_generator(
            evidence.profile, evidence.spec.type
        ):
            return None
        forecast = distil_s(evidence, trial.tier) / 2
        kept = costs.writers_share(len(evidence.waiting_writers))
        if forecast + costs.PACKAGING_S > evidence.left_s * (1 - kept):
            return None
        reason = f"only {evidence.profile.pool} unlabelled rows: try rows made of the user's own"
        return Action(Kind.GENERATE, reason, forecast, trial.tier, EMBEDDED)

    def _have_written(self, evidence: Evidence, trial: Trial, name: str, is_met: bool) -> Action:
        if is_met:
            return Action(Kind.FORGO, "the target was met without them", model=name)
        found = costs.texts_to_write(evidence, evidence.examined[name], distil_s(evidence, trial.tier) / 2)
        if not found.count:
            return Action(Kind.FORGO, found.lacking, model=name)
        reason = f"the task wants rows by {name}: try {found.count} of each kind"
        return Action(Kind.GENERATE, reason, found.seconds, trial.tier, name)
