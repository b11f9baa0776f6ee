from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gts.core.database import Database
from gts.core.errors import LeaseLost, NotFound
from gts.orchestrator import events, jobs, queue, steering, turns
from gts.orchestrator.clock import Clock
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.states import JobState

Submit = Callable[..., Job]
MODEL = ModelReference("ann", "tickets", "a" * 40)


def claim(database: Database, clock: Clock, worker: str = "w") -> Job:
    with database.writing() as session:
        job = queue.claim(session, worker, clock=clock)
    assert job is not None
    return job


def read(database: Database, job: Job) -> Job:
    with database.reading() as session:
        return jobs.get(session, job.id)


def test_jobs_are_claimed_in_the_order_they_came(database: Database, submit: Submit, clock) -> None:
    submitted = [submit().id for _ in range(3)]

    claimed = [claim(database, clock) for _ in range(3)]

    assert [job.id for job in claimed] == sorted(submitted)
    assert {(job.state, job.fence, job.attempts, job.worker) for job in claimed} == {("running", 1, 1, "w")}
    with database.writing() as session:
        assert queue.claim(session, "w", clock=clock) is None


def test_shorter_jobs_go_first_until_a_long_one_has_waited_its_time(
    database: Database, submit: Submit, clock
) -> None:
    def wanting(seconds: float) -> Job:
        return submit(spec={"budget": {"seconds": seconds}}, clock=clock)

    long, short = wanting(1000), wanting(100)
    clock.advance(3500)
    soon = wanting(100)
    clock.advance(200)
    late = wanting(100)

    claimed = [claim(database, clock).id for _ in range(4)]

    assert claimed == [short.id, soon.id, long.id, late.id]


def test_an_owner_who_floods_the_queue_does_not_hold_up_others(
    database: Database, submit: Submit, clock
) -> None:
    flood = {submit(owner="ann", clock=clock).id for _ in range(20)}
    assert {claim(database, clock).id for _ in range(3)} <= flood

    clock.advance(600)
    others = [submit(owner=owner, clock=clock).id for owner in ("bob", "eve")]

    assert {claim(database, clock).id for _ in range(2)} == set(others)
    clock.advance(3600 * 25)
    assert claim(database, clock).id in flood


def test_compute_is_forgotten_after_a_day(database: Database, submit: Submit, clock) -> None:
    submit(owner="ann", clock=clock)
    held = claim(database, clock)
    clock.advance(500)
    with database.writing() as session:
        queue.finish(session, held.id, held.fence, {}, MODEL, clock=clock)
        assert turns.served_of_late(session, clock.moment) == {"ann": 500.0}
    submit(owner="bob", clock=clock)
    claim(database, clock)
    with database.reading() as session:
        assert turns.served_of_late(session, clock.moment) == {"ann": 500.0, "bob": 170.0}
    clock.advance(3600 * 24 + 1)
    with database.reading() as session:
        assert turns.served_of_late(session, clock.moment) == {}


def test_of_a_flood_the_oldest_jobs_are_looked_at(
    database: Database, submit: Submit, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "OF_EACH_OWNER", 2)
    first, second = (submit(clock=clock) for _ in range(2))
    short = submit(spec={"budget": {"seconds": 1}}, clock=clock)
    other = submit(owner="bob", spec={"budget": {"seconds": 50}}, clock=clock)

    claimed = [claim(database, clock).id for _ in range(4)]

    assert claimed == [other.id, first.id, short.id, second.id]


def test_each_job_is_claimed_once_by_threads(database: Database, submit: Submit) -> None:
    submitted = {submit().id for _ in range(40)}
    barrier = threading.Barrier(8)

    def work(name: int) -> list[str]:
        barrier.wait()
        mine = []
        while True:
            with database.writing() as session:
                job = queue.claim(session, str(name))
            if job is None:
                return mine
            mine.append(job.id)
            with database.writing() as session:
                queue.finish(session, job.id, job.fence, {"worker": name}, MODEL)

    with ThreadPoolExecutor(8) as pool:
        claimed = Counter(job_id for mine in pool.map(work, range(8)) for job_id in mine)

    assert claimed == Counter(submitted)
    with database.reading() as session:
        assert jobs.counts(session)["succeeded"] == 40


