"""What a planner can have done to a task whose rows are no single labelled text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gts.core.llm.entries import find
from gts.core.threads import machine_name
from gts.orchestrator import costs, model_costs, row_costs
from gts.orchestrator.actions import posed
from gts.orchestrator.asking_next import BATCH
from gts.orchestrator.choosing import best_trial
from gts.orchestrator.decisions import Decisions, Forecast
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Trial, Variant
from gts.orchestrator.planner import Action
from gts.orchestrator.row_trials import (
    TUNED,
    begun,
    believed,
    estimate_of,
    fit,
    judge,
    largest_tier,
    trial_of,
    try_student,
)
from gts.orchestrator.run import Run
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.site_models import OUT_OF_REACH, TEACHING, WRITING, asked_with, in_words
from gts.orchestrator.taskstore import put_test
from gts.tasks.rows import RowTask, has_sentences
from gts.tasks.spec import EMBEDDED

_GENERATED_PER_ROW = 4
_MOST_GENERATED = 2000


def prepare(runner: StageRunner, data: RowTask, decisions: Decisions) -> RowTask:
    """Make pairs of a similarity task's single texts; all later stages work on these."""
    if has_sentences(runner.store.path(runner.task)):
        reason = "single texts were given: pair those that look alike, and some that do not"
        with decisions.made("mine", reason, Forecast(costs.MINE_S)) as done:
            result = runner.run("rows.mine", "", {}, costs.MINE_S)
            done(f"{result.summary['pairs']} pairs of {result.summary['sentences']} texts")
        runner.task = result.artifact
        return replace(data, picked=data.picked + result.summary["pairs"])
    return data


def teach(run: Run[RowTask], action: Action) -> str:
    """Fit the teachers on every fold and on all gold, and audit them."""
    forecast = action.forecast_s / 2 / len(run.folds)
    is_read = row_costs.is_read_once(run.evidence.spec, run.evidence.profile)
    start = begun(run, action.tier) if is_read else {}
    for fold in run.folds:
        params = run.fold_params(fold) | {"weights": run.evidence.profile.weights, "teachers": None}
        result = run.runner.run("rows.teach", run.fold_name(fold), params, forecast, **start)
        run.artifacts[f"teach {fold}"] = result.artifact
        run.artifacts[f"{TUNED} {fold}"] = fit(run, action.tier, fold, {})
    audit = _audit(run, [])
    run.evidence = run.evidence.evolve(audit=audit)
    used = ", ".join(f"{name} {weight:.0%}" for name, weight in audit["weights"].items() if weight > 0)
    return f"{run.evidence.spec.metric} {audit['ensemble_accuracy']:.3f} on held-out gold with {used}"


