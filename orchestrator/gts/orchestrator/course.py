"""The course of a classification task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gts.orchestrator import costs, model_costs
from gts.orchestrator.asking_next import ask_people
from gts.orchestrator.choosing import allowed, best_trial, target_is_met, wanted_tiers
from gts.orchestrator.evidence import Evidence, Profile, Sizes, Trial, Variant
from gts.orchestrator.forecasts import fits, forecast_gain
from gts.orchestrator.planner import Action, Effort, Kind, Option
from gts.tasks.spec import EMBEDDED, TaskSpec

POOLS = ((600, 300), (2000, 800), (6000, 2000), (20_000, 4000))
"""Pool texts for the student to publish and for each fold's, from a frugal start to the most that any rung of the ladder takes."""


class ClassificationCourse:
    """Teach, ask the language models; then distil the larger tier, refine it, distil the smaller, generate; then package,
    evaluate, publish."""

    def sizes(self, spec: TaskSpec, profile: Profile, budget_s: float, effort: Effort) -> Sizes:
        """See :meth:`gts.orchestrator.planner.Course.sizes`."""
        tiers = wanted_tiers(spec, profile)
        is_timed = spec.budget.seconds is not None
        is_hard = is_timed and spec.student.tier != "mini"
        kept = model_costs.writers_share(len(spec.writers)) if is_timed else 0.0
        sizes = costs.choose_sizes(profile, budget_s * (1 - kept), "mini" in tiers, is_hard)
        if not sizes.encoder:
            # No writer is worth the encoder: without it the same examples teach far less (benchmarks/LOG.md).
            sizes = costs.choose_sizes(profile, budget_s, "mini" in tiers, is_hard)
        match effort:
            case Effort.LEAST:
                return replace(sizes, pool=0, fold_pool=0, refine_steps=0, more_pool=0)
            case Effort.FRUGAL if sizes.encoder:
                pool, fold_pool = POOLS[0]
                return replace(
                    sizes, pool=min(sizes.pool, pool), fold_pool=min(sizes.fold_pool, fold_pool), more_pool=0
                )
            case Effort.MOST if sizes.encoder and not is_timed:
                return costs.most_sizes(profile)
        return sizes

    def first(self, evidence: Evidence, asks: bool) -> Action | None:
        """See :meth:`gts.orchestrator.planner.Course.first`."""
        if evidence.audit is None:
            return self._teach(evidence)
        return self._ask_models(evidence) if asks else None

    def options(self, evidence: Evidence) -> list[Option]:
        """See :meth:`gts.orchestrator.planner.Course.options`."""
        return [
            replace(option, gain=forecast_gain(evidence, option.action)) for option in self._options(evidence)
        ]

    def _options(self, evidence: Evidence) -> Iterator[Option]:
        if evidence.audit is None:
            return
        tiers = wanted_tiers(evidence.spec, evidence.profile) if evidence.sizes.encoder else ("static",)
        for tier in tiers:
            if evidence.trial(tier) is None:
                yield Option(self._seed(evidence, tier))
            if not evidence.is_taught(tier):
                action = self._distil(evidence, evidence.audit, tier)
                yield Option(action, self._fits(evidence, action, tiers))
            if tier == "mini":
                yield from self._refine(evidence)
        yield from self._more(evidence)
        yield from self._generate(evidence)

    def last(self, evidence: Evidence) -> Action:
        """See :meth:`gts.orchestrator.planner.Course.last`."""
        if asking := ask_people(evidence):
            return asking
        for tier in ("mini", "static"):
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
                    Kind.EXAMINE, f"see what {name} can do and how fast", model_costs.EXAMINE_S, model=name
                )
        for name in evidence.spec.teachers:
            facts = evidence.examined[name]
            if name in evidence.consulted or "problem" in facts:
                continue
            texts = evidence.profile.gold
            if lacking := model_costs.is_spent(evidence, facts, evidence.sizes.folds):
                reason = f"the budget of {lacking} is spent before {name} was asked about any text"
                return Action(Kind.CONSULT, reason, model=name)
            pool = model_costs.texts_to_ask(evidence, facts, spared=texts)
            reason = f"ask {name} about {texts} gold texts whose labels it is not shown" + (
                f", and if it knows better than others about {pool} unlabelled ones" if pool else ""
            )
            forecast = facts["text_seconds"] * (texts + model_costs.POOL_SHARE * pool)
            return Action(Kind.CONSULT, reason, forecast, model=name)
        return None

    def _distil(self, evidence: Evidence, audit: Mapping[str, Any], tier: str) -> Action:
        quality = audit["ensemble_accuracy"]
        reason = f"the audited teachers are right on {quality:.0%} of held-out gold; pass that on to a {tier} student"
        return Action(Kind.DISTIL, reason, self._student_s(evidence, tier), tier)

    def _student_s(self, evidence: Evidence, tier: str) -> float:
        profile, sizes = evidence.profile, evidence.sizes
        return costs.student_s(profile, sizes, tier) + costs.seed_only_s(profile, sizes, tier)

    def _seed(self, evidence: Evidence, tier: str) -> Action:
        reason = f"train a {tier} student on the labels alone"
        return Action(Kind.SEED, reason, costs.seed_only_s(evidence.profile, evidence.sizes, tier), tier)

    def _fits(self, evidence: Evidence, action: Action, tiers: tuple[str, ...]) -> bool:
        if action.tier == tiers[-1] and best_trial(evidence) is None:
            return True  # something must be published
        if evidence.spec.budget.seconds is None:
            return True  # the default budget sizes a job; only a person's budget ends one
        return fits(evidence, action, costs.package_s(action.tier))

    def _refine(self, evidence: Evidence) -> Iterator[Option]:
        profile, sizes, trial = evidence.profile, evidence.sizes, evidence.trial("mini")
        tried = any(trial.variant == Variant.REFINED for trial in evidence.trials)
        if trial is None or tried or not sizes.refine_steps or target_is_met(evidence, trial):
            return
        forecast = costs.student_s(profile, sizes, "mini", sizes.refine_steps)
        rest = (
            self._student_s(evidence, "static") + costs.PACKAGING_S + model_costs.kept_for_writers_s(evidence)
        )
        reason = f"there is time to train the mini student end to end for {sizes.refine_steps} steps"
        action = Action(Kind.REFINE, reason, forecast, "mini")
        yield Option(action, fits(evidence, action, rest))

    def _more(self, evidence: Evidence) -> Iterator[Option]:
        """Teach with more of the pool; not where a language model has spoken about the part that is used."""
        profile, sizes, trial = evidence.profile, evidence.sizes, best_trial(evidence)
        larger = next(((pool, of_fold) for pool, of_fold in POOLS if pool > sizes.pool), None)
        if (
            larger is None
            or trial is None
            or not sizes.pool
            or not sizes.encoder
            or profile.pool <= sizes.pool
        ):
            return
        if (
            evidence.judges
            or evidence.generations
            or target_is_met(evidence)
            or not evidence.is_taught(trial.tier)
        ):
            return
        pool, of_fold = min(larger[0], profile.pool), min(larger[1], profile.pool)
        then = replace(sizes, pool=pool, fold_pool=of_fold)
        tiers = [tier for tier in ("mini", "static") if evidence.is_taught(tier)]
        forecast = costs.more_s(profile, sizes, then) + sum(
            costs.student_s(profile, then, tier) for tier in tiers
        )
        reason = f"teach with {pool} unlabelled texts instead of {sizes.pool}"
        action = Action(Kind.MORE, reason, forecast, trial.tier, sizes=then)
        rest = costs.PACKAGING_S + model_costs.kept_for_writers_s(evidence)
        yield Option(action, fits(evidence, action, rest), usual=False)

    def _generate(self, evidence: Evidence) -> Iterator[Option]:
        trial = best_trial(evidence)
        if trial is None:
            return
        waiting = evidence.waiting_writers
        for name in evidence.spec.generators:
            if name in waiting and name in evidence.examined:
                yield Option(self._have_written(evidence, trial, name))
            if name == EMBEDDED:
                yield from self._recombine(evidence, trial)

    def _recombine(self, evidence: Evidence, trial: Trial) -> Iterator[Option]:
        profile, sizes = evidence.profile, evidence.sizes
        if EMBEDDED in evidence.generations or target_is_met(evidence):
            return
        forecast = costs.generate_s(profile, sizes, trial.tier)
        is_scarce = costs.wants_generator(profile)
        reason = f"only {profile.pool} unlabelled texts for {profile.labels} labels: try texts made from the user's own"
        if not is_scarce:
            reason = "try texts made from the user's own"
        action = Action(Kind.GENERATE, reason, forecast, trial.tier, EMBEDDED)
        rest = costs.PACKAGING_S + model_costs.kept_for_writers_s(evidence)
        yield Option(action, fits(evidence, action, rest), is_scarce)

    def _have_written(self, evidence: Evidence, trial: Trial, name: str) -> Action:
        if target_is_met(evidence):
            return Action(Kind.FORGO, "the target was met without them", model=name)
        training_s = costs.generate_s(evidence.profile, evidence.sizes, trial.tier)
        found = model_costs.texts_to_write(evidence, evidence.examined[name], training_s)
        if not found.count:
            return Action(Kind.FORGO, found.lacking, model=name)
        reason = f"the task wants texts by {name}: try {found.count} for each label"
        return Action(Kind.GENERATE, reason, found.seconds, trial.tier, name)

    def _verdict(self, evidence: Evidence) -> str:
        trial = best_trial(evidence)
        if trial is None:
            return "no student is within the limits that were set"
        return f"the {trial.tier} student has the least loss on held-out gold among those within the limits"
