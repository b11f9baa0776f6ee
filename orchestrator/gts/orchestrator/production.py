"""One production run: the loop of planner and stages that turns a task into a packaged student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput
from gts.core.threads import machine_name
from gts.generator.wishes import Wish, write_reviews
from gts.orchestrator import costs
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.decisions import Decisions
from gts.orchestrator.encoders import encoder_of
from gts.orchestrator.evidence import Evidence, Profile, Trial
from gts.orchestrator.lines import line_of
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Kind, Planner, best_trial
from gts.orchestrator.run import Run
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.taskstore import put_for_stages
from gts.tasks.dataset import TaskData
from gts.tasks.saving import AnyTask, load_any_task

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
        data: The task, without what is unlabelled.
    """

    evidence: Evidence
    trial: Trial
    package: str
    stages: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]
    models: tuple[Mapping[str, Any], ...]
    data: AnyTask


def produce_student(
    task: str,
    store: ArtifactStore,
    compute: Compute,
    recorder: Recorder,
    wishes: Sequence[Wish] = (),
    planner: Planner | None = None,
) -> Production:
    """Run a job from its task to a packaged student.

    Args:
        task: Digest of the task's artifact.
        store: Artifacts.
        compute: Where stages run.
        recorder: Told what happens; asked whether to stop.
        wishes: What people said of texts that were generated for this task before.
        planner: Chooses what to do next; by default that of the task type.

    Raises:
        Cancelled: The recorder said stop.
        InvalidInput: No student is within the person's limits.
        StageFailed: A stage failed.
    """
    data = load_any_task(store.path(task), with_pool=False)
    line = line_of(data.spec.type)
    planner = planner or line.planner
    runner = StageRunner(put_for_stages(store, task, data.spec), store, compute, recorder)
    decisions = Decisions(runner)
    data = line.prepare(runner, data, decisions)
    prepared_s = runner.spent_s
    with decisions.made("profile", "count the data and time this machine", costs.START_S) as done:
        profile = _profile(runner, line.profile, data.spec.language)
        rows, what = ("texts", "labels") if isinstance(data, TaskData) else ("rows", "kinds of answers")
        known = "guessed" if isinstance(data, TaskData) and data.is_guessed else "gold"
        done(
            f"{profile.gold} {known} and {profile.pool} unlabelled {rows}, {profile.labels} {what}, {profile.language}"
        )
    budget = data.spec.budget.seconds or DEFAULT_BUDGET_S
    sizes = planner.sizes(data.spec, profile, max(0.0, budget - prepared_s))
    evidence = Evidence(data.spec, budget, profile, sizes, n_test=len(data.test))
    run: Run[Any] = Run(runner, data, evidence)
    if wishes:
        with store.workspace() as folder:
            write_reviews(wishes, folder)
            run.artifacts["reviews"] = store.commit(folder)
    while True:
        run.take_stock()
        action = planner.next(run.evidence)
        with decisions.made(action.title, action.reason, action.forecast_s) as done:
            done("published" if action.kind == Kind.PUBLISH else line.actions[action.kind](run, action))
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


def _profile(runner: StageRunner, stage: str, language: str | None) -> Profile:
    # The speed of this machine and its encoder are part of the answer, so another one is a different question.
    params = {"machine": machine_name(), **encoder_of(language)}
    return Profile(**runner.run(stage, "", params, costs.START_S).summary)
