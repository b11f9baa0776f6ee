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
from gts.orchestrator.aside import rows_aside
from gts.orchestrator.choosing import best_trial
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.decisions import Decisions, Forecast
from gts.orchestrator.encoders import candidates_of
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Evidence, Profile, Trial
from gts.orchestrator.experience import GAIN, Experience
from gts.orchestrator.forecasts import forecast_of, gain_seen, kind_of
from gts.orchestrator.lines import line_of, planner_of
from gts.orchestrator.plan import plan_job
from gts.orchestrator.planner import DEFAULT_BUDGET_S, Action, Kind, Planner
from gts.orchestrator.ranking import Base, in_words
from gts.orchestrator.run import Run
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.stages.common import read_json
from gts.orchestrator.taskstore import put_for_stages
from gts.orchestrator.wishes import Wishes
from gts.student.selective import HeldOut
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
        expected: What it can be expected to reach on new texts.
        held_out: How sure it was of labelled rows that it had not seen, where that is kept.
        package: Digest of its packaged folder.
        stages: Account of each stage: name, detail, seconds, forecast_seconds, cached.
        decisions: Account of each action (see :class:`Decisions`).
        models: What asking each language model took: name, calls, tokens, money, cached, faults.
        data: The task, without what is unlabelled.
        questions: What people should be asked: kind, payload, reason and origin of each.
        calls: The stage calls that were made, in their order, each with the ``artifact`` it gave.
    """

    evidence: Evidence
    trial: Trial
    expected: Estimate
    held_out: HeldOut | None
    package: str
    stages: tuple[Mapping[str, Any], ...]
    decisions: tuple[Mapping[str, Any], ...]
    models: tuple[Mapping[str, Any], ...]
    data: AnyTask
    questions: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Before:
    """What happened in a job before this attempt.

    Attributes:
        answered: Questions that people have answered.
        asked: What they were asked, answered or not (see ``subject`` of the stages that pose).
    """

    answered: int = 0
    asked: tuple[str, ...] = ()


def produce_student(
    task: str,
    store: ArtifactStore,
    compute: Compute,
    recorder: Recorder,
    wishes: Sequence[Wish] = (),
    planner: Planner | None = None,
    before: Before = Before(),
) -> Production:
    """Run a job from its task to a packaged student.

    Args:
        task: Digest of the task's artifact.
        store: Artifacts.
        compute: Where stages run.
        recorder: Told what happens; asked whether to stop.
        wishes: What people said of texts that were generated for this task before.
        before: What happened before this attempt.
        planner: Chooses what to do next; by default the one that the task wants.

    Raises:
        Cancelled: The recorder said stop.
        InvalidInput: No student is within the person's limits.
        StageFailed: A stage failed.
    """
    data = load_any_task(store.path(task), with_pool=False)
    line = line_of(data.spec.type)
    planner = planner or planner_of(data.spec)
    runner = StageRunner(put_for_stages(store, task, data.spec), store, compute, recorder, data.spec.type)
    decisions = Decisions(runner)
    data = line.prepare(runner, data, decisions)
    prepared_s = runner.spent_s
    reason = "count the data and time this machine"
    with decisions.made("profile", reason, Forecast(costs.START_S)) as done:
        profile = profile_of(runner, line.profile, data.spec.language, data.picked)
        done(_counted(profile, data))
    runner.experience = profile.experience
    budget = data.spec.budget.seconds or DEFAULT_BUDGET_S
    sizes = planner.sizes(data.spec, profile, max(0.0, budget - prepared_s) / profile.experience.pace)
    evidence = Evidence(data.spec, budget, profile, sizes, n_test=len(data.test), n_answered=before.answered)
    recorder.forecast(plan_job(data.spec, profile, planner, len(data.test), runner.spent_s, sizes).seconds)
    run: Run[Any] = Run(runner, data, evidence, before.asked)
    if wishes:
        with store.workspace() as folder:
            write_reviews(wishes, folder)
            run.artifacts["reviews"] = store.commit(folder)
    while True:
        run.take_stock()
        if changed := recorder.wishes():
            run.evidence = _with_wishes(run.evidence, changed)
        option = planner.next(run.evidence)
        action, known, ran = option.action, run.evidence, runner.ran
        with decisions.made(action.title, action.reason, forecast_of(known, option)) as done:
            if action.kind == Kind.PUBLISH:
                trial = best_trial(run.evidence)
                expected = line.expected(run, trial) if trial else None
                done("published", trial.best if trial else None)
                break
            outcome = line.actions[action.kind](run, action)
            trial = best_trial(run.evidence)
            done(outcome, trial.best if trial else None)
        run.take_stock()
        if runner.ran > ran:  # what was found finished has been learnt from
            _learn(runner, action, known, run.evidence)
    if trial is None or expected is None:
        made = {
            tier: {k: p[k] for k in ("parameters", "latency_ms")} for tier, p in run.evidence.packages.items()
        }
        raise InvalidInput(
            f"no student is within the limits of the task; made were {made}",
            mend="raise max_parameters or max_latency_ms, allow another tier, or give more seconds",
        )
    package = run.artifacts[f"package {trial.tier}"]
    models = tuple({"name": name, **account.as_json()} for name, account in runner.models.items())
    questions = ()
    if "questions" in run.artifacts:
        questions = tuple(read_json(store.path(run.artifacts["questions"]) / "questions.json"))
    return Production(
        evidence=run.evidence,
        trial=trial,
        expected=expected,
        held_out=line.held_out(run, trial),
        package=package,
        stages=tuple(runner.account),
        decisions=tuple(decisions.account),
        models=models,
        data=data,
        questions=questions,
        calls=tuple(runner.calls),
    )


def _with_wishes(evidence: Evidence, wishes: Wishes) -> Evidence:
    """The evidence under a budget and a goal that a person has changed meanwhile."""
    spec = evidence.spec.evolve(budget=wishes.budget.model_dump(), goal=wishes.goal.model_dump())
    return evidence.evolve(spec=spec, budget_s=spec.budget.seconds or DEFAULT_BUDGET_S)


def _learn(runner: StageRunner, action: Action, before: Evidence, after: Evidence) -> None:
    """Keep what an action took and brought, for the forecasts of later jobs."""
    runner.note(kind_of(action), action.forecast_s, after.spent_s - before.spent_s)
    if found := gain_seen(before, after, action):
        kind, gain, error = found
        runner.note(f"{GAIN}{kind}", 0.0, gain, error)


def _counted(profile: Profile, data: AnyTask) -> str:
    rows, what = ("texts", "labels") if isinstance(data, TaskData) else ("rows", "kinds of answers")
    known = "guessed" if isinstance(data, TaskData) and data.is_guessed else "gold"
    unlabelled = f"{profile.pool + profile.aside} unlabelled {rows}"
    counts = f"{profile.gold} {known} and {unlabelled}, {profile.labels} {what}, {profile.language}"
    return "; ".join(filter(None, (counts, in_words(profile.bases, profile.encoder))))


def profile_of(runner: StageRunner, stage: str, language: str | None, picked: int = 0) -> Profile:
    """What there is to work with, how fast this machine is, and what past jobs say about forecasts.

    Args:
        runner: Runs the stage.
        stage: Its name.
        language: The task's.
        picked: How many of the unlabelled rows are no fair sample of them.
    """
    # The speed of this machine and its encoder are part of the answer, so another one is a different question.
    params = {"machine": machine_name(), **candidates_of(language)}
    summary = runner.run(stage, "", params, costs.START_S).summary
    bases = tuple(Base(**base) for base in summary["bases"])
    aside = rows_aside(summary["pool"] - picked)
    known = {"bases": bases, "experience": Experience.from_json(summary["experience"])}
    return Profile(**{**summary, **known, "pool": summary["pool"] - aside, "aside": aside})
