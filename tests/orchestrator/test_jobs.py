from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import StatementError

from gts.core.database import Database
from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.orchestrator import events, jobs, queue, steering
from gts.orchestrator.records import Job
from gts.orchestrator.states import TRANSITIONS, JobState

Submit = Callable[..., Job]


def test_a_submitted_job_waits(database: Database, submit: Submit) -> None:
    job = submit(spec={"labels": {"Größe": "ü"}})

    with database.reading() as session:
        assert jobs.get(session, job.id) == job
        assert [event.data for event in events.after(session, job.id)] == [{"state": "queued"}]
        assert jobs.counts(session) == {
            "queued": 1,
            "running": 0,
            "waiting": 0,
            "succeeded": 0,
            "failed": 0,
            "cancelled": 0,
        }
    assert (job.state, job.attempts, job.spec) == (JobState.QUEUED, 0, {"labels": {"Größe": "ü"}})


def test_the_same_key_gives_the_same_job(submit: Submit) -> None:
    first = submit(idempotency_key="k")

    assert submit(idempotency_key="k") == first
    assert submit(idempotency_key="k", owner="bob").id != first.id
    assert submit().id != submit().id


def test_the_same_key_for_another_request_is_a_conflict(submit: Submit) -> None:
    submit(idempotency_key="k")

    with pytest.raises(Conflict, match="used for another request"):
        submit(idempotency_key="k", spec={"seed": 2})


def test_the_same_key_at_the_same_moment_gives_one_job(submit: Submit) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: submit(idempotency_key="k").id, range(16)))

    assert len(set(found)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_bad_key_is_refused(submit: Submit, key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 255"):
        submit(idempotency_key=key)


def test_what_is_not_json_is_refused_by_every_database(submit: Submit) -> None:
    with pytest.raises((StatementError, ValueError)):
        submit(spec={"value": float("nan")})


def test_an_owner_sees_only_their_jobs(database: Database, submit: Submit) -> None:
    mine, other = submit(), submit(owner="bob")

    with database.reading() as session:
        assert [job.id for job in jobs.list_jobs(session, owner="ann").jobs] == [mine.id]
        with pytest.raises(NotFound):
            jobs.get(session, other.id, owner="ann")


def test_pages_go_from_newest_to_oldest(database: Database, submit: Submit) -> None:
    ids = [submit().id for _ in range(5)]

    with database.reading() as session:
        first = jobs.list_jobs(session, limit=2)
        submit()
        second = jobs.list_jobs(session, limit=2, cursor=first.next_cursor)
        third = jobs.list_jobs(session, limit=2, cursor=second.next_cursor)
        assert jobs.list_jobs(session, state=JobState.FAILED).jobs == ()
        with pytest.raises(InvalidInput, match="limit is 0"):
            jobs.list_jobs(session, limit=0)

    seen = [job.id for page in (first, second, third) for job in page.jobs]
    assert seen == sorted(ids, reverse=True)
    assert third.next_cursor is None


def test_cancelling_a_waiting_job_ends_it(database: Database, submit: Submit) -> None:
    job = submit()

    with database.writing() as session:
        ended = steering.cancel(session, job.id)
    with database.writing() as session:
        assert steering.cancel(session, job.id) == ended
        assert queue.claim(session, "w") is None
        assert [event.seq for event in events.after(session, job.id)] == [1, 2]
    assert ended.state == JobState.CANCELLED
    assert ended.finished_at is not None


def test_cancelling_a_running_job_asks_its_worker(database: Database, submit: Submit) -> None:
    submit()
    with database.writing() as session:
        job = queue.claim(session, "w")
    assert job is not None
    with database.writing() as session:
        asked = steering.cancel(session, job.id)
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)

    with database.writing() as session:
        assert queue.heartbeat(session, job.id, job.fence) is True
    with database.writing() as session:
        queue.cancelled(session, job.id, job.fence)
    with database.reading() as session:
        assert jobs.get(session, job.id).state == JobState.CANCELLED


def test_a_finished_job_cannot_be_cancelled(database: Database, submit: Submit) -> None:
    submit()
    with database.writing() as session:
        job = queue.claim(session, "w")
        assert job is not None
        queue.fail(session, job.id, job.fence, NotFound("no weights", mend="get them"))

    with database.writing() as session, pytest.raises(Conflict, match="has failed already"):
        steering.cancel(session, job.id)
    with database.reading() as session:
        failed = jobs.get(session, job.id)
    assert failed.error == {"code": "not_found", "message": "no weights", "mend": "get them", "details": {}}


def test_unknown_jobs_are_not_found(database: Database) -> None:
    with database.writing() as session:
        with pytest.raises(NotFound):
            steering.cancel(session, "nothing")
        with pytest.raises(NotFound):
            jobs.get(session, "nothing")
        assert events.after(session, "nothing") == []


def test_only_a_person_leads_out_of_the_end_of_a_job() -> None:
    ended = {state for state in JobState if state.has_ended}
    assert ended == {"succeeded", "failed", "cancelled"}
    assert {target for state in ended for target in TRANSITIONS[state]} == {JobState.QUEUED}
    assert {state for state in JobState if state.is_active} == {"queued", "running"}
    assert set(TRANSITIONS) == set(JobState)
