"""One production run: the loop of planner and stages that turns a task into a packaged student."""

from __future__ import annotations

import os
import platform as machine
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput
from gts.core.fingerprint import fingerprint
from gts.core.threads import available_cores
from gts.orchestrator import costs
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.estimate import Estimate, estimate
from gts.orchestrator.evidence import Evidence, Profile, Trial, Variant
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Action, Kind, Planner, best_trial
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.stages.common import Floats, fold_of_gold, indicators, load_arrays
from gts.orchestrator.taskstore import put_task
from gts.tasks.dataset import TaskData, load_task

if TYPE_CHECKING:
    from gts.orchestrator.recorder import Recorder  # brings the database, which `gts produce` does without


@dataclass(frozen=True)
class Production:
    """What a production run gave.

    Attributes:
        evidence: Everything measured.
        trial: The student chosen.
        package: Digest of its packaged folder.
        stages: Account of each stage: name, detail, seconds, forecast_seconds, cached.
        decisions: Account of each action: action, reason, forecast_seconds, seconds, outcome.
        data: The task.
    """

    evidence: Evidence
    trial: Trial
    package: str
    stages: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]
    data: TaskData


@dataclass
class _Run:
    """The state of a run: what has been measured, and where the pieces lie."""

    runner: StageRunner
    data: TaskData
    evidence: Evidence
    artifacts: dict[str, str] = field(default_factory=dict)

    @property
    def folds(self) -> tuple[int | None, ...]:
        """The folds, and ``None`` for the fit on all gold."""
        return (*range(self.evidence.sizes.folds), None)

    def fold_name(self, fold: int | None) -> str:
        """A fold in words."""
        return "all gold" if fold is None else f"fold {fold + 1} of {self.evidence.sizes.folds}"

    def fold_params(self, fold: int | None) -> dict[str, Any]:
        """Parameters that every fold-wise stage shares."""
        sizes = self.evidence.sizes
        pool = sizes.pool if fold is None else sizes.fold_pool
        return {
            "fold": fold,
            "folds": sizes.folds,
            "pool": min(pool, len(self.data.pool)),
            "encoder": self.evidence.profile.encoder if sizes.encoder else None,
        }


def produce_student(
    task: str, store: ArtifactStore, compute: Compute, recorder: Recorder, planner: Planner
) -> Production:
    """Run a job from its task to a packaged student.

    Args:
        task: Digest of the task's artifact.
        store: Artifacts.
        compute: Where stages run.
        recorder: Told what happens; asked whether to stop.
        planner: Chooses what to do next.

    Raises:
        Cancelled: The recorder said stop.
        InvalidInput: No student is within the person's limits.
        StageFailed: A stage failed.
    """
    data = load_task(store.path(task))
    runner = StageRunner(_stored(replace(data, test=()), store), store, compute, recorder)
    decisions = _Decisions(runner)
    with decisions.made("profile", "count the data and time this machine", costs.START_S) as done:
        profile = _profile(runner)
        done(
            f"{profile.gold} gold and {profile.pool} unlabelled texts, {profile.labels} labels, {profile.language}"
        )
    budget = data.spec.budget.seconds or DEFAULT_BUDGET_S
    sizes = planner.sizes(data.spec, profile, budget)
    evidence = Evidence(data.spec, budget, profile, sizes, n_test=len(data.test))
    run = _Run(runner, data, evidence)
    while True:
        run.evidence = run.evidence.evolve(spent_s=runner.spent_s)
        action = planner.next(run.evidence)
        with decisions.made(action.title, action.reason, action.forecast_s) as done:
            done("published" if action.kind == Kind.PUBLISH else _ACTIONS[action.kind](run, action))
        if action.kind == Kind.PUBLISH:
            break
    trial = best_trial(run.evidence)
    if trial is None:
        made = {
            tier: {k: p[k] for k in ("parameters", "latency_ms")} for tier, p in run.evidence.packages.items()
        }
        raise InvalidInput(
            f"no student is within the limits of the task; made were {made}",
            mend="raise max_parameters or max_latency_ms, allow another tier, or give more seconds",
        )
    package = run.artifacts[f"package {trial.tier}"]
    return Production(run.evidence, trial, package, tuple(runner.account), tuple(decisions.account), data)


def _stored(data: TaskData, store: ArtifactStore) -> str:
    """Store a task as stages read it: without budget, goal and tier, so that other wishes repeat no stage."""
    return put_task(store, replace(data, spec=data.spec.evolve(budget={}, goal={}, student={})))


