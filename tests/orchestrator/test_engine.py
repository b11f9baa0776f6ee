"""The loop of planner and stages, with stages that cost nothing: never worse, published once, stopped when asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canned_stages import canned, logits_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.blobs import BlobStore
from gts.core.database import Database
from gts.core.errors import Cancelled, InvalidInput, MissingDependency, NotFound
from gts.orchestrator import jobs, steering
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.engine import job_runner
from gts.orchestrator.production import Production, produce_student
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.report import report_of
from gts.orchestrator.stage import StageCall, StageTable
from gts.orchestrator.stages.common import fold_of_gold, indicators
from gts.orchestrator.states import JobState
from gts.orchestrator.worker import Worker
from gts.registry.registry import Registry
from gts.registry.values import Kind
from gts.student.layout import read_lineage, read_manifest
from gts.tasks.dataset import Example, TaskData, load_task, save_task
from gts.tasks.spec import TaskSpec

Submit = Callable[..., Job]
LABELS = ("a", "b", "c")


class Log:
    """A recorder that keeps what it is told, and says stop after a stage of a given name."""

    def __init__(self, stop_after: str = "") -> None:
        self.stages: list[tuple[str, str, bool]] = []
        self.decisions: list[str] = []
        self.outcomes: list[str] = []
        self._detail, self._stop_after, self._stop = "", stop_after, False

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        pass

    def stage_started(self, call: StageCall, detail: str, forecast_s: float | None) -> None:
        self._detail = detail

    def stage_finished(self, call: StageCall, result: StageResult, cached: bool) -> None:
        self.stages.append((call.name, self._detail, cached))
        self._stop = self._stop or call.name == self._stop_after

    def decision(self, action: str, reason: str, forecast: Mapping[str, Any]) -> int:
        self.decisions.append(action)
        return len(self.decisions)

    def outcome(self, decision: int, outcome: Mapping[str, Any]) -> None:
        assert decision == len(self.outcomes) + 1
        self.outcomes.append(outcome["outcome"])

    def should_stop(self) -> bool:
        return self._stop

    def forecast(self, seconds: float) -> None:
        pass

    def wishes(self) -> None:
        return None


def task(
    store: ArtifactStore, *, gold: int = 24, pool: int = 200, test: int = 9, multi: bool = False, **spec: Any
) -> str:
    names = [LABELS[i % 3 :][: 1 + (multi and i % 2)] for i in range(max(gold, test))]
    data = TaskData(
        TaskSpec.model_validate(
            {"name": "tickets", "labels": list(LABELS), "multi_label": multi, "language": "en"} | spec
        ),
        tuple(Example(f"gold {i}", names[i]) for i in range(gold)),
        tuple(f"pool {i}" for i in range(pool)),
        tuple(Example(f"test {i}", names[i]) for i in range(test)),
        ("2 duplicate texts were removed from the pool",),
    )
    with store.workspace() as folder:
        save_task(data, folder)
        return store.commit(folder)


def produce(
    store: ArtifactStore, stages: StageTable, digest: str, log: Log | None = None
) -> tuple[Production, dict[str, Any]]:
    production = produce_student(digest, store, InlineCompute(store, stages), log or Log())
    return production, report_of(production)


def test_the_better_student_is_published(store: ArtifactStore) -> None:
    log = Log()
    production, report = produce(
        store, canned(logits_of({"mini": 0.9, "mini seed-only": 0.8})), task(store), log
    )

    assert (report["tier"], report["published"]) == ("mini", "student")
    assert (report["measured"]["value"], report["seed_only"]["value"]) == (
        pytest.approx(0.9, abs=0.03),
        pytest.approx(0.8, abs=0.03),
    )
    assert log.decisions == [d["action"] for d in report["decisions"]]
    assert log.outcomes == [d["outcome"] for d in report["decisions"]]
    assert log.decisions[-1] == "publish"
    made_from = json.loads((store.path(production.package) / "config.json").read_text())["made_from"]
    assert made_from == '"mini"'


def test_nobody_learns_from_the_rows_that_are_set_aside(store: ArtifactStore) -> None:
    production, report = produce(store, canned(logits_of({"mini": 0.9})), task(store, pool=2_000))

    taught = [call["params"]["pool"] for call in production.calls if "pool" in call["params"]]
    assert taught and max(taught) <= 1_800
    (package,) = (call for call in production.calls if call["artifact"] == production.package)
    assert max(taught) <= package["params"]["taught"] <= 1_800
    assert report["counts"]["pool"] == 2_000, "the person gave so many"


def test_a_student_that_is_worse_gives_way_to_its_seed_only_twin(store: ArtifactStore) -> None:
    quality = {"static": 0.6, "static seed-only": 0.8}
    production, report = produce(store, canned(logits_of(quality), encoder=None), task(store))

    assert (report["tier"], report["published"]) == ("static", "seed_only")
    assert report["measured"] == report["seed_only"]
    (decision,) = (d for d in report["decisions"] if d["action"] == "distil static")
    assert "dropped for its seed-only twin" in decision["outcome"]
    made_from = json.loads((store.path(production.package) / "config.json").read_text())["made_from"]
    assert made_from == '"static seed-only"'


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    multi=st.booleans(),
    metric=st.sampled_from(["accuracy", "macro_f1"]),
    encoder=st.sampled_from(["tiny/encoder", None]),
    pool=st.sampled_from([10, 200]),
)
def test_never_worse_whatever_students_say(
    store: ArtifactStore, seed: int, multi: bool, metric: str, encoder: str | None, pool: int
) -> None:
    def logits(student: str, targets: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([seed, *student.encode()])
        return (rng.normal(size=targets.shape) + rng.normal() * targets).astype(np.float32)

    digest = task(store, multi=multi, pool=pool, goal={"metric": metric}, seed=seed % 2**31)
    _, report = produce(store, canned(logits, encoder=encoder), digest)

    assert report["measured"]["value"] >= report["seed_only"]["value"]
    assert report["measured"]["metric"] == metric
    assert all(student["estimate"] >= student["seed_only"] for student in report["students"])
    (published,) = (student for student in report["students"] if student["published"])
    assert published["tier"] == report["tier"]
    json.dumps(report, allow_nan=False)


def test_generated_texts_are_dropped_where_they_do_not_help(store: ArtifactStore) -> None:
    quality = {"static": 0.8, "static generated": 0.7, "static seed-only": 0.6}
    _, report = produce(store, canned(logits_of(quality), encoder=None), task(store, pool=20))

    assert (report["generators"][0]["used"], report["generators"][0]["accepted"]) == (False, 12)
    assert report["generators"][0]["rejected"] == {"copy": 8}
    assert report["counts"]["generated"] == 0
    assert report["measured"]["value"] == pytest.approx(0.8, abs=0.03)


def test_generated_texts_are_used_where_they_help(store: ArtifactStore) -> None:
    quality = {"static": 0.7, "static generated": 0.8, "static seed-only": 0.6}
    production, report = produce(store, canned(logits_of(quality), encoder=None), task(store, pool=20))

    assert report["generators"][0]["used"]
    assert report["counts"]["generated"] == 12
    assert report["measured"]["value"] == pytest.approx(0.8, abs=0.03)
    made_from = json.loads((store.path(production.package) / "config.json").read_text())["made_from"]
    assert made_from == '"static generated"'


class Calls(Log):
    """A recorder that keeps the parameters of the stages that generate."""

    def __init__(self) -> None:
        super().__init__()
        self.aims: dict[int | None, dict[str, float]] = {}

    def stage_started(self, call: StageCall, detail: str, forecast_s: float | None) -> None:
        super().stage_started(call, detail, forecast_s)
        if call.name == "generate":
            self.aims[call.params["fold"]] = call.params["aim"]


def mixes_up_a_and_b(student: str, targets: np.ndarray) -> np.ndarray:
    told = targets.copy()
    rows = np.flatnonzero(targets[:, 0] > 0.5)[:2]
    told[rows] = np.eye(3, dtype=np.float32)[1]
    return 4 * told - 2


def test_texts_are_wanted_where_the_student_errs(store: ArtifactStore) -> None:
    log = Calls()
    digest = task(store, pool=20)
    produce(store, canned(mixes_up_a_and_b, encoder=None), digest, log)

    whole = log.aims[None]
    assert whole["a"] == whole["b"] > whole["c"] >= 1 / 6 - 1e-9
    targets = indicators(load_task(store.path(digest)))
    folds = len(log.aims) - 1
    wrong = fold_of_gold(targets, folds, 0)[np.flatnonzero(targets[:, 0] > 0.5)[:2]]
    for fold in range(folds):
        assert bool(log.aims[fold]) == bool((wrong != fold).any())


@pytest.mark.parametrize("changed", [{"multi": True}, {"gold": 9}])
def test_all_labels_get_the_same_where_errors_cannot_be_told_by_label(
    store: ArtifactStore, changed: dict[str, Any]
) -> None:
    log = Calls()
    produce(store, canned(mixes_up_a_and_b, encoder=None), task(store, pool=20, **changed), log)

    assert set(log.aims) >= {0, 1, None}
    assert not any(log.aims.values())


def test_every_stage_is_listed_once_and_counted_once(store: ArtifactStore) -> None:
    ran: list[str] = []
    log = Log()
    _, report = produce(store, canned(logits_of({}), ran=ran), task(store, pool=20), log)

    assert "generate" in {stage["name"] for stage in report["stages"]}
    names = [(stage["name"], stage["detail"]) for stage in report["stages"]]
    assert len(names) == len(set(names)) == len(ran)
    assert not any(stage["cached"] for stage in report["stages"])
    assert report["seconds"] == pytest.approx(sum(stage["seconds"] for stage in report["stages"]), abs=0.3)


def test_a_job_run_again_repeats_nothing_and_decides_alike(store: ArtifactStore) -> None:
    ran: list[str] = []
    digest = task(store)
    first = produce(store, canned(logits_of({}), ran=ran), digest)[1]
    stages_run = len(ran)
    second = produce(store, canned(logits_of({}), ran=ran), digest)[1]

    assert len(ran) == stages_run
    assert all(stage["cached"] for stage in second["stages"])
    assert [d["action"] for d in second["decisions"]] == [d["action"] for d in first["decisions"]]
    for name in ("estimate", "seed_only", "tier", "teachers", "test"):
        assert second[name] == first[name]


@pytest.mark.parametrize("last", ["profile", "teach", "audit", "distil", "package"])
def test_a_job_stopped_at_any_point_goes_on_from_there(store: ArtifactStore, last: str) -> None:
    ran: list[str] = []
    stages, digest = canned(logits_of({}), ran=ran), task(store)
    with pytest.raises(Cancelled):
        produce(store, stages, digest, Log(stop_after=last))
    before = len(ran)
    report = produce(store, stages, digest)[1]

    assert ran[before - 1] == last
    assert len(ran) == len(report["stages"])
    assert [stage["cached"] for stage in report["stages"]] == [True] * before + [False] * (len(ran) - before)


@pytest.mark.parametrize(
    ("wish", "tier"), [({}, "mini"), ({"max_latency_ms": 1}, "static"), ({"tier": "static"}, "static")]
)
def test_wishes_choose_the_tier(store: ArtifactStore, wish: dict[str, Any], tier: str) -> None:
    _, report = produce(store, canned(logits_of({"mini": 0.9})), task(store, student=wish))

    assert report["tier"] == tier


def test_limits_that_nothing_meets_say_what_was_made(store: ArtifactStore) -> None:
    with pytest.raises(InvalidInput, match="7800000") as caught:
        produce(store, canned(logits_of({})), task(store, student={"max_parameters": 1000}))

    assert "max_parameters" in caught.value.mend


def test_a_tier_without_base_model_is_refused_before_any_training(store: ArtifactStore) -> None:
    ran: list[str] = []
    with pytest.raises(MissingDependency):
        produce(store, canned(logits_of({}), encoder=None, ran=ran), task(store, student={"tier": "mini"}))

    assert ran == ["profile"]


# ---------------------------------------------------------------- on the platform


@pytest.fixture
def registry(sqlite_database: Database, tmp_path: Path) -> Registry:
    return Registry(sqlite_database, BlobStore(tmp_path / "blobs"))


@pytest.fixture
def submitted(
    sqlite_database: Database, store: ArtifactStore, submit_to: Callable[[Database], Submit]
) -> Job:
    return submit_to(sqlite_database)(task_artifact=task(store))


def commits(registry: Registry) -> int:
    try:
        return len(registry.history("ann", "tickets"))
    except NotFound:
        return 0


def test_a_job_ends_with_a_revision_in_the_registry(
    sqlite_database: Database, store: ArtifactStore, registry: Registry, submitted: Job, tmp_path: Path
) -> None:
    compute = InlineCompute(store, canned(logits_of({"mini": 0.9})))
    assert Worker(sqlite_database, store, compute, job_runner(registry, sqlite_database)).run_once()

    with sqlite_database.reading() as session:
        done = jobs.get(session, submitted.id)
        runs = jobs.stage_runs(session, submitted.id)
    assert (done.state, done.error) == (JobState.SUCCEEDED, None)
    assert done.report is not None
    head = registry.resolve("ann", "tickets")
    assert registry.resolve("ann", "tickets", "candidate").oid == head.oid
    (nominated,) = registry.promotions.history("ann", "tickets")
    assert (nominated.kind, nominated.job_id, nominated.alias) == ("job", submitted.id, "candidate")
    assert done.model == ModelReference("ann", "tickets", head.oid)
    assert [(run.name, run.detail) for run in runs] == [
        (s["name"], s["detail"]) for s in done.report["stages"]
    ]
    paths = {entry.path for entry in registry.files(head)}
    assert {"README.md", "gts.json", "lineage.json", "config.json", "model.safetensors"} <= paths
    pulled = registry.materialize("ann", "tickets", "main", tmp_path / "pulled")
    metrics = read_manifest(pulled).metrics
    assert metrics["estimate"] == done.report["estimate"]
    (chosen,) = (student for student in done.report["students"] if student["published"])
    assert metrics["student"] == {name: chosen[name] for name in metrics["student"]}
    lineage = read_lineage(pulled)
    assert lineage["data"]["gold"] == done.report["counts"]["gold"]
    assert [call["name"] for call in lineage["calls"]][-1] == "package"
    assert "evaluate" not in {call["name"] for call in lineage["calls"]}
    assert "ann/tickets" in (pulled / "README.md").read_text("utf-8")
    assert list((store.root / "tmp").iterdir()) == []
    data = registry.get("ann", "tickets-data", kind=Kind.DATASET)
    assert data.private
    learnt = registry.resolve("ann", "tickets-data", kind=Kind.DATASET)
    gold = registry.read(learnt, "gold.jsonl")
    assert gold is not None and len(gold.splitlines()) == done.report["counts"]["gold"]
    assert b"config_name: gold" in (registry.read(learnt, "README.md") or b"")


def test_a_job_that_is_run_twice_publishes_once(
    store: ArtifactStore, registry: Registry, sqlite_database: Database, submitted: Job
) -> None:
    run = job_runner(registry, sqlite_database)
    compute = InlineCompute(store, canned(logits_of({})))

    first, second = (run(submitted, store, compute, Log()) for _ in range(2))

    assert first.model == second.model
    assert commits(registry) == 1


def test_a_continued_job_heeds_its_new_wishes_and_publishes_again(
    sqlite_database: Database,
    store: ArtifactStore,
    registry: Registry,
    submit_to: Callable[[Database], Submit],
) -> None:
    spec = TaskSpec.model_validate(
        {"name": "tickets", "labels": list(LABELS), "language": "en", "budget": {"seconds": 5}}
    )
    job = submit_to(sqlite_database)(
        task_artifact=task(store, budget={"seconds": 5}), spec=spec.model_dump(mode="json")
    )
    compute = InlineCompute(store, canned(logits_of({"static": 0.7, "mini": 0.9})))
    worker = Worker(sqlite_database, store, compute, job_runner(registry, sqlite_database))

    def run_again(changes: Mapping[str, Any]) -> Job:
        with sqlite_database.writing() as session:
            steering.continue_(session, job.id, changes, by="ann")
        assert worker.run_once()
        with sqlite_database.reading() as session:
            return jobs.get(session, job.id)

    assert worker.run_once()
    with sqlite_database.reading() as session:
        first = jobs.get(session, job.id)
    second = run_again({"budget": {"seconds": 400}})
    third = run_again({})

    assert first.report is not None and second.report is not None and third.report is not None
    assert [done.report["tier"] for done in (first, second, third)] == ["static", "mini", "mini"]
    assert (second.task_artifact, second.id) == (first.task_artifact, first.id)
    assert second.model != first.model
    assert third.model == second.model, "the student is the same"
    assert all(stage["cached"] for stage in third.report["stages"])
    assert [r.job_id for r in registry.history("ann", "tickets")] == [job.id, job.id]


def test_a_continued_job_that_dies_after_publishing_publishes_once(
    store: ArtifactStore, registry: Registry, sqlite_database: Database, submitted: Job
) -> None:
    run = job_runner(registry, sqlite_database)
    compute = InlineCompute(store, canned(logits_of({})))
    first_task, other_task = (task(store, student={"tier": tier}) for tier in ("static", "mini"))
    earlier = run(replace(submitted, task_artifact=first_task), store, compute, Log())

    continued = replace(submitted, model=earlier.model, task_artifact=other_task)
    first, second = (run(continued, store, compute, Log()) for _ in range(2))

    assert first.model == second.model != earlier.model
    assert commits(registry) == 2


def test_two_jobs_publish_two_revisions(
    sqlite_database: Database,
    store: ArtifactStore,
    registry: Registry,
    submitted: Job,
    submit_to: Callable[[Database], Submit],
) -> None:
    other = submit_to(sqlite_database)(task_artifact=task(store, seed=1))
    compute = InlineCompute(store, canned(logits_of({})))

    revisions = [
        job_runner(registry, sqlite_database)(job, store, compute, Log()).model.revision
        for job in (submitted, other)
    ]

    assert len(set(revisions)) == 2
    assert registry.resolve("ann", "tickets").oid == revisions[1]
    assert registry.resolve("ann", "tickets", "candidate").oid == revisions[1]


@pytest.mark.parametrize("last", ["teach", "package"])
def test_a_job_stopped_before_it_publishes_leaves_nothing(
    store: ArtifactStore, registry: Registry, sqlite_database: Database, submitted: Job, last: str
) -> None:
    compute = InlineCompute(store, canned(logits_of({}), encoder=None))

    with pytest.raises(Cancelled):
        job_runner(registry, sqlite_database)(submitted, store, compute, Log(stop_after=last))

    assert commits(registry) == 0
    assert list((store.root / "tmp").iterdir()) == []


def test_a_task_that_is_not_stored_fails_with_a_clear_word(
    sqlite_database: Database,
    store: ArtifactStore,
    registry: Registry,
    submit_to: Callable[[Database], Submit],
) -> None:
    job = submit_to(sqlite_database)(task_artifact="0" * 64)
    Worker(
        sqlite_database,
        store,
        InlineCompute(store, canned(logits_of({}))),
        job_runner(registry, sqlite_database),
    ).run_once()

    with sqlite_database.reading() as session:
        done = jobs.get(session, job.id)
    assert done.state == JobState.FAILED
    assert done.error is not None
    assert done.error["code"] == "not_found"
    assert commits(registry) == 0


def test_another_budget_or_tier_repeats_no_stage(store: ArtifactStore) -> None:
    ran: list[str] = []
    stages = canned(logits_of({"mini": 0.9}), ran=ran)
    first, _ = produce(store, stages, task(store, budget={"seconds": 3600}))
    before = len(ran)

    again, report = produce(
        store, stages, task(store, budget={"seconds": 4000}, student={"tier": "static"}, goal={"target": 1.0})
    )

    assert ran[before:] == ["expect"]  # what that one will reach had not been asked
    assert all(stage["cached"] for stage in report["stages"] if stage["name"] != "expect")
    assert (first.trial.tier, again.trial.tier) == ("mini", "static")


def test_only_the_evaluation_is_given_the_test_texts(store: ArtifactStore) -> None:
    ran: list[str] = []
    stages = canned(logits_of({}), ran=ran)
    produce(store, stages, task(store, test=0))
    before = len(ran)

    _, report = produce(store, stages, task(store, test=9))

    assert ran[before:] == ["evaluate", "evaluate"]
    assert report["test"]["student"]["n"] == 9
