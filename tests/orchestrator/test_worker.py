from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lab_worker
import pytest
from lab_stages import STAGES
from sqlalchemy.exc import OperationalError

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.core.errors import Cancelled, DataError, LeaseLost
from gts.orchestrator import events, jobs, queue, steering
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.knock import CeleryKnock
from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.states import JobState
from gts.orchestrator.worker import Outcome, RunJob, Worker

Submit = Callable[..., Job]
PATIENCE_S = 20


def worker(database: Database, store: ArtifactStore, run_job: RunJob, **options: Any) -> Worker:
    return Worker(database, store, InlineCompute(store, STAGES), run_job, **({"poll_s": 0.05} | options))


@contextmanager
def running(worker: Worker) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join()


def read(database: Database, job: Job) -> Job:
    with database.reading() as session:
        return jobs.get(session, job.id)


def wait_for(database: Database, job: Job, *states: JobState) -> Job:
    deadline = time.monotonic() + PATIENCE_S
    while (found := read(database, job)).state not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def until_stopped(job: Job, store: ArtifactStore, compute: Any, recorder: Any) -> Outcome:
    while not recorder.should_stop():
        time.sleep(0.01)
    raise Cancelled("stopped")


def test_a_job_runs_and_leaves_its_account(
    database: Database, store: ArtifactStore, submit: Submit, tmp_path: Path
) -> None:
    job = submit(spec={"stages": ["a", "b"], "log": str(tmp_path / "log"), "steps": 1})

    assert worker(database, store, lab_worker.run_job).run_once() is True

    done = read(database, job)
    assert (done.state, done.report) == (JobState.SUCCEEDED, {"text": "ab"})
    assert done.model == ModelReference("ann", "tickets", "a" * 40)
    with database.reading() as session:
        runs = jobs.stage_runs(session, job.id)
        kinds = [event.kind for event in events.after(session, job.id)]
    assert [(run.detail, run.state, run.cached, run.forecast_seconds) for run in runs] == [
        ("a", "finished", False, 1.0),
        ("b", "finished", False, 1.0),
    ]
    assert runs[0].summary is not None
    assert kinds[0] == kinds[-1] == "state"
    assert kinds.count("stage_started") == kinds.count("stage_finished") == 2
    assert "progress" in kinds
    assert worker(database, store, lab_worker.run_job).run_once() is False


def test_decisions_keep_forecast_and_outcome(
    sqlite_database: Database, store: ArtifactStore, submit_to
) -> None:
    def run_job(job: Job, store: ArtifactStore, compute: Any, recorder: Any) -> Outcome:
        first = recorder.decision("teach encoder", "cheapest", {"seconds": 3.0})
        recorder.outcome(first, {"value": 0.8})
        recorder.decision("stop", "good enough", {})
        return Outcome({}, ModelReference("ann", "t", "a" * 40))

    job = submit_to(sqlite_database)()
    worker(sqlite_database, store, run_job).run_once()

    with sqlite_database.reading() as session:
        found = jobs.decisions(session, job.id)
    assert [(d.seq, d.action, d.reason, d.forecast, d.outcome) for d in found] == [
        (1, "teach encoder", "cheapest", {"seconds": 3.0}, {"value": 0.8}),
        (2, "stop", "good enough", {}, None),
    ]


def test_an_error_made_on_purpose_is_shown(
    sqlite_database: Database, store: ArtifactStore, submit_to
) -> None:
    def run_job(*_: Any) -> Outcome:
        raise DataError("row 3 has no text", mend="add one", line=3)

    job = submit_to(sqlite_database)()
    worker(sqlite_database, store, run_job).run_once()

    failed = read(sqlite_database, job)
    assert failed.state == JobState.FAILED
    assert failed.error == DataError("row 3 has no text", mend="add one", line=3).as_json()["error"]


def test_a_mistake_of_ours_is_logged_and_not_shown(
    sqlite_database: Database, store: ArtifactStore, submit_to, caplog: pytest.LogCaptureFixture
) -> None:
    def run_job(*_: Any) -> Outcome:
        raise KeyError("internal detail")

    job = submit_to(sqlite_database)()
    with caplog.at_level(logging.ERROR):
        worker(sqlite_database, store, run_job).run_once()

    failed = read(sqlite_database, job)
    assert failed.error is not None
    assert failed.error["code"] == "internal"
    assert "internal detail" not in str(failed.error)
    assert job.id in failed.error["mend"]
    assert "internal detail" in caplog.text


