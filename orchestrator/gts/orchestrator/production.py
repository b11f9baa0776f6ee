"""One production run: the loop of planner and stages that turns a task into a packaged student."""

from __future__ import annotations

import os
import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import Cancelled, InvalidInput
from gts.core.fingerprint import fingerprint
from gts.core.threads import available_cores
from gts.orchestrator import costs
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.costs import Sizes
from gts.orchestrator.estimate import Estimate, estimate
from gts.orchestrator.evidence import Evidence, Profile, Trial
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Action, Kind, Planner, best_trial
from gts.orchestrator.stage import StageCall
from gts.orchestrator.stages import STAGES
from gts.orchestrator.stages.common import Floats, fold_of_gold, indicators, load_arrays
from gts.tasks.dataset import TaskData, load_task

if TYPE_CHECKING:
    from gts.orchestrator.recorder import Recorder  # brings the database, which `gts produce` does without

GENERATED_PER_LABEL = 60


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

    task: str
    data: TaskData
    store: ArtifactStore
    compute: Compute
    recorder: Recorder
    evidence: Evidence
    artifacts: dict[str, str] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)
    finished: dict[str, StageResult] = field(default_factory=dict)

    def stage(
        self, name: str, detail: str, params: Mapping[str, Any], forecast_s: float, **inputs: str
    ) -> StageResult:
        """Run a stage, and keep account of it; a call that this run has made before counts once."""
        call = StageCall(name, STAGES[name].version, dict(params), {"task": self.task, **inputs})
        if call.key in self.finished:
            return self.finished[call.key]
        cached = self.store.find(call.key) is not None
        label = f"{name} {detail}".strip()
        self.recorder.stage_started(call, detail, round(forecast_s, 2))

        def progress(fraction: float, message: str) -> None:
            self.recorder.event(
                "progress", {"stage": label, "fraction": round(fraction, 3), "message": message}
            )

        if self.recorder.should_stop():
            raise Cancelled("the job was stopped")
        result = self.compute.run(call, progress, self.recorder.should_stop)
        self.recorder.stage_finished(call, result, cached)
        self.stages.append(
            {
                "name": name,
                "detail": detail,
                "seconds": round(result.seconds, 2),
                "forecast_seconds": round(forecast_s, 2),
                "cached": cached,
            }
        )
        self.finished[call.key] = result
        self.evidence = self.evidence.evolve(spent_s=self.evidence.spent_s + result.seconds)
        return result

    def fold_params(self, fold: int | None, sizes: Sizes) -> dict[str, Any]:
        """Parameters that every fold-wise stage shares."""
        encoder = self.evidence.profile.encoder if self.evidence.profile and sizes.encoder else None
        pool = sizes.pool if fold is None else sizes.fold_pool
        return {
            "fold": fold,
            "folds": sizes.folds,
            "pool": min(pool, len(self.data.pool)),
            "encoder": encoder,
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
    budget = data.spec.budget.seconds or DEFAULT_BUDGET_S
    run = _Run(task, data, store, compute, recorder, Evidence(data.spec, budget))
    decisions: list[dict[str, Any]] = []
    while True:
        action = planner.next(run.evidence)
        number = recorder.decision(action.title, action.reason, {"seconds": round(action.forecast_s, 1)})
        before = run.evidence.spent_s
        outcome = _ACTIONS[action.kind](run, action) if action.kind != Kind.PUBLISH else "published"
        seconds = run.evidence.spent_s - before
        recorder.outcome(number, {"outcome": outcome, "seconds": round(seconds, 1)})
        decisions.append(
            {
                "action": action.title,
                "reason": action.reason,
                "forecast_seconds": round(action.forecast_s, 1),
                "seconds": round(seconds, 1),
                "outcome": outcome,
            }
        )
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
    return Production(run.evidence, trial, package, tuple(run.stages), tuple(decisions), data)


def _profile(run: _Run, action: Action) -> str:
    # The speed of this machine is part of the answer, so another machine is a different question.
    name = fingerprint([machine.machine(), machine.processor(), os.cpu_count(), available_cores()])[:16]
    summary = run.stage("profile", "", {"machine": name}, action.forecast_s).summary
    profile = Profile(**summary)
    run.evidence = run.evidence.evolve(profile=profile)
    encoder = profile.encoder or "no encoder for this language"
    return f"{profile.gold} gold and {profile.pool} unlabelled texts, {profile.labels} labels, {profile.language}; {encoder}"


def _teach(run: _Run, action: Action) -> str:
    profile, sizes = run.evidence.profile, action.sizes
    assert profile is not None and sizes is not None  # noqa: S101 - set by the planner
    inputs: dict[str, str] = {}
    pool = min(profile.pool, sizes.pool)
    if sizes.encoder:
        params = {"encoder": profile.encoder, "pool": pool}
        inputs["embed"] = run.stage("embed", "", params, costs.embed_s(profile, pool)).artifact
        run.artifacts["embed"] = inputs["embed"]

    def teach(fold: int | None, teachers: list[str] | None) -> None:
        params = run.fold_params(fold, sizes) | {"embed_pool": pool, "tune_steps": sizes.tune_steps}
        params |= {"max_length": costs.max_length(profile)}
        taught = min(profile.pool, sizes.pool if fold is None else sizes.fold_pool)
        forecast = costs.teach_s(profile, taught, sizes.tune_steps, sizes.encoder)
        detail = _fold_name(fold, sizes.folds)
        result = run.stage("teach", detail, params | {"teachers": teachers}, forecast, **inputs)
        run.artifacts[f"teach {fold}"] = result.artifact

    for fold in range(sizes.folds):
        teach(fold, None)
    folds = {f"fold{k}": run.artifacts[f"teach {k}"] for k in range(sizes.folds)}
    result = run.stage("audit", "", {"folds": sizes.folds}, 1.0, **folds)
    run.artifacts["audit"] = result.artifact
    run.evidence = run.evidence.evolve(audit=result.summary)
    teach(None, sorted(name for name, weight in result.summary["weights"].items() if weight > 0))
    used = ", ".join(
        f"{name} {weight:.0%}" for name, weight in result.summary["weights"].items() if weight > 0
    )
    return f"{result.summary['ensemble_accuracy']:.1%} on held-out gold with {used}"


def _distil(run: _Run, action: Action) -> str:
    trial = _train(run, action, generated=False)
    run.evidence = run.evidence.evolve(trials=(*run.evidence.trials, trial))
    return _compare(trial)


def _generate(run: _Run, action: Action) -> str:
    sizes, profile = action.sizes, run.evidence.profile
    assert sizes is not None and profile is not None  # noqa: S101 - set by the planner
    for fold in (*range(sizes.folds), None):
        params = run.fold_params(fold, sizes) | {"generator": "embedded", "count": GENERATED_PER_LABEL}
        inputs = {"teach": run.artifacts[f"teach {fold}"], "audit": run.artifacts["audit"]}
        result = run.stage(
            "generate", _fold_name(fold, sizes.folds), params, 4.0 if sizes.encoder else 2.0, **inputs
        )
        run.artifacts[f"generate {fold}"] = result.artifact
    before = run.evidence.trial(action.tier)
    trial = _train(run, action, generated=True)
    run.evidence = run.evidence.evolve(generation=result.summary, trials=(*run.evidence.trials, trial))
    after = run.evidence.trial(action.tier)
    word = "kept" if after is trial else "not used"
    was = f"{before.student.value:.1%} before" if before else "no student before"
    return f"{result.summary['accepted']} texts passed the filters; {trial.student.value:.1%} with them, {was}: {word}"


def _package(run: _Run, action: Action) -> str:
    trial = run.evidence.trial(action.tier)
    sizes = action.sizes
    assert trial is not None and sizes is not None  # noqa: S101 - set by the planner
    params = {
        "tier": action.tier,
        "encoder": run.fold_params(None, sizes)["encoder"],
        "temperature": round(trial.best.temperature, 4),
    }
    student = trial.artifacts[trial.winner]
    result = run.stage("package", action.tier, params, action.forecast_s, student=student)
    run.artifacts[f"package {action.tier}"] = result.artifact
    run.evidence = run.evidence.evolve(packages={**run.evidence.packages, action.tier: result.summary})
    speed, size = result.summary["texts_per_second"], result.summary["bytes"] / 1e6
    return f"{speed:,.0f} texts a second on one core, {size:.0f} MB"


_ACTIONS = {
    Kind.PROFILE: _profile,
    Kind.TEACH: _teach,
    Kind.DISTIL: _distil,
    Kind.GENERATE: _generate,
    Kind.PACKAGE: _package,
}


def _train(run: _Run, action: Action, generated: bool) -> Trial:
    sizes, profile = action.sizes, run.evidence.profile
    assert sizes is not None and profile is not None  # noqa: S101 - set by the planner
    seed_only = _fit_all(run, action.tier, sizes, profile, seed_only=True, generated=False)
    student = _fit_all(run, action.tier, sizes, profile, seed_only=False, generated=generated)
    if action.tier == "mini":
        for fold in (*range(sizes.folds), None):
            run.artifacts[f"assistant {fold}"] = student[fold]
    return Trial(
        action.tier,
        generated,
        _estimate(run, student, sizes.folds),
        _estimate(run, seed_only, sizes.folds),
        {"student": student[None], "seed_only": seed_only[None]},
    )


def _fit_all(
    run: _Run, tier: str, sizes: Sizes, profile: Profile, *, seed_only: bool, generated: bool
) -> dict[int | None, str]:
    """Train on every fold and on all gold; returns the artifacts."""
    out: dict[int | None, str] = {}
    for fold in (*range(sizes.folds), None):
        params = run.fold_params(fold, sizes) | {"tier": tier, "seed_only": seed_only}
        inputs = {"embed": run.artifacts["embed"]} if tier == "static" and sizes.encoder else {}
        if tier == "mini" or not seed_only:
            inputs["teach"] = run.artifacts[f"teach {fold}"]
        if not seed_only:
            inputs["audit"] = run.artifacts["audit"]
            if tier == "static" and f"assistant {fold}" in run.artifacts:
                inputs["assistant"] = run.artifacts[f"assistant {fold}"]
            if generated:
                inputs["generate"] = run.artifacts[f"generate {fold}"]
        pool = 0 if seed_only else params["pool"]
        if tier == "mini":
            longest = costs.max_length(profile)
            steps = sizes.mini_steps if fold is None else sizes.fold_mini_steps
            params |= {"steps": 0 if seed_only else steps, "max_length": longest}
            forecast = costs.distil_mini_s(profile, pool, params["steps"], longest)
        else:
            forecast = costs.distil_static_s(profile, pool, sizes.encoder, full=fold is None)
        what = f"{tier}{', seed-only' if seed_only else ''}{', with generated texts' if generated else ''}"
        name = f"{what}, {_fold_name(fold, sizes.folds)}"
        out[fold] = run.stage("distil", name, params, forecast, **inputs).artifact
    return out


def _estimate(run: _Run, fits: Mapping[int | None, str], folds: int) -> Estimate:
    targets = indicators(run.data)
    fold = fold_of_gold(targets, folds, run.data.spec.seed)
    logits: Floats = np.zeros_like(targets)
    for k in range(folds):
        logits[fold == k] = load_arrays(run.store.path(fits[k]) / "heldout.safetensors")["logits"]
    spec = run.data.spec
    return estimate(logits, targets, run.data.labels, run.data.multi_label, spec.goal.metric, folds)


def _compare(trial: Trial) -> str:
    student, seed = trial.student.value, trial.seed_only.value
    verdict = (
        "the student is kept" if trial.helps else "the student is worse and is dropped for its seed-only twin"
    )
    return f"{student:.1%} on held-out gold, seed-only {seed:.1%}: {verdict}"


def _fold_name(fold: int | None, folds: int) -> str:
    return "all gold" if fold is None else f"fold {fold + 1} of {folds}"
