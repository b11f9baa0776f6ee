"""Worker processes that are killed, frozen or stopped in the middle: nothing is lost and nothing done twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator import jobs, steering
from gts.orchestrator.compute.ray_cluster import end_orphans, session_folder
from gts.orchestrator.records import Job
from gts.orchestrator.states import JobState
from gts.orchestrator.tables import JobRow

Start = Callable[[], "subprocess.Popen[str]"]
PATIENCE_S = 60


@pytest.fixture
def start(database: Database, database_url: str, store: ArtifactStore, lab_folder: Path) -> Iterator[Start]:
    """Starts a worker process with inline compute and a lease of 1.5 s."""
    yield from _starter(database_url, store, lab_folder, "inline")


@pytest.fixture
def start_ray(sqlite_database: Database, store: ArtifactStore, lab_folder: Path) -> Iterator[Start]:
    """The same with Ray compute, on SQLite."""
    yield from _starter(sqlite_database.url, store, lab_folder, "ray")
    folder = session_folder(store.root.parent / "ray")
    end_orphans(folder)
    shutil.rmtree(folder.parent)


def _starter(url: str, store: ArtifactStore, lab: Path, kind: str) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, str(lab / "lab_worker.py"), url, str(store.root), kind]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout is not None
        assert processes[-1].stdout.readline() == "ready\n"
        return processes[-1]

    yield start
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(log: Path, stage: str) -> int:
    path = Path(f"{log}.{stage}")
    return len(path.read_text().splitlines()) if path.exists() else 0


def state(database: Database, job: Job) -> JobState:
    with database.reading() as session:
        return jobs.get(session, job.id).state


def task(log: Path, steps: int = 12) -> dict[str, object]:
    return {"spec": {"stages": ["a", "b", "c"], "log": str(log), "steps": steps}}


def test_after_a_kill_in_the_middle_finished_stages_are_not_repeated(
    database: Database, submit, start: Start, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first = start()
    job = submit(**task(log))
    wait(lambda: runs(log, "b") == 1)
    first.kill()
    first.wait()

    start()
    wait(lambda: state(database, job).has_ended)

    assert state(database, job) == JobState.SUCCEEDED
    assert [runs(log, stage) for stage in "abc"] == [1, 2, 1]
    with database.reading() as session:
        done = jobs.get(session, job.id)
        cached = [run.cached for run in jobs.stage_runs(session, job.id)]
        before = [run.state for run in jobs.stage_runs(session, job.id, fence=1)]
    assert (done.report, done.fence) == ({"text": "abc"}, 2)
    assert cached == [True, False, False]
    assert before == ["finished", "stopped"]


def test_after_a_kill_between_stages_none_is_repeated(
    database: Database, submit, start: Start, store: ArtifactStore, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first = start()
    job = submit(**task(log, steps=6))
    wait(lambda: len(list((store.root / "stages").glob("*.json"))) == 1)
    first.kill()
    first.wait()

    start()
    wait(lambda: state(database, job).has_ended)

    assert state(database, job) == JobState.SUCCEEDED
    assert runs(log, "a") == runs(log, "c") == 1
    assert runs(log, "b") <= 2  # it may have begun before the kill


def has_stopped(pid: int) -> bool:
    """Whether every thread of a process stands still; the main thread does so before the others."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


def freeze(process: subprocess.Popen[str], database: Database, job: Job) -> bool:
    """Stop a process between two of its transactions; where it is in the middle of one, let it go on."""
    row = select(JobRow.id).where(JobRow.id == job.id)
    with database.writing() as session:
        session.scalars(row).one()  # begins the transaction: on SQLite nobody else is in one now
        process.send_signal(signal.SIGSTOP)
        wait(lambda: has_stopped(process.pid))
        free = session.scalars(row.with_for_update(skip_locked=True)).one_or_none()
    if free is None:
        process.send_signal(signal.SIGCONT)
    return free is not None


def test_a_worker_frozen_past_its_lease_does_no_harm(
    database: Database, submit, start: Start, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    frozen = start()
    job = submit(**task(log))
    wait(lambda: runs(log, "a") == 1)
    wait(lambda: freeze(frozen, database, job))
    start()
    wait(lambda: runs(log, "b") == 1)
    frozen.send_signal(signal.SIGCONT)
    wait(lambda: state(database, job).has_ended)

    with database.reading() as session:
        done = jobs.get(session, job.id)
    assert (done.state, done.fence, done.report) == (JobState.SUCCEEDED, 2, {"text": "abc"})
    assert runs(log, "c") == 1


def test_sigterm_gives_the_job_back_and_another_worker_goes_on(
    database: Database, submit, start: Start, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first = start()
    job = submit(**task(log))
    wait(lambda: runs(log, "b") == 1)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0
    assert state(database, job) == JobState.QUEUED

    start()
    wait(lambda: state(database, job).has_ended)
    assert state(database, job) == JobState.SUCCEEDED
    assert runs(log, "a") == 1


def test_with_ray_a_killed_worker_and_a_cancel(
    sqlite_database: Database, submit_to, start_ray: Start, store: ArtifactStore, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    submit = submit_to(sqlite_database)
    first = start_ray()
    job = submit(**task(log, steps=30))
    wait(lambda: runs(log, "b") == 1)
    first.kill()
    first.wait()

    second = start_ray()
    wait(lambda: state(sqlite_database, job).has_ended)
    assert state(sqlite_database, job) == JobState.SUCCEEDED
    assert runs(log, "a") == runs(log, "c") == 1
    assert runs(log, "b") <= 2  # Ray's process may outlive its owner long enough to finish the stage

    job = submit(**task(tmp_path / "other", steps=1000))
    wait(lambda: runs(tmp_path / "other", "a") == 1)
    with sqlite_database.writing() as session:
        steering.cancel(session, job.id)
    wait(lambda: state(sqlite_database, job) == JobState.CANCELLED)

    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE_S) == 0
    assert list(session_folder(store.root.parent / "ray").glob("session_*")) == []
