"""The course of the task types whose rows are no single labelled text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gts.orchestrator import costs, model_costs
from gts.orchestrator.asking_next import ask_people
from gts.orchestrator.choosing import allowed, best_trial, target_is_met
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Trial
from gts.orchestrator.forecasts import fits, forecast_gain
from gts.orchestrator.planner import Action, Effort, Kind, Option
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


class RowCourse:
    """Teach; then distil the larger tier, then the smaller, generate rows; then package, evaluate, publish."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float, effort: Effort) -> Sizes:
        """See :meth:`gts.orchestrator.planner.Course.sizes`."""
        tiers = tiers_of(spec, profile)
        budget_s *= 1 - model_costs.writers_share(len(spec.writers))
        folds = max(2, min(_MOST_FOLDS, profile.smallest_label))
        fits = 2 * (folds + 1)
        most = max(FEW_ROWS_VISITS, _PASSES * profile.gold)
        visits = int(_TRAINING_SHARE * budget_s / fits / visit_s(spec, profile, tiers[0]))
        pool = profile.pool
        if is_read_once(spec, profile):
            pool = int(_TRAINING_SHARE * budget_s / TEXTS_OF_A_PAIR / (profile.encode_s or 1.0))
        elif profile.encode_s:
            pool = int(_POOL_SHARE * budget_s / fits / profile.encode_s)
        if effort == Effort.MOST and spec.budget.seconds is None:
            pool, visits = _MOST_POOL, most
        pool = 0 if effort == Effort.LEAST else min(_MOST_POOL, profile.pool, pool)
        return Sizes(folds, pool, pool, 0, 0, visits=max(FEWEST_VISITS, min(visits, most)))

    def first(self, evidence: Evidence, asks: bool) -> Action | None:
        """See :meth:`gts.orchestrator.planner.Course.first`."""
        profile = evidence.profile
        if evidence.audit is None:
            reason = (
                f"fit the teachers and audit them on {profile.gold} gold rows in {evidence.sizes.folds} folds"
            )
            return Action(Kind.TEACH, reason, teach_s(evidence), tiers_of(evidence.spec, evidence.profile)[0])
        return self._ask_models(evidence) if asks else None

    def options(self, evidence: Evidence) -> list[Option]:
        """See :meth:`gts.orchestrator.planner.Course.options`."""
        return [
            replace(option, gain=forecast_gain(evidence, option.action)) for option in self._options(evidence)
        ]

    def _options(self, evidence: Evidence) -> Iterator[Option]:
        if evidence.audit is None:
            return
        spec, tiers = evidence.spec, tiers_of(evidence.spec, evidence.profile)
        for tier in tiers:
            if not evidence.is_taught(tier):
                quality = evidence.audit["ensemble_accuracy"]
                reason = f"the audited teachers reach {spec.metric} {quality:.2f} on held-out gold; pass that on to a {tier} student"
                action = Action(Kind.DISTIL, reason, distil_s(evidence, tier), tier)
                yield Option(action, self._fits(evidence, action, tiers))
            if evidence.trial(tier) is None:
                is_there = tier == tiers[0]  # its twins are among the teachers
                reason = f"take the {tier} student of the gold rows alone"
                yield Option(
                    Action(Kind.SEED, reason, 0.0 if is_there else distil_s(evidence, tier) / 2, tier)
                )
        yield from self._generate(evidence)

    def last(self, evidence: Evidence) -> Action:
        """See :meth:`gts.orchestrator.planner.Course.last`."""
        if asking := ask_people(evidence):
            return asking
        profile = evidence.profile
        for tier in tiers_of(evidence.spec, profile):
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
                return Action(Kind.EXAMINE, reason, model_costs.EXAMINE_S, model=name)
            facts = evidence.examined[name]
            if name in evidence.spec.teachers and name not in evidence.consulted and "problem" not in facts:
                gold, pool = evidence.profile.gold, pool_to_ask(evidence, name)
                reason = f"ask {name} about {gold} gold rows whose answers it is not shown" + (
                    f", and if it helps about {pool} unlabelled ones" if pool else ""
                )
                return Action(Kind.CONSULT, reason, facts["text_seconds"] * (gold + pool), model=name)
        return None

    def _fits(self, evidence: Evidence, action: Action, tiers: tuple[str, ...]) -> bool:
        if action.tier == tiers[-1] and best_trial(evidence) is None:
            return True  # something must be published
        if evidence.spec.budget.seconds is None:
            return True  # the default budget sizes a job; only a person's budget ends one
        return fits(evidence, action, costs.package_s(action.tier))

    def _generate(self, evidence: Evidence) -> Iterator[Option]:
        trial = best_trial(evidence)
        if trial is None:
            return
        is_met = target_is_met(evidence)
        for name in evidence.spec.generators:
            if name in evidence.waiting_writers and name in evidence.examined:
                yield Option(self._have_written(evidence, trial, name, is_met))
            if name == EMBEDDED and not is_met:
                yield from self._recombine(evidence, trial)

    def _recombine(self, evidence: Evidence, trial: Trial) -> Iterator[Option]:
        profile = evidence.profile
        if EMBEDDED in evidence.generations:
            return
        forecast = distil_s(evidence, trial.tier) / 2
        kept = model_costs.writers_share(len(evidence.waiting_writers))
        is_scarce = costs.wants_generator(profile, evidence.spec.type)
        reason = "try rows made of the user's own"
        if is_scarce:
            reason = f"only {profile.pool} unlabelled rows: {reason}"
        action = Action(Kind.GENERATE, reason, forecast, trial.tier, EMBEDDED)
        rest = costs.PACKAGING_S + kept * max(0.0, evidence.left_s)
        yield Option(action, fits(evidence, action, rest), is_scarce)

    def _have_written(self, evidence: Evidence, trial: Trial, name: str, is_met: bool) -> Action:
        if is_met:
            return Action(Kind.FORGO, "the target was met without them", model=name)
        found = model_costs.texts_to_write(
            evidence, evidence.examined[name], distil_s(evidence, trial.tier) / 2
        )
        if not found.count:
            return Action(Kind.FORGO, found.lacking, model=name)
        reason = f"the task wants rows by {name}: try {found.count} of each kind"
        return Action(Kind.GENERATE, reason, found.seconds, trial.tier, name)
