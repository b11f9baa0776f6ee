"""Trials of students: trained fold by fold beside their seed-only twins, and judged by the gold they did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gts.orchestrator import costs
from gts.orchestrator.estimate import Estimate, decide, estimate
from gts.orchestrator.evidence import Trial, Variant
from gts.orchestrator.run import Run
from gts.orchestrator.stages.beliefs import CONSULTED, GENERATED
from gts.orchestrator.stages.common import Floats, fold_of_gold, indicators, load_arrays
from gts.student.runtime import sigmoid, softmax
from gts.student.selective import HeldOut
from gts.tasks.dataset import TaskData, fair_sample


def try_student(run: Run[TaskData], tier: str, variant: Variant, generators: tuple[str, ...] = ()) -> Trial:
    """Train a tier on every fold and on all gold, beside its seed-only twin; the trial is added to the evidence."""
    seed_only = {fold: _fit(run, tier, None, fold) for fold in run.folds}
    student = {fold: _fit(run, tier, variant, fold, generators) for fold in run.folds}
    folds = tuple(student[fold] for fold in run.folds)[:-1]
    trial = Trial(
        tier,
        variant,
        _estimate(run, student),
        _estimate(run, seed_only),
        {"student": student[None], "seed_only": seed_only[None]},
        folds,
        generators,
        run.fold_params(None)["pool"],
        twin_folds=tuple(seed_only[fold] for fold in run.folds)[:-1],
    )
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return trial


def try_seed_only(run: Run[TaskData], tier: str) -> Trial:
    """Train a tier on the labels of every fold and on all gold, and nothing else; the trial is added to the evidence."""
    fits = {fold: _fit(run, tier, None, fold) for fold in run.folds}
    estimate = _estimate(run, fits)
    whole, folds = fits[None], tuple(fits[fold] for fold in run.folds)[:-1]
    artifacts = {"student": whole, "seed_only": whole}
    trial = Trial(tier, Variant.SEED, estimate, estimate, artifacts, folds, twin_folds=folds)
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return trial


def _fit(
    run: Run[TaskData], tier: str, variant: Variant | None, fold: int | None, generators: tuple[str, ...] = ()
) -> str:
    """Train on one fold; without a variant on the seed labels alone. Returns the artifact."""
    sizes, profile = run.evidence.sizes, run.evidence.profile
    params = run.fold_params(fold) | {"tier": tier, "seed_only": variant is None}
    inputs = {"embed": run.artifacts["embed"]} if tier == "static" and sizes.encoder else {}
    if tier == "mini" or variant is not None:
        inputs["teach"] = run.artifacts[f"teach {fold}"]
    if variant is not None:
        inputs |= {"audit": run.artifacts["audit"], **run.consulted(fold)}
    for name in generators:
        inputs[f"{GENERATED}{name}"] = run.artifacts[f"generate {name} {fold}"]
    mini = run.evidence.assistant("mini")
    pool = params["pool"] if variant is not None else 0
    if variant is not None and tier == "static" and mini is not None:
        inputs["assistant"] = mini.artifacts["student"] if fold is None else mini.folds[fold]
        most = min(profile.pool, sizes.pool + sizes.more_pool)
        if fold is None and most > pool:
            inputs["labelled"] = _label_more(run, inputs["assistant"], most)
            pool = most
    if tier == "mini":
        params["steps"] = sizes.refine_steps if variant == Variant.REFINED else 0
        params["max_length"] = costs.max_length(profile)
        forecast = costs.distil_mini_s(profile, pool, params["steps"])
    else:
        forecast = costs.distil_static_s(profile, pool)
    what = "seed-only" if variant is None else "" if variant == Variant.PLAIN else variant.value
    if generators:
        what += f" by {' and '.join(generators)}"
    name = ", ".join(word for word in (tier, what, run.fold_name(fold)) if word)
    return run.runner.run("distil", name, params, forecast, **inputs).artifact


def _label_more(run: Run[TaskData], student: str, most: int) -> str:
    """Let a mini student label pool texts that no teacher has; ``most`` counts both. Returns the artifact."""
    sizes = run.evidence.sizes
    params = {"pool": most, "taught": sizes.pool}
    forecast = costs.label_s(run.evidence.profile, sizes)
    return run.runner.run("label", "by the mini student", params, forecast, student=student).artifact


def expected(run: Run[TaskData], trial: Trial) -> Estimate:
    """What the better twin of a trial can be expected to reach on new texts.

    What is measured on held-out gold, corrected by the pool (see :func:`gts.orchestrator.powered.corrected`); where there is no pool, or nobody
    has labelled anything, it is that measure itself.
    """
    best, profile = trial.best, run.evidence.profile
    if run.data.is_guessed or not profile.pool or not run.evidence.sizes.fold_pool:
        return best
    folds = trial.folds if trial.helps else trial.twin_folds
    inputs = {"student": trial.artifacts[trial.winner]}
    inputs |= {f"student of {k}": fold for k, fold in enumerate(folds)}
    if "audit" in run.artifacts:
        inputs["audit"] = run.artifacts["audit"]
        inputs |= {f"teach of {k}": run.artifacts[f"teach {k}"] for k in range(len(folds))}
        for name in run.evidence.judges:
            for k in range(len(folds)):
                inputs[f"heldout {name} of {k}"] = run.artifacts[f"heldout {name} {k}"]
                asked = f"{CONSULTED}{name} of {k}"
                inputs |= {asked: run.artifacts[asked]} if asked in run.artifacts else {}
    params = {"folds": len(folds)}
    found = run.runner.run("expect", trial.tier, params, costs.EXPECT_S, **inputs).summary
    how = f"{best.method}, corrected by {found['pool']:,} unlabelled texts"
    return replace(best, value=found["value"], low=found["low"], high=found["high"], method=how)


def held_out(run: Run[TaskData], trial: Trial) -> HeldOut | None:
    """How sure the folds' students were of gold texts that they had not seen; ``None`` where all labels were guessed."""
    if run.data.is_guessed:
        return None
    targets, fair = indicators(run.data), fair_sample(example.origin for example in run.data.gold)
    logits = heldout_logits(run, trial.folds if trial.helps else trial.twin_folds) / trial.best.temperature
    if run.data.multi_label:
        beliefs = sigmoid(logits)
        sure = np.maximum(beliefs, 1 - beliefs).prod(axis=1)
    else:
        sure = softmax(logits).max(axis=1)
    right = (decide(logits, run.data.multi_label) == (targets > 0.5)).all(axis=1)
    return HeldOut.of(sure[fair].tolist(), right[fair].tolist())


def heldout_logits(run: Run[TaskData], folds: Sequence[str]) -> Floats:
    """Each gold row's logits by the student that had not seen it [gold, labels], from the students of the folds in order."""
    targets = indicators(run.data)
    fold = fold_of_gold(targets, len(folds), run.data.spec.seed)
    logits: Floats = np.zeros_like(targets)
    for k, student in enumerate(folds):
        logits[fold == k] = load_arrays(run.runner.store.path(student) / "heldout.safetensors")["logits"]
    return logits


def _estimate(run: Run[TaskData], fits: Mapping[int | None, str]) -> Estimate:
    targets, folds = indicators(run.data), run.evidence.sizes.folds
    logits = heldout_logits(run, [fits[k] for k in range(folds)])
    spec, fair = run.data.spec, fair_sample(example.origin for example in run.data.gold)
    return estimate(logits[fair], targets[fair], run.data.labels, run.data.multi_label, spec.metric, folds)