def test_each_job_is_claimed_once_by_processes(database: Database, database_url: str, submit: Submit) -> None:
    submitted = {submit().id for _ in range(40)}
    code = (
        "import sys\n"
        "from gts.core.database import Database\n"
        "from gts.orchestrator import queue\n"
        "database = Database(sys.argv[1])\n"
        "while True:\n"
        "    with database.writing() as session:\n"
        "        job = queue.claim(session, sys.argv[2])\n"
        "    if job is None:\n"
        "        break\n"
        "    print(job.id)\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, database_url, str(n)], stdout=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    outputs = [worker.communicate()[0] for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert Counter(" ".join(outputs).split()) == Counter(submitted)


def test_a_heartbeat_keeps_the_lease(database: Database, submit: Submit, clock) -> None:
    submit()
    job = claim(database, clock)
    for _ in range(3):
        clock.advance(20)
        with database.writing() as session:
            assert queue.heartbeat(session, job.id, job.fence, clock=clock) is False
            assert queue.release_expired(session, clock=clock) == []

    assert read(database, job).heartbeat_at == clock.moment


def test_a_worker_that_slept_past_its_lease_can_write_nothing(
    database: Database, submit: Submit, clock
) -> None:
    submit()
    late = claim(database, clock, "late")
    clock.advance(31)
    with database.writing() as session:
        assert queue.release_expired(session, clock=clock) == [late.id]
    writes = [
        lambda session: queue.heartbeat(session, late.id, late.fence, clock=clock),
        lambda session: queue.finish(session, late.id, late.fence, {"who": "late"}, MODEL, clock=clock),
        lambda session: queue.fail(session, late.id, late.fence, NotFound("x"), clock=clock),
        lambda session: queue.cancelled(session, late.id, late.fence, clock=clock),
        lambda session: queue.give_back(session, late.id, late.fence, clock=clock),
    ]

    def refused() -> None:
        for write in writes:
            with pytest.raises(LeaseLost), database.writing() as session:
                write(session)

    refused()  # while nobody holds it
    job = claim(database, clock, "new")
    assert job.fence == late.fence + 1
    refused()  # while another holds it
    with database.writing() as session:
        queue.finish(session, job.id, job.fence, {"who": "new"}, MODEL, clock=clock)
    refused()  # after its end

    done = read(database, job)
    assert (done.state, done.report, done.model, done.worker) == ("succeeded", {"who": "new"}, MODEL, None)
    assert done.started_at == late.started_at
    with database.reading() as session:
        states = [event.data["state"] for event in events.after(session, job.id)]
    assert states == ["queued", "running", "queued", "running", "succeeded"]


def test_a_job_over_which_workers_die_fails_in_the_end(database: Database, submit: Submit, clock) -> None:
    job = submit()
    for _ in range(3):
        claim(database, clock)
        clock.advance(31)
        with database.writing() as session:
            queue.release_expired(session, max_attempts=3, clock=clock)

    failed = read(database, job)
    assert failed.state == JobState.FAILED
    assert failed.error is not None
    assert failed.error["message"] == "3 workers in a row died or froze while running this job"
    assert "memory" in failed.error["mend"]


def test_an_orderly_shutdown_does_not_count_as_an_attempt(database: Database, submit: Submit, clock) -> None:
    submit()
    for _ in range(3):
        job = claim(database, clock)
        with database.writing() as session:
            queue.give_back(session, job.id, job.fence, clock=clock)

    waiting = read(database, job)
    assert (waiting.state, waiting.attempts, waiting.fence) == ("queued", 0, 3)


def test_a_cancelled_job_whose_worker_died_ends_as_cancelled(
    database: Database, submit: Submit, clock
) -> None:
    submit()
    job = claim(database, clock)
    with database.writing() as session:
        steering.cancel(session, job.id, clock=clock)
    clock.advance(31)
    with database.writing() as session:
        queue.release_expired(session, clock=clock)

    assert read(database, job).state == JobState.CANCELLED


def test_events_of_concurrent_writers_have_no_gaps(database: Database, submit: Submit, clock) -> None:
    job = submit()

    def write(number: int) -> None:
        for _ in range(5):
            with database.writing() as session:
                events.append(session, job.id, clock(session), "note", {"n": number})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))

    with database.reading() as session:
        assert [event.seq for event in events.after(session, job.id)] == list(range(1, 32))
        assert [event.seq for event in events.after(session, job.id, 29)] == [30, 31]
        assert len(events.after(session, job.id, limit=7)) == 7
