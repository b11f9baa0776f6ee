"""One production run: the loop of planner and stages that turns a task into a packaged student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gts.core import catalogue
from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput, MissingDependency, NotFound, Unavailable
from gts.core.llm.entries import find
from gts.core.threads import machine_name
from gts.generator.wishes import Wish, write_reviews
from gts.orchestrator import costs
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.consultation import consult
from gts.orchestrator.decisions import Decisions
from gts.orchestrator.evidence import Evidence, Profile, Trial, Variant
from gts.orchestrator.generation import generate
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Action, Kind, Planner, best_trial
from gts.orchestrator.run import Run
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.taskstore import put_task
from gts.orchestrator.trials import try_student
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
        models: What asking each language model took: name, calls, tokens, money, cached, faults.
        data: The task.
    """

    evidence: Evidence
    trial: Trial
    package: str
    stages: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]
    models: tuple[Mapping[str, Any], ...]
    data: TaskData


def produce_student(
    task: str,
    store: ArtifactStore,
    compute: Compute,
    recorder: Recorder,
    planner: Planner,
    wishes: Sequence[Wish] = (),
) -> Production:
    """Run a job from its task to a packaged student.

    Args:
        task: Digest of the task's artifact.
        store: Artifacts.
        compute: Where stages run.
        recorder: Told what happens; asked whether to stop.
        planner: Chooses what to do next.
        wishes: What people said of texts that were generated for this task before.

    Raises:
        Cancelled: The recorder said stop.
        InvalidInput: No student is within the person's limits.
        StageFailed: A stage failed.
    """
    data = load_task(store.path(task))
    runner = StageRunner(_stored(replace(data, test=()), store), store, compute, recorder)
    decisions = Decisions(runner)
    with decisions.made("profile", "count the data and time this machine", costs.START_S) as done:
        profile = _profile(runner, data.spec.language)
        done(
            f"{profile.gold} gold and {profile.pool} unlabelled texts, {profile.labels} labels, {profile.language}"
        )
    budget = data.spec.budget.seconds or DEFAULT_BUDGET_S
    sizes = planner.sizes(data.spec, profile, budget)
    evidence = Evidence(data.spec, budget, profile, sizes, n_test=len(data.test))
    run = Run(runner, data, evidence)
    if wishes:
        with store.workspace() as folder:
            write_reviews(wishes, folder)
            run.artifacts["reviews"] = store.commit(folder)
    while True:
        run.take_stock()
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
    models = tuple({"name": name, **account.as_json()} for name, account in runner.models.items())
    return Production(
        run.evidence, trial, package, tuple(runner.account), tuple(decisions.account), models, data
    )


def _stored(data: TaskData, store: ArtifactStore) -> str:
    """Store a task as stages read it: without budget, goal, tier and models, so that other wishes repeat no stage."""
    return put_task(
        store,
        replace(data, spec=data.spec.evolve(budget={}, goal={}, student={}, teachers=(), generators=())),
    )


def _profile(runner: StageRunner, language: str | None) -> Profile:
    known = catalogue.encoder_for(language or "und")
    encoder = known.id if known else None
    # The speed of this machine and its encoder are part of the answer, so another one is a different question.
    params = {
        "machine": machine_name(),
        "encoder": encoder,
        "weights": catalogue.identity(encoder) if encoder else None,
    }
    return Profile(**runner.run("profile", "", params, costs.START_S).summary)


def _teach(run: Run, action: Action) -> str:
    profile, sizes = run.evidence.profile, run.evidence.sizes
    inputs: dict[str, str] = {}
    pool = min(profile.pool, sizes.pool)
    if sizes.encoder:
        params = {
            "encoder": profile.encoder,
            "weights": profile.weights,
            "pool": pool,
        }
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
    result = run.runner.run("audit", "", {"folds": sizes.folds, "models": []}, 1.0, **folds)
    run.artifacts["audit"] = result.artifact
    run.evidence = run.evidence.evolve(audit=result.summary)
    used = {name: weight for name, weight in result.summary["weights"].items() if weight > 0}
    teach(None, sorted(used))
    shares = ", ".join(f"{name} {weight:.0%}" for name, weight in used.items())
    return f"{result.summary['ensemble_accuracy']:.1%} on held-out gold with {shares}"


