"""Trials of students of rows that are no single labelled text: trained fold by fold, and judged by the gold they did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gts.orchestrator import costs, row_costs
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Decision, Judgement
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Trial, Variant
from gts.orchestrator.run import Run
from gts.orchestrator.stages.rows import folds_of
from gts.orchestrator.stages.rows.audit import opinions_of
from gts.orchestrator.stages.rows.crossing import cross_decisions, cross_judge
from gts.orchestrator.stages.rows.expect import STUDENT_OF
from gts.student.selective import HeldOut
from gts.tasks.dataset import fair_sample
from gts.tasks.rows import RowTask

TUNED = "tuned"
"""The teacher that is the larger tier's student of the gold rows alone."""


def believed(run: Run[RowTask]) -> list[str]:
    """Language models that have been asked before and answered rows of the pool."""
    return [name for name, facts in run.evidence.consulted.items() if facts.get("texts")]


def largest_tier(run: Run[RowTask]) -> str:
    """The largest tier that is made, which teaches the others."""
    return row_costs.tiers_of(run.evidence.spec, run.evidence.profile)[0]


def trial_of(run: Run[RowTask], tier: str) -> Trial:
    """The trial of a tier, which has been made."""
    trial = run.evidence.trial(tier)
    if trial is None:
        raise ValueError(f"there is no {tier} student")
    return trial


def try_student(run: Run[RowTask], tier: str, variant: Variant, generators: tuple[str, ...] = ()) -> Trial:
    """Train a tier on every fold and on all gold, beside its seed-only twin; the trial is added to the evidence."""
    largest = largest_tier(run)
    larger = run.evidence.trial(largest) if tier != largest else None
    seed_only, student = {}, {}
    for fold in run.folds:
        seed_only[fold] = fit(run, tier, fold, {})
        if larger is not None:
            inputs = {"assistant": larger.artifacts[larger.winner] if fold is None else larger.folds[fold]}
        else:
            inputs = {"audit": run.artifacts["audit"], **teachers_of(run, fold)}
        inputs |= {f"generate {name}": run.artifacts[f"generate {name} {fold}"] for name in generators}
        if larger is None:
            inputs["twin"] = seed_only[fold]
        student[fold] = fit(run, tier, fold, inputs, variant, generators)
    judged, decision = judge(run, student)
    twin, twin_decision = judge(run, seed_only)
    trial = Trial(
        tier,
        variant,
        estimate_of(run, judged),
        estimate_of(run, twin),
        {"student": student[None], "seed_only": seed_only[None]},
        tuple((student if judged.value >= twin.value else seed_only)[fold] for fold in run.folds)[:-1],
        generators,
        student_decision=decision,
        seed_only_decision=twin_decision,
    )
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return trial


def fit(
    run: Run[RowTask],
    tier: str,
    fold: int | None,
    inputs: Mapping[str, str],
    variant: Variant | None = None,
    generators: tuple[str, ...] = (),
) -> str:
    """Train on one fold; without a variant on the gold rows alone. Returns the artifact."""
    params: dict[str, Any] = run.fold_params(fold) | {
        "weights": run.evidence.profile.weights,
        "tier": tier,
        "seed_only": variant is None,
        "visits": run.evidence.sizes.visits,
    }
    what = "seed-only" if variant is None else "" if variant == Variant.PLAIN else variant.value
    if generators:
        what += f" by {' and '.join(generators)}"
    name = ", ".join(word for word in (tier, what, run.fold_name(fold)) if word)
    forecast = row_costs.fit_s(run.evidence, tier)
    inputs = {**inputs, **begun(run, tier)}
    return run.runner.run("rows.distil", name, params, forecast, **inputs).artifact


def begun(run: Run[RowTask], tier: str) -> dict[str, str]:
    """What a tier's students start from, as an input of a stage."""
    if not craft_of(run.evidence.spec.type).begins(tier, run.evidence.profile.gold):
        return {}
    shared = run.fold_params(None)
    params = {"tier": tier, "pool": shared["pool"], "encoder": shared["encoder"]}
    params["weights"] = run.evidence.profile.weights
    forecast = row_costs.begin_s(run.evidence, tier)
    return {"begin": run.runner.run("rows.begin", tier, params, forecast).artifact}