@dataclass
class _Decisions:
    """Account of each decision: action, reason, forecast_seconds, seconds, outcome."""

    runner: StageRunner
    account: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def made(self, action: str, reason: str, forecast_s: float) -> Iterator[Callable[[str], None]]:
        """Record a decision; the body says what came of it."""
        recorder, before = self.runner.recorder, self.runner.spent_s
        number = recorder.decision(action, reason, {"seconds": round(forecast_s, 1)})
        said: list[str] = []
        yield said.append
        outcome, seconds = said[-1], round(self.runner.spent_s - before, 1)
        recorder.outcome(number, {"outcome": outcome, "seconds": seconds})
        self.account.append(
            {
                "action": action,
                "reason": reason,
                "forecast_seconds": round(forecast_s, 1),
                "seconds": seconds,
                "outcome": outcome,
            }
        )


def _profile(runner: StageRunner) -> Profile:
    # The speed of this machine is part of the answer, so another machine is a different question.
    name = fingerprint([machine.machine(), machine.processor(), os.cpu_count(), available_cores()])[:16]
    return Profile(**runner.run("profile", "", {"machine": name}, costs.START_S).summary)


def _teach(run: _Run, action: Action) -> str:
    profile, sizes = run.evidence.profile, run.evidence.sizes
    inputs: dict[str, str] = {}
    pool = min(profile.pool, sizes.pool)
    if sizes.encoder:
        params = {"encoder": profile.encoder, "pool": pool}
        inputs["embed"] = run.runner.run("embed", "", params, costs.embed_s(profile, pool)).artifact
        run.artifacts["embed"] = inputs["embed"]

    def teach(fold: int | None, teachers: list[str] | None) -> str:
        params = run.fold_params(fold) | {"embed_pool": pool, "tune_steps": sizes.tune_steps}
        params |= {"max_length": costs.max_length(profile), "teachers": teachers}
        learnt = profile.gold if fold is None else costs.fold_gold(profile, sizes)
        forecast = costs.teach_s(profile, learnt, params["pool"], sizes.tune_steps, sizes.encoder)
        run.artifacts[f"teach {fold}"] = run.runner.run(
            "teach", run.fold_name(fold), params, forecast, **inputs
        ).artifact
        return run.artifacts[f"teach {fold}"]

    folds = {f"fold{k}": teach(k, None) for k in range(sizes.folds)}
    result = run.runner.run("audit", "", {"folds": sizes.folds}, 1.0, **folds)
    run.artifacts["audit"] = result.artifact
    run.evidence = run.evidence.evolve(audit=result.summary)
    used = {name: weight for name, weight in result.summary["weights"].items() if weight > 0}
    teach(None, sorted(used))
    shares = ", ".join(f"{name} {weight:.0%}" for name, weight in used.items())
    return f"{result.summary['ensemble_accuracy']:.1%} on held-out gold with {shares}"


def _distil(run: _Run, action: Action) -> str:
    trial = _try(run, action.tier, Variant.PLAIN)
    verdict = (
        "the student is kept" if trial.helps else "the student is worse and is dropped for its seed-only twin"
    )
    return f"{trial.student.value:.1%} on held-out gold, seed-only {trial.seed_only.value:.1%}: {verdict}"


def _refine(run: _Run, action: Action) -> str:
    return _again(run, action.tier, Variant.REFINED)


def _generate(run: _Run, action: Action) -> str:
    sizes, profile = run.evidence.sizes, run.evidence.profile
    forecast = costs.generate_s(profile, sizes, action.tier) / (sizes.folds + 1)
    for fold in run.folds:
        params = run.fold_params(fold) | {"generator": "embedded", "count": costs.GENERATED_PER_LABEL}
        inputs = {"teach": run.artifacts[f"teach {fold}"], "audit": run.artifacts["audit"]}
        result = run.runner.run("generate", run.fold_name(fold), params, forecast, **inputs)
        run.artifacts[f"generate {fold}"] = result.artifact
    run.evidence = run.evidence.evolve(generation=result.summary)
    compared = _again(run, action.tier, Variant.GENERATED)
    return f"{result.summary['accepted']} texts passed the filters; {compared}"