def _examine(run: Run, action: Action) -> str:
    try:
        params = {"model": action.model, "identity": find(action.model).identity(), "machine": machine_name()}
        facts = run.runner.run("examine", action.model, params, action.forecast_s).summary
    except _OUT_OF_REACH as error:
        facts = {"problem": str(error)}
    run.evidence = run.evidence.evolve(examined={**run.evidence.examined, action.model: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    can = [
        word
        for word, able in (("log-probabilities", facts["logprobs"]), ("JSON schemas", facts["schema"]))
        if able
    ]
    return (
        f"{facts['text_seconds']:.2f} s and {facts['text_tokens']:.0f} tokens a text; "
        f"it gives {' and '.join(can) or 'neither log-probabilities nor schemas'}"
    )


def _consult(run: Run, action: Action) -> str:
    try:
        facts = consult(run, action.model)
    except _OUT_OF_REACH as error:
        facts = {"problem": str(error)}
    run.evidence = run.evidence.evolve(consulted={**run.evidence.consulted, action.model: facts})
    if "problem" in facts:
        return f"it is left out: {facts['problem']}"
    return str(facts["outcome"])


def _distil(run: Run, action: Action) -> str:
    trial = try_student(run, action.tier, Variant.PLAIN)
    verdict = (
        "the student is kept" if trial.helps else "the student is worse and is dropped for its seed-only twin"
    )
    return f"{trial.student.value:.1%} on held-out gold, seed-only {trial.seed_only.value:.1%}: {verdict}"


def _refine(run: Run, action: Action) -> str:
    return _again(run, action.tier, Variant.REFINED)


def _generate(run: Run, action: Action) -> str:
    name = action.model
    try:
        summary = generate(run, name, action.tier)
    except _OUT_OF_REACH as error:
        run.evidence = run.evidence.evolve(
            generations={**run.evidence.generations, name: {"problem": str(error)}}
        )
        return f"it is left out: {error}"
    run.evidence = run.evidence.evolve(generations={**run.evidence.generations, name: summary})
    before = run.evidence.trial(action.tier)
    others = before.generators if before is not None and before.helps else ()
    compared = _again(run, action.tier, Variant.GENERATED, (*others, name))
    return f"{summary['accepted']} texts passed the filters; {compared}"


def _again(run: Run, tier: str, variant: Variant, generators: tuple[str, ...] = ()) -> str:
    before = run.evidence.trial(tier)
    trial = try_student(run, tier, variant, generators)
    word = "kept" if run.evidence.trial(tier) is trial and trial.helps else "not used"
    was = f"{before.best.value:.1%} before" if before else "no student before"
    return f"{trial.student.value:.1%} on held-out gold, {was}: {word}"


def _package(run: Run, action: Action) -> str:
    trial = run.evidence.trial(action.tier)
    if trial is None:
        raise ValueError(f"there is no {action.tier} student to package")
    params = {
        "tier": action.tier,
        "encoder": run.fold_params(None)["encoder"],
        "temperature": round(trial.best.temperature, 4),
        "machine": machine_name(),
    }
    student = trial.artifacts[trial.winner]
    result = run.runner.run("package", action.tier, params, action.forecast_s, student=student)
    run.artifacts[f"package {action.tier}"] = result.artifact
    run.evidence = run.evidence.evolve(packages={**run.evidence.packages, action.tier: result.summary})
    speed, size = result.summary["texts_per_second"], result.summary["bytes"] / 1e6
    return f"{speed:,.0f} texts a second on one core, {size:.0f} MB"


def _evaluate(run: Run, action: Action) -> str:
    inputs = {"test": _stored(run.data, run.runner.store), "package": run.artifacts[f"package {action.tier}"]}
    trial = run.evidence.trial(action.tier)
    if trial is not None and trial.helps:
        inputs["seed_only"] = trial.artifacts["seed_only"]
    params = {"tier": action.tier}
    result = run.runner.run("evaluate", action.tier, params, action.forecast_s, **inputs).summary
    run.evidence = run.evidence.evolve(tests={**run.evidence.tests, action.tier: result})
    return f"{result['student']['accuracy']:.1%} right, seed-only {result['seed_only']['accuracy']:.1%}"


_OUT_OF_REACH = (Unavailable, MissingDependency, NotFound, InvalidInput)
"""What goes wrong with a language model that a job can do without."""

_ACTIONS = {
    Kind.TEACH: _teach,
    Kind.EXAMINE: _examine,
    Kind.CONSULT: _consult,
    Kind.DISTIL: _distil,
    Kind.REFINE: _refine,
    Kind.GENERATE: _generate,
    Kind.PACKAGE: _package,
    Kind.EVALUATE: _evaluate,
}
