from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.core.errors import Unavailable
from gts.orchestrator import jobs, queue
from gts.orchestrator.knock import NoKnock
from gts.orchestrator.reconciler import TEMPORARY_FOR_S, Reconciler
from gts.orchestrator.records import Job
from gts.orchestrator.states import JobState

Submit = Callable[..., Job]


class Heard(NoKnock):
    """Keeps the knocks."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def knock(self, job_id: str) -> None:
        self.ids.append(job_id)


def test_expired_jobs_wait_again_and_are_knocked_for(
    database: Database, store: ArtifactStore, submit: Submit, clock
) -> None:
    heard = Heard()
    reconciler = Reconciler(database, store, heard, period_s=5, clock=clock)
    submit(clock=clock)
    with database.writing() as session:
        job = queue.claim(session, "w", clock=clock)
    assert job is not None

    reconciler.tick()
    assert heard.ids == []

    clock.advance(31)
    reconciler.tick()
    reconciler.tick()
    assert heard.ids == [job.id, job.id]
    with database.reading() as session:
        assert jobs.get(session, job.id).state == JobState.QUEUED


def test_a_fresh_job_is_left_to_its_first_knock(
    database: Database, store: ArtifactStore, submit: Submit, clock
) -> None:
    heard = Heard()
    reconciler = Reconciler(database, store, heard, period_s=5, clock=clock)
    job = submit(clock=clock)

    reconciler.tick()
    assert heard.ids == []
    clock.advance(5)
    reconciler.tick()
    assert heard.ids == [job.id]


def test_leftovers_of_dead_processes_are_removed(sqlite_database: Database, store: ArtifactStore) -> None:
    with store.workspace() as young, store.workspace() as old:
        age = old.stat().st_mtime - TEMPORARY_FOR_S - 60
        os.utime(old, (age, age))

        Reconciler(sqlite_database, store, NoKnock()).tick()

        assert young.exists()
        assert not old.exists()


def test_further_cleaners_are_called_at_once_but_not_in_every_round(
    sqlite_database: Database, store: ArtifactStore
) -> None:
    called: list[str] = []

    def clean() -> int:
        called.append("clean")
        return 1

    reconciler = Reconciler(sqlite_database, store, NoKnock(), cleaners=[clean, clean])
    reconciler.tick()
    reconciler.tick()

    assert len(called) == 2


def test_it_outlives_storage_that_does_not_answer(sqlite_database: Database, store: ArtifactStore) -> None:
    rounds = threading.Semaphore(0)

    class Counting(NoKnock):
        def knock(self, job_id: str) -> None:
            rounds.release()

    def clean() -> int:
        raise Unavailable("the storage does not answer")

    with sqlite_database.writing() as session:
        jobs.submit(
            session, owner="ann", namespace="ann", name="t", spec={}, task_artifact="a", idempotency_key=None
        )
    reconciler = Reconciler(sqlite_database, store, Counting(), period_s=0.05, cleaners=[clean])
    reconciler.start()

    assert rounds.acquire(timeout=20) and rounds.acquire(timeout=20), "it goes on after the failed round"
    reconciler.stop()


def test_it_runs_by_itself_until_stopped(
    sqlite_database: Database, store: ArtifactStore, tmp_path: Path
) -> None:
    heard = threading.Event()

    class Knocked(NoKnock):
        def knock(self, job_id: str) -> None:
            heard.set()

    with sqlite_database.writing() as session:
        jobs.submit(
            session, owner="ann", namespace="ann", name="t", spec={}, task_artifact="a", idempotency_key=None
        )
    reconciler = Reconciler(sqlite_database, store, Knocked(), period_s=0.05)
    reconciler.start()

    assert heard.wait(20)
    reconciler.stop()