def _again(run: _Run, tier: str, variant: Variant) -> str:
    before = run.evidence.trial(tier)
    trial = _try(run, tier, variant)
    word = "kept" if run.evidence.trial(tier) is trial and trial.helps else "not used"
    was = f"{before.best.value:.1%} before" if before else "no student before"
    return f"{trial.student.value:.1%} on held-out gold, {was}: {word}"


def _package(run: _Run, action: Action) -> str:
    trial = run.evidence.trial(action.tier)
    if trial is None:
        raise ValueError(f"there is no {action.tier} student to package")
    params = {
        "tier": action.tier,
        "encoder": run.fold_params(None)["encoder"],
        "temperature": round(trial.best.temperature, 4),
    }
    student = trial.artifacts[trial.winner]
    result = run.runner.run("package", action.tier, params, action.forecast_s, student=student)
    run.artifacts[f"package {action.tier}"] = result.artifact
    run.evidence = run.evidence.evolve(packages={**run.evidence.packages, action.tier: result.summary})
    speed, size = result.summary["texts_per_second"], result.summary["bytes"] / 1e6
    return f"{speed:,.0f} texts a second on one core, {size:.0f} MB"


def _evaluate(run: _Run, action: Action) -> str:
    inputs = {"test": _stored(run.data, run.runner.store), "package": run.artifacts[f"package {action.tier}"]}
    trial = run.evidence.trial(action.tier)
    if trial is not None and trial.helps:
        inputs["seed_only"] = trial.artifacts["seed_only"]
    params = {"tier": action.tier}
    result = run.runner.run("evaluate", action.tier, params, action.forecast_s, **inputs).summary
    run.evidence = run.evidence.evolve(tests={**run.evidence.tests, action.tier: result})
    return f"{result['student']['accuracy']:.1%} right, seed-only {result['seed_only']['accuracy']:.1%}"


_ACTIONS = {
    Kind.TEACH: _teach,
    Kind.DISTIL: _distil,
    Kind.REFINE: _refine,
    Kind.GENERATE: _generate,
    Kind.PACKAGE: _package,
    Kind.EVALUATE: _evaluate,
}


def _try(run: _Run, tier: str, variant: Variant) -> Trial:
    seed_only = {fold: _fit(run, tier, None, fold) for fold in run.folds}
    student = {fold: _fit(run, tier, variant, fold) for fold in run.folds}
    folds = tuple(student[fold] for fold in run.folds)[:-1]
    trial = Trial(
        tier,
        variant,
        _estimate(run, student),
        _estimate(run, seed_only),
        {"student": student[None], "seed_only": seed_only[None]},
        folds,
    )
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return trial


def _fit(run: _Run, tier: str, variant: Variant | None, fold: int | None) -> str:
    """Train on one fold; without a variant on the seed labels alone. Returns the artifact."""
    sizes, profile = run.evidence.sizes, run.evidence.profile
    params = run.fold_params(fold) | {"tier": tier, "seed_only": variant is None}
    inputs = {"embed": run.artifacts["embed"]} if tier == "static" and sizes.encoder else {}
    if tier == "mini" or variant is not None:
        inputs["teach"] = run.artifacts[f"teach {fold}"]
    if variant is not None:
        inputs["audit"] = run.artifacts["audit"]
    if variant == Variant.GENERATED:
        inputs["generate"] = run.artifacts[f"generate {fold}"]
    mini = run.evidence.trial("mini")
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
    name = ", ".join(word for word in (tier, what, run.fold_name(fold)) if word)
    return run.runner.run("distil", name, params, forecast, **inputs).artifact


def _label_more(run: _Run, student: str, most: int) -> str:
    """Let a mini student label pool texts that no teacher has; ``most`` counts both. Returns the artifact."""
    sizes = run.evidence.sizes
    params = {"pool": most, "taught": sizes.pool}
    forecast = costs.label_s(run.evidence.profile, sizes)
    return run.runner.run("label", "by the mini student", params, forecast, student=student).artifact


def _estimate(run: _Run, fits: Mapping[int | None, str]) -> Estimate:
    targets, folds = indicators(run.data), run.evidence.sizes.folds
    fold = fold_of_gold(targets, folds, run.data.spec.seed)
    logits: Floats = np.zeros_like(targets)
    for k in range(folds):
        logits[fold == k] = load_arrays(run.runner.store.path(fits[k]) / "heldout.safetensors")["logits"]
    spec = run.data.spec
    return estimate(logits, targets, run.data.labels, run.data.multi_label, spec.goal.metric, folds)