def test_a_full_disk_under_the_database_is_called_so(
    sqlite_database: Database, store: ArtifactStore, submit_to, caplog: pytest.LogCaptureFixture
) -> None:
    def run_job(*_: Any) -> Outcome:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    job = submit_to(sqlite_database)()
    with caplog.at_level(logging.WARNING):
        worker(sqlite_database, store, run_job).run_once()

    assert f"job {job.id}: the database has no space left to write; left to its lease" in caplog.text
    assert read(sqlite_database, job).state == JobState.RUNNING


def test_cancelling_ends_a_running_job(database: Database, store: ArtifactStore, submit: Submit) -> None:
    job = submit()
    with running(worker(database, store, until_stopped, heartbeat_s=0.1)):
        wait_for(database, job, JobState.RUNNING)
        with database.writing() as session:
            steering.cancel(session, job.id)

        assert wait_for(database, job, JobState.CANCELLED).worker is None


def test_a_shutdown_gives_the_job_back(database: Database, store: ArtifactStore, submit: Submit) -> None:
    job = submit()
    with running(worker(database, store, until_stopped)):
        wait_for(database, job, JobState.RUNNING)

    waiting = read(database, job)
    assert (waiting.state, waiting.attempts, waiting.fence) == (JobState.QUEUED, 0, 1)


def test_a_worker_that_lost_its_job_stops_and_writes_nothing(
    database: Database, store: ArtifactStore, submit: Submit
) -> None:
    job = submit()
    with running(worker(database, store, until_stopped, heartbeat_s=0.1, name="first")) as thread:
        wait_for(database, job, JobState.RUNNING)
        with database.writing() as session:  # as if its lease had run out while it was frozen
            queue.give_back(session, job.id, 1)
            other = queue.claim(session, "second")
        assert other is not None
        deadline = time.monotonic() + PATIENCE_S
        while thread.is_alive() and any(t.name == f"lease-{job.id}" for t in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    held = read(database, job)
    assert (held.state, held.worker, held.fence) == (JobState.RUNNING, "second", 2)


def test_a_recorder_of_an_old_attempt_is_refused(database: Database, submit: Submit) -> None:
    submit()
    with database.writing() as session:
        job = queue.claim(session, "w")
        assert job is not None
        queue.give_back(session, job.id, job.fence)
    recorder = JobRecorder(database, job)

    for write in (
        lambda: recorder.event("note", {}),
        lambda: recorder.decision("stop", "", {}),
        lambda: recorder.finish({}, ModelReference("a", "b", "c")),
    ):
        with pytest.raises(LeaseLost):
            write()


def test_progress_is_thinned_out(sqlite_database: Database, submit_to) -> None:
    submit_to(sqlite_database)()
    with sqlite_database.writing() as session:
        job = queue.claim(session, "w")
    assert job is not None
    recorder = JobRecorder(sqlite_database, job)
    for step in range(100):
        recorder.event("progress", {"fraction": step / 100})

    with sqlite_database.reading() as session:
        kinds = [event.kind for event in events.after(session, job.id)]
    assert kinds.count("progress") < 10


def test_a_knock_wakes_a_worker_that_polls_rarely(
    sqlite_database: Database, store: ArtifactStore, submit_to, redis_url: str
) -> None:
    def run_job(*_: Any) -> Outcome:
        return Outcome({}, ModelReference("ann", "t", "a" * 40))

    sleepy = worker(sqlite_database, store, run_job, poll_s=3600)
    knock = CeleryKnock(redis_url)
    knock.listen(sleepy.wake)
    with running(sleepy):
        for _ in range(2):
            job = submit_to(sqlite_database)()
            knock.knock(job.id)
            knock.knock(job.id)  # doubled
            wait_for(sqlite_database, job, JobState.SUCCEEDED)
        sleepy.stop()
        sleepy.wake()
    knock.close()