def examine(run: Run[RowTask], action: Action) -> str:
    """See what a language model can do."""
    try:
        # What is measured hangs on price and concurrency too.
        params = {"model": action.model, **asked_with(action.model, TEACHING), "machine": machine_name()}
        params |= find(action.model).model_dump(include={"price", "concurrency"})
        facts = run.runner.run("rows.examine", action.model, params, action.forecast_s).summary
    except OUT_OF_REACH as error:
        facts = {"problem": in_words(error)}
    run.evidence = run.evidence.evolve(examined={**run.evidence.examined, action.model: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    return f"{facts['text_seconds']:.2f} s and {facts['text_tokens']:.0f} tokens a row"


def consult(run: Run[RowTask], action: Action) -> str:
    """Let a language model answer the held-out rows of each fold, and audit it; and rows of the pool, where it earns a weight."""
    name = action.model
    try:
        for fold in range(run.evidence.sizes.folds):
            share = 1 / (2 * len(run.folds) - 1 - fold)
            run.artifacts[f"{name} {fold}"] = _ask(run, name, fold, 0, share)
        audit = _audit(run, [*believed(run), name])
        weight = audit["weights"][name]
        pool = row_costs.pool_to_ask(run.evidence, name) if weight > 0 else 0
        for done, one in enumerate(run.folds if pool else ()):
            share = 1 / (len(run.folds) - done)
            run.artifacts[f"{name} {one}"] = _ask(run, name, one, pool, share)
    except OUT_OF_REACH as error:
        run.evidence = run.evidence.evolve(
            consulted={**run.evidence.consulted, name: {"problem": in_words(error)}}
        )
        return f"it is left out: {in_words(error)}"
    run.evidence = run.evidence.evolve(
        audit=audit, consulted={**run.evidence.consulted, name: {"weight": weight, "texts": pool}}
    )
    alone = f"{run.evidence.spec.metric} {audit['accuracy'][name]:.3f} on held-out gold"
    if not weight:
        return f"{alone}; the others are better without it"
    return f"{alone}; {weight:.0%} of the ensemble, it answers {pool} unlabelled rows"


def _ask(run: Run[RowTask], model: str, fold: int | None, about: int, share: float) -> str:
    """Ask about one fold, for a share of the tokens and money that are left."""
    evidence = run.evidence
    params = run.fold_params(fold) | asked_with(model, TEACHING) | run.allowance(share)
    params |= {
        "weights": evidence.profile.weights,
        "model": model,
        "schema": evidence.examined[model]["schema"],
        "about": about,
    }
    rows = about + (0 if fold is None else evidence.profile.gold // evidence.sizes.folds)
    forecast = evidence.examined[model]["text_seconds"] * rows
    name = f"{model}, {run.fold_name(fold)}"
    return run.runner.run("rows.consult", name, params, forecast).artifact


def _audit(run: Run[RowTask], models: Sequence[str]) -> Mapping[str, Any]:
    """Audit the teachers, the tuned one and language models."""
    said: dict[str, str] = {}
    for fold in range(run.evidence.sizes.folds):
        said |= {
            f"teachers of {fold}": run.artifacts[f"teach {fold}"],
            f"{TUNED} of {fold}": run.artifacts[f"{TUNED} {fold}"],
        }
        said |= {f"{model} of {fold}": run.artifacts[f"{model} {fold}"] for model in models}
    detail = f"with {models[-1]}" if models else ""
    audit = run.runner.run("rows.audit", detail, {"folds": run.evidence.sizes.folds}, 1.0, **said)
    run.artifacts["audit"] = audit.artifact
    return audit.summary


def distil(run: Run[RowTask], action: Action) -> str:
    """Train a tier on what the teachers say."""
    trial = try_student(run, action.tier, Variant.PLAIN)
    verdict = (
        "the student is kept" if trial.helps else "the student is worse and is dropped for its seed-only twin"
    )
    return f"{_value(trial.student)} on held-out gold, seed-only {_value(trial.seed_only)}: {verdict}"


def seed(run: Run[RowTask], action: Action) -> str:
    """Train a tier on the gold rows alone; of the largest that is the tuned teacher, as it is."""
    fits = {fold: fit(run, action.tier, fold, {}) for fold in run.folds}
    judged, decision = judge(run, fits)
    estimate, whole = estimate_of(run, judged), fits[None]
    trial = Trial(
        action.tier,
        Variant.SEED,
        estimate,
        estimate,
        {"student": whole, "seed_only": whole},
        tuple(fits[fold] for fold in run.folds)[:-1],
        student_decision=decision,
        seed_only_decision=decision,
    )
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return f"{_value(estimate)} on held-out gold"


def generate(run: Run[RowTask], action: Action) -> str:
    """Have new rows made for every fold and for all gold, and train the tier with them."""
    name = action.model
    try:
        facts = _have_made(run, action)
    except OUT_OF_REACH as error:
        facts = {"problem": in_words(error)}
    run.evidence = run.evidence.evolve(generations={**run.evidence.generations, name: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    if not facts["accepted"]:
        return "no row for the student of all gold passed the filters: not used"
    before = run.evidence.trial(action.tier)
    others = before.generators if before is not None and before.helps else ()
    trial = try_student(run, action.tier, Variant.GENERATED, (*others, name))
    kept = "kept" if run.evidence.trial(action.tier) is trial and trial.helps else "not used"
    was = _value(before.best) if before else "nothing"
    return f"{facts['accepted']} rows passed the filters; {_value(trial.student)} on held-out gold, {was} before: {kept}"


def _have_made(run: Run[RowTask], action: Action) -> dict[str, Any]:
    """Summary for all gold, with ``artifact``; of tokens and money each fold has an equal share."""
    name, profile = action.model, run.evidence.profile
    own: dict[str, Any] = {"generator": name, "tier": largest_tier(run), "weights": profile.weights}
    forecast = 2.0
    if name == EMBEDDED:
        own["count"] = min(_MOST_GENERATED, _GENERATED_PER_ROW * profile.gold)
    else:
        facts = run.evidence.examined[name]
        training_s = row_costs.distil_s(run.evidence, action.tier) / 2
        count = model_costs.texts_to_write(run.evidence, facts, training_s).count
        own |= asked_with(name, WRITING) | {"schema": facts["schema"], "count": count}
        forecast += count * profile.labels * model_costs.write_s(profile, facts)
    for number, fold in enumerate(run.folds):
        params = run.fold_params(fold) | own
        if name != EMBEDDED:
            params |= run.allowance(1 / (len(run.folds) - number))
        inputs = {"tuned": run.artifacts[f"{TUNED} {fold}"]}
        if "reviews" in run.artifacts:
            inputs["reviews"] = run.artifacts["reviews"]
        detail = f"{name}, {run.fold_name(fold)}"
        result = run.runner.run("rows.generate", detail, params, forecast, **inputs)
        run.artifacts[f"generate {name} {fold}"] = result.artifact
    return {**result.summary, "artifact": result.artifact}


def ask(run: Run[RowTask], action: Action) -> str:
    """Choose questions to a person."""
    trial = best_trial(run.evidence)
    if trial is None:
        raise ValueError("there is no student whose doubts could be asked about")
    params = run.fold_params(None) | {
        "count": min(BATCH, run.evidence.left_questions),
        "decision": dict(trial.decision),
        "asked": sorted(run.asked_before),
    }
    student = trial.artifacts[trial.winner]
    return posed(run, run.runner.run("rows.pose", "", params, action.forecast_s, student=student))


def package(run: Run[RowTask], action: Action) -> str:
    """Give the best student of a tier its published form, and measure it as it is served."""
    trial = trial_of(run, action.tier)
    params = {
        "tier": action.tier,
        "decision": dict(trial.decision),
        "encoder": run.fold_params(None)["encoder"],
        "taught": run.most_taught,
        "machine": machine_name(),
    }
    student = trial.artifacts[trial.winner]
    result = run.runner.run("rows.package", action.tier, params, action.forecast_s, student=student)
    run.artifacts[f"package {action.tier}"] = result.artifact
    run.evidence = run.evidence.evolve(packages={**run.evidence.packages, action.tier: result.summary})
    speed, size = result.summary["texts_per_second"], result.summary["bytes"] / 1e6
    return f"{speed:,.0f} rows a second on one core, {size:.0f} MB"


def evaluate(run: Run[RowTask], action: Action) -> str:
    """Put the test rows to the packaged student and its seed-only twin."""
    trial = trial_of(run, action.tier)
    inputs = {
        "test": put_test(run.runner.store, run.data),
        "package": run.artifacts[f"package {action.tier}"],
        "seed_only": trial.artifacts["seed_only"],
    }
    params = {
        "tier": action.tier,
        "decision": dict(trial.decision),
        "seed_only_decision": dict(trial.seed_only_decision),
    }
    result = run.runner.run("rows.evaluate", action.tier, params, action.forecast_s, **inputs).summary
    run.evidence = run.evidence.evolve(tests={**run.evidence.tests, action.tier: result})
    metric = run.evidence.spec.metric
    return f"{metric} {result['student'][metric]:.3f}, seed-only {result['seed_only'][metric]:.3f}"


def _value(estimate: Estimate) -> str:
    return f"{estimate.metric} {estimate.value:.3f}"