def judge(run: Run[RowTask], fits: Mapping[int | None, str]) -> tuple[Judgement, Decision]:
    """What a student is worth, by decisions found on other folds; and the decision to publish it with, found on all."""
    craft, data = craft_of(run.data.spec.type), run.data
    said = heldout_beliefs(run, [fits[fold] for fold in run.folds if fold is not None])
    judged = cross_judge(craft, data, said, folds_of(craft, data, run.evidence.sizes.folds))
    return judged, craft.decide(data, data.gold, said)


def heldout_beliefs(run: Run[RowTask], folds: Sequence[str]) -> list[Belief]:
    """What was believed of each gold row by the student that had not seen it, from the students of the folds in order."""
    craft, store = craft_of(run.data.spec.type), run.runner.store
    inputs = {f"{STUDENT_OF}{k}": store.path(fold) for k, fold in enumerate(folds)}
    return opinions_of(craft, run.data, inputs, len(folds))["student"]


def held_out(run: Run[RowTask], trial: Trial) -> HeldOut | None:
    """How sure the folds' students were of gold rows that they had not seen; ``None`` where answers do not say it."""
    craft, data = craft_of(run.data.spec.type), run.data
    said = heldout_beliefs(run, trial.folds)
    decisions = cross_decisions(craft, data, said, folds_of(craft, data, len(trial.folds)))
    sure = craft.certainty(data, said, decisions)
    if sure is None:
        return None
    answers, fair = craft.settled(data, said, decisions), fair_sample(row.origin for row in data.gold)
    right = [answer == craft.certain(row) for answer, row in zip(answers, data.gold, strict=True)]
    return HeldOut.of([sure[i] for i in fair], [right[i] for i in fair])


def expected(run: Run[RowTask], trial: Trial) -> Estimate:
    """What the better twin of a trial can be expected to reach on new rows (see :func:`gts.orchestrator.trials.expected`).

    Where the deciding measure is not made of parts, such as ROUGE, it is what was measured on held-out gold.
    """
    best, evidence = trial.best, run.evidence
    has_pool = evidence.profile.pool and evidence.sizes.fold_pool
    if not has_pool or craft_of(evidence.spec.type).tally(run.data, [], [], []) is None:
        return best
    folds = range(len(trial.folds))
    inputs = {"student": trial.artifacts[trial.winner]}
    inputs |= {f"{STUDENT_OF}{k}": trial.folds[k] for k in folds}
    if "audit" in run.artifacts:
        inputs["audit"] = run.artifacts["audit"]
        for k in folds:
            inputs |= teachers_of(run, k)
    params = {"folds": len(folds), "decision": dict(trial.decision)}
    found = run.runner.run("rows.expect", trial.tier, params, costs.EXPECT_S, **inputs).summary
    how = f"{best.method}, corrected by {found['pool']:,} unlabelled rows"
    return replace(best, value=found["value"], low=found["low"], high=found["high"], method=how)


def teachers_of(run: Run[RowTask], fold: int | None) -> dict[str, str]:
    """What the teachers of a fold said, as inputs of a stage."""
    return {
        f"teachers of {fold}": run.artifacts[f"teach {fold}"],
        f"{TUNED} of {fold}": run.artifacts[f"{TUNED} {fold}"],
        **{f"{name} of {fold}": run.artifacts[f"{name} {fold}"] for name in believed(run)},
    }


def estimate_of(run: Run[RowTask], judged: Judgement) -> Estimate:
    """A judgement as an estimate."""
    return Estimate(
        run.evidence.spec.metric,
        judged.value,
        judged.low,
        judged.high,
        int(judged.measures["n"]),
        f"cross-fitting, {run.evidence.sizes.folds} folds",
        judged.loss,
        1.0,
    )
