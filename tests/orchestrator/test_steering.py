"""What people do with jobs that are there: change, cancel, continue, finish; and jobs that wait for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gts.core.database import Database
from gts.core.errors import Conflict, InvalidInput, LeaseLost, NotFound
from gts.orchestrator import events, jobs, queue, steering
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.wishes import Wishes
from gts.tasks.spec import Budget, Goal, TaskSpec

Submit = Callable[..., Job]
MODEL = ModelReference("ann", "tickets", "a" * 40)
ASKING = {"questions": {"open": 2}}
SPEC = TaskSpec(name="tickets", budget=Budget(seconds=100, tokens=50), goal=Goal(target=0.9))


@pytest.fixture
def job(database: Database, submit: Submit, clock: Any) -> Job:
    return submit(spec=SPEC.model_dump(mode="json"), clock=clock)


def claim(database: Database, clock: Any) -> Job:
    with database.writing() as session:
        job = queue.claim(session, "w", clock=clock)
    assert job is not None
    return job


def act(database: Database, what: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with database.writing() as session:
        return what(session, *args, **options)


def told(database: Database, job: Job) -> list[tuple[str, Any]]:
    with database.reading() as session:
        return [(event.kind, event.data.get("state")) for event in events.after(session, job.id)]


def wait(database: Database, clock: Any) -> Job:
    """A job that waits for a person."""
    held = claim(database, clock)
    act(database, queue.wait, held.id, held.fence, ASKING, MODEL, clock=clock)
    with database.reading() as session:
        return jobs.get(session, held.id)


# Changing


def test_a_change_is_told_and_leaves_the_rest(database: Database, job: Job, clock: Any) -> None:
    changes = {"budget": {"seconds": 300, "tokens": None}, "goal": {"target": 0.8}}
    changed = act(database, steering.change, job.id, changes, by="bob", clock=clock)

    assert changed.spec == {
        **job.spec,
        "budget": {"seconds": 300.0, "tokens": None, "money": None, "questions": None},
        "goal": {"metric": None, "target": 0.8},
    }
    assert (changed.state, changed.task_artifact, changed.forecast_seconds) == ("queued", "a" * 64, 300.0)
    with database.reading() as session:
        last = events.after(session, job.id)[-1]
    assert (last.kind, last.data["by"]) == ("changed", "bob")
    assert last.data["budget"] == {"seconds": 300.0, "tokens": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "nothing was given"),
        ({"budget": {}}, "nothing was given"),
        ({"budget": {"second": 3}}, "unknown key 'second' in budget"),
        ({"budget": {"seconds": -3}}, "greater than 0"),
        ({"budget": {"questions": 1.5}}, "budget.questions"),
        ({"goal": {"target": 2}}, "less than or equal to 1"),
        ({"goal": {"metric": "rouge1"}}, "accuracy, macro_f1"),
        ({"student": {"tier": "mini"}}, "'student' cannot be changed"),
        ({"budget": 5}, "expected: the fields that change"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_in_words(
    database: Database, job: Job, changes: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        act(database, steering.change, job.id, changes, by="bob")

    assert caught.value.mend
    with database.reading() as session:
        assert jobs.get(session, job.id) == job


def test_a_job_at_rest_is_continued_and_not_changed(database: Database, job: Job, clock: Any) -> None:
    wait(database, clock)
    for said in ("waits for a person", "has succeeded"):
        with pytest.raises(Conflict, match=said) as caught:
            act(database, steering.change, job.id, {"budget": {"seconds": 3}}, by="bob")
        assert "continue it" in caught.value.mend
        act(database, steering.finish, job.id, by="bob")
    with pytest.raises(NotFound):
        act(database, steering.change, "nothing", {"budget": {"seconds": 3}}, by="bob")


def test_the_idempotency_key_still_gives_the_changed_job(database: Database, submit: Submit) -> None:
    request = {"spec": SPEC.model_dump(mode="json"), "idempotency_key": "k"}
    job = submit(**request)
    changed = act(database, steering.change, job.id, {"budget": {"seconds": 7}}, by="ann")

    assert submit(**request) == changed


def test_a_running_job_is_told_its_newest_wishes(database: Database, job: Job, clock: Any) -> None:
    act(database, steering.change, job.id, {"budget": {"seconds": 200}}, by="bob")
    recorder = JobRecorder(database, claim(database, clock), clock=clock)
    assert recorder.wishes() is None, "what was changed before the claim is what the job begins with"

    act(database, steering.change, job.id, {"budget": {"seconds": 300}, "goal": {"target": None}}, by="bob")
    assert recorder.wishes() == Wishes(Budget(seconds=300, tokens=50), Goal())

    back = {"budget": {"seconds": 200}, "goal": {"target": 0.9}}
    act(database, steering.change, job.id, back, by="bob")
    assert recorder.wishes() == Wishes(Budget(seconds=200, tokens=50), Goal(target=0.9))


def test_nobody_changes_what_is_produced_in_a_terminal() -> None:
    assert EventRecorder(lambda event: None).wishes() is None


def test_the_forecast_of_a_run_counts_from_now(database: Database, job: Job, clock: Any) -> None:
    assert job.forecast_seconds == 100.0
    held = claim(database, clock)
    JobRecorder(database, held, clock=clock).forecast(260.0)
    clock.advance(20)
    act(database, queue.give_back, held.id, held.fence, clock=clock)
    again = claim(database, clock)
    JobRecorder(database, again, clock=clock).forecast(260.0)

    with database.reading() as session:
        found = jobs.get(session, job.id)
    assert (found.served_seconds, found.forecast_seconds) == (20.0, 260.0)


# Waiting for a person


def test_a_job_that_waits_is_held_by_nobody(database: Database, job: Job, clock: Any) -> None:
    waiting = wait(database, clock)

    assert (waiting.state, waiting.worker, waiting.lease_until, waiting.finished_at) == (
        "waiting",
        None,
        None,
        None,
    )
    assert (waiting.report, waiting.model, waiting.open_questions) == (ASKING, MODEL, 2)
    assert told(database, job)[-1] == ("state", "waiting")
    assert act(database, queue.claim, "w", clock=clock) is None
    clock.advance(1000)
    assert act(database, queue.release_expired, clock=clock) == []
    with pytest.raises(LeaseLost):
        act(database, queue.finish, job.id, waiting.fence, {}, MODEL, clock=clock)


def test_enough_answers_end_a_waiting_job(database: Database, job: Job, clock: Any) -> None:
    wait(database, clock)
    clock.advance(5)

    done = act(database, steering.finish, job.id, by="bob", clock=clock)

    assert (done.state, done.finished_at, done.model) == ("succeeded", clock.moment, MODEL)
    assert act(database, steering.finish, job.id, by="bob") == done, "saying so twice changes nothing"


def test_only_a_waiting_job_is_finished_by_hand(database: Database, job: Job, clock: Any) -> None:
    with pytest.raises(Conflict, match="is in the queue"):
        act(database, steering.finish, job.id, by="bob")
    claim(database, clock)
    with pytest.raises(Conflict, match="is running"):
        act(database, steering.finish, job.id, by="bob")


def test_cancelling_a_waiting_job_keeps_its_student(database: Database, job: Job, clock: Any) -> None:
    wait(database, clock)

    ended = act(database, steering.cancel, job.id, clock=clock)

    assert (ended.state, ended.model, ended.report, ended.finished_at) == (
        "cancelled",
        MODEL,
        ASKING,
        clock.moment,
    )


def test_a_job_that_was_to_be_cancelled_does_not_wait(database: Database, job: Job, clock: Any) -> None:
    held = claim(database, clock)
    act(database, steering.cancel, job.id, clock=clock)
    act(database, queue.wait, held.id, held.fence, ASKING, MODEL, clock=clock)

    with database.reading() as session:
        ended = jobs.get(session, job.id)
    assert (ended.state, ended.model) == ("cancelled", MODEL)


# Continuing


def end(database: Database, clock: Any, how: str) -> Job:
    held = claim(database, clock)
    if how == "succeeded":
        act(database, queue.finish, held.id, held.fence, ASKING, MODEL, clock=clock)
    elif how == "failed":
        act(database, queue.fail, held.id, held.fence, NotFound("no weights"), clock=clock)
    elif how == "waiting":
        act(database, queue.wait, held.id, held.fence, ASKING, MODEL, clock=clock)
    else:
        act(database, steering.cancel, held.id, clock=clock)
        act(database, queue.cancelled, held.id, held.fence, clock=clock)
    return held


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled", "waiting"])
def test_a_job_at_rest_can_be_continued(database: Database, job: Job, clock: Any, how: str) -> None:
    first = end(database, clock, how)
    clock.advance(60)

    again = act(database, steering.continue_, job.id, {"budget": {"seconds": 400}}, by="bob", clock=clock)

    assert (again.id, again.state, again.attempts) == (job.id, "queued", 0)
    assert (again.error, again.finished_at, again.cancel_requested) == (None, None, False)
    assert (again.queued_at, again.created_at) == (clock.moment, job.created_at)
    assert again.spec["budget"]["seconds"] == 400.0
    published = how in ("succeeded", "waiting")
    assert (again.model, again.report) == ((MODEL, ASKING) if published else (None, None))
    second = claim(database, clock)
    assert (second.id, second.fence, second.cancel_requested) == (job.id, first.fence + 1, False)


def test_a_continued_job_keeps_its_history(database: Database, job: Job, clock: Any) -> None:
    held = claim(database, clock)
    JobRecorder(database, held, clock=clock).decision("teach", "first", {})
    act(database, queue.finish, held.id, held.fence, {}, MODEL, clock=clock)
    act(database, steering.continue_, job.id, by="bob", clock=clock)
    JobRecorder(database, claim(database, clock), clock=clock).decision("teach", "second", {})

    with database.reading() as session:
        assert [d.reason for d in jobs.decisions(session, job.id)] == ["second"]
        assert [d.reason for d in jobs.decisions(session, job.id, fence=1)] == ["first"]
    states = [state for kind, state in told(database, job) if kind == "state"]
    assert states == ["queued", "running", "succeeded", "queued", "running"]


@pytest.mark.parametrize("running", [False, True])
def test_a_job_on_its_way_is_not_continued(database: Database, job: Job, clock: Any, running: bool) -> None:
    if running:
        claim(database, clock)

    with pytest.raises(Conflict, match="is running" if running else "is in the queue") as caught:
        act(database, steering.continue_, job.id, by="bob")
    assert "change its budget" in caught.value.mend


def test_a_faulty_change_continues_nothing(database: Database, job: Job, clock: Any) -> None:
    end(database, clock, "succeeded")
    with pytest.raises(InvalidInput):
        act(database, steering.continue_, job.id, {"budget": {"seconds": 0}}, by="bob")

    with database.reading() as session:
        assert jobs.get(session, job.id).state == "succeeded"


def test_attempts_are_counted_from_the_continuation(database: Database, job: Job, clock: Any) -> None:
    def die(times: int) -> str:
        for _ in range(times):
            claim(database, clock)
            clock.advance(31)
            act(database, queue.release_expired, max_attempts=2, clock=clock)
        with database.reading() as session:
            return jobs.get(session, job.id).state

    assert die(2) == "failed"
    act(database, steering.continue_, job.id, by="bob", clock=clock)
    assert die(1) == "queued"
    assert die(1) == "failed"


def test_a_job_that_is_continued_is_forecast_anew(database: Database, job: Job, clock: Any) -> None:
    held = claim(database, clock)
    clock.advance(30)
    act(database, queue.finish, held.id, held.fence, {}, MODEL, clock=clock)

    again = act(database, steering.continue_, job.id, by="bob", clock=clock)

    assert (again.served_seconds, again.forecast_seconds) == (30.0, 100.0)
