"""Questions are posed once, handed to different people, answered once, taken back, and kept for the next job."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gts.core.database import Database
from gts.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from gts.orchestrator import asking
from gts.orchestrator.questions import Question, QuestionKind, QuestionState
from gts.orchestrator.records import Job
from gts.tasks.dataset import Origin

SPEC = {"name": "tickets", "labels": {"billing": "", "delivery": ""}, "multi_label": False}
BILLING = {"labels": ["billing"]}


@pytest.fixture
def job(submit: Callable[..., Job]) -> Job:
    return submit(spec=SPEC)


def question(job: Job, text: str, batch: int = 1) -> Question:
    payload = {"text": text, "options": ["billing", "delivery"], "suggested": {"billing": 0.5}}
    return Question.new(
        job.id, QuestionKind.LABEL, payload, "both are as likely", origin=Origin.POOL, batch=batch
    )


def pose(database: Database, job: Job, *texts: str, batch: int = 1) -> list[str]:
    with database.writing() as session:
        return [
            asked.id for asked in asking.pose(session, job, [question(job, text, batch) for text in texts])
        ]


def write(database: Database, do: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with database.writing() as session:
        return do(session, *arguments, **named)


def read(database: Database, do: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with database.reading() as session:
        return do(session, *arguments, **named)


def test_posing_twice_changes_nothing(database: Database, job: Job) -> None:
    first, second = pose(database, job, "a", "b", "a")
    write(database, asking.answer, job, first, BILLING, by="ann")

    assert pose(database, job, "c", "a", "b", batch=2)[1:] == [first, second]

    page = read(database, asking.page_of, job.id)
    assert [asked.payload["text"] for asked in page.questions] == ["a", "b", "c"]
    assert [asked.state.value for asked in page.questions] == ["answered", "open", "open"]
    assert [asked.batch for asked in page.questions] == [1, 1, 2]
    found = page.questions[1]
    assert (found.reason, found.origin, found.kind) == ("both are as likely", Origin.POOL, QuestionKind.LABEL)


def test_questions_of_another_job_are_not_posed(
    database: Database, job: Job, submit: Callable[..., Job]
) -> None:
    other = submit(spec=SPEC)
    with database.writing() as session, pytest.raises(ValueError, match="of another job"):
        asking.pose(session, other, [question(job, "a")])


def test_pages_follow_each_other_within_a_state(database: Database, job: Job) -> None:
    ids = pose(database, job, *(f"text {n}" for n in range(7)))
    for name in ids[::2]:
        write(database, asking.skip, job.id, name, by="ann")
    seen: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        page = read(database, asking.page_of, job.id, state=QuestionState.SKIPPED, limit=3, cursor=cursor)
        seen += [asked.id for asked in page.questions]
        cursor = page.next_cursor
    assert seen == ids[::2]
    with database.reading() as session, pytest.raises(InvalidInput, match="limit is 0"):
        asking.page_of(session, job.id, limit=0)


def test_two_people_are_handed_different_questions_for_two_minutes(
    database: Database, job: Job, clock: Any
) -> None:
    first, second = pose(database, job, "a", "b")

    def next_for(person: str) -> str | None:
        found = write(database, asking.next_for, job.id, person, clock=clock)
        return found.id if found else None

    assert (next_for("ann"), next_for("bob")) == (first, second)
    assert (next_for("ann"), next_for("bob")) == (first, second), "looking again changes nothing"
    assert next_for("eve") == first, "there is no other: what was shown longest ago"
    clock.advance(asking.SHOWN_FOR_S + 1)
    assert next_for("bob") == first, "nobody has been looking at it of late"
    write(database, asking.answer, job, first, BILLING, by="eve")
    assert next_for("ann") == second
    write(database, asking.skip, job.id, second, by="ann")
    assert next_for("ann") is None


def test_many_people_at_the_same_moment_are_handed_different_questions(database: Database, job: Job) -> None:
    ids = pose(database, job, *(f"text {n}" for n in range(6)))
    with ThreadPoolExecutor(6) as pool:
        found = pool.map(lambda n: write(database, asking.next_for, job.id, f"p{n}"), range(6))
    assert sorted(asked.id for asked in found) == sorted(ids)


def test_the_first_answer_counts_and_the_second_person_is_shown_it(database: Database, job: Job) -> None:
    (name,) = pose(database, job, "a")
    first = write(database, asking.answer, job, name, BILLING, by="ann")
    assert (first.state, first.answer, first.by) == (QuestionState.ANSWERED, BILLING, "ann")
    assert write(database, asking.answer, job, name, BILLING, by="ann") == first, "sent twice"

    with pytest.raises(Conflict, match="ann has answered this question") as caught:
        write(database, asking.answer, job, name, {"labels": ["delivery"]}, by="bob")
    assert caught.value.details["answer"] == BILLING and caught.value.details["by"] == "ann"
    with pytest.raises(Conflict, match="you have answered"):
        write(database, asking.answer, job, name, {"labels": ["delivery"]}, by="ann")
    with pytest.raises(Conflict):
        write(database, asking.skip, job.id, name, by="bob")
    assert read(database, asking.find, job.id, name) == first


def test_of_many_answers_at_the_same_moment_one_is_kept(database: Database, job: Job) -> None:
    (name,) = pose(database, job, "a")

    def say(person: str) -> bool:
        try:
            write(database, asking.answer, job, name, BILLING, by=person)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(say, [f"p{n}" for n in range(8)])) == 1


def test_of_the_last_answers_at_the_same_moment_one_knows_that_it_is_the_last(
    database: Database, job: Job
) -> None:
    ids = pose(database, job, *(f"text {n}" for n in range(4)))

    def say(name: str) -> bool:
        with database.writing() as session:
            asking.answer(session, job, name, BILLING, by=f"for {name}")
            return not asking.counts(session, job.id, batch=1)["open"]

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(say, ids)) == 1


def test_an_answer_that_is_none_leaves_the_question_open(database: Database, job: Job) -> None:
    (name,) = pose(database, job, "a")
    with pytest.raises(InvalidInput, match="'bill' is no label"):
        write(database, asking.answer, job, name, {"labels": ["bill"]}, by="ann")
    with pytest.raises(NotFound, match="no question"):
        write(database, asking.answer, job, "0" * 16, BILLING, by="ann")
    assert read(database, asking.counts, job.id)["open"] == 1


def test_a_skipped_question_can_be_answered_by_somebody_else(database: Database, job: Job) -> None:
    (name,) = pose(database, job, "a")
    skipped = write(database, asking.skip, job.id, name, by="ann")
    assert (skipped.state, skipped.by) == (QuestionState.SKIPPED, "ann")
    assert write(database, asking.answer, job, name, BILLING, by="bob").by == "bob"


def test_undo_takes_back_the_newest_of_ones_own(database: Database, job: Job, clock: Any) -> None:
    first, second, third = pose(database, job, "a", "b", "c")
    write(database, asking.answer, job, first, BILLING, by="ann", clock=clock)
    clock.advance(1)
    write(database, asking.skip, job.id, second, by="ann", clock=clock)
    clock.advance(1)
    write(database, asking.answer, job, third, BILLING, by="bob", clock=clock)

    undone = write(database, asking.undo, job.id, "ann", clock=clock)
    assert (undone.id, undone.state, undone.by, undone.at) == (second, QuestionState.OPEN, None, None)
    assert write(database, asking.next_for, job.id, "ann", clock=clock).id == second
    assert write(database, asking.undo, job.id, "ann", clock=clock).id == first
    with pytest.raises(NotFound, match="no answer to take back"):
        write(database, asking.undo, job.id, "ann", clock=clock)
    with pytest.raises(Forbidden, match="bob answered or skipped"):
        write(database, asking.undo, job.id, "ann", third, clock=clock)
    assert write(database, asking.undo, job.id, "bob", third, clock=clock).answer is None
    assert read(database, asking.answers_of, "ann", "tickets") == ()
    with pytest.raises(NotFound):
        write(database, asking.undo, job.id, "bob", third, clock=clock)


def test_what_the_job_no_longer_needs_is_withdrawn_and_may_be_asked_again(
    database: Database, job: Job
) -> None:
    first, second, third = pose(database, job, "a", "b", "c")
    write(database, asking.skip, job.id, first, by="ann")

    assert write(database, asking.withdraw_open, job.id, keep=[third]) == 1

    assert read(database, asking.counts, job.id) == {"open": 1, "answered": 0, "skipped": 1, "withdrawn": 1}
    assert write(database, asking.answer, job, second, BILLING, by="ann").state == QuestionState.ANSWERED
    write(database, asking.withdraw_open, job.id)
    pose(database, job, "c", batch=2)
    found = read(database, asking.find, job.id, third)
    assert (found.state, found.batch) == (QuestionState.OPEN, 2)


def test_answers_are_kept_for_the_repository_whichever_job_asked(
    database: Database, job: Job, submit: Callable[..., Job], clock: Any
) -> None:
    again, other = submit(spec=SPEC), submit(spec=SPEC, name="parcels")
    for number, (asker, text) in enumerate([(job, "a"), (again, "b"), (other, "c")]):
        (name,) = pose(database, asker, text)
        clock.advance(number)
        write(database, asking.answer, asker, name, BILLING, by="ann", clock=clock)
    pose(database, again, "open")

    found = read(database, asking.answers_of, "ann", "tickets")
    assert [asked.payload["text"] for asked in found] == ["a", "b"]
    assert read(database, asking.answers_of, "bob", "tickets") == ()


def test_what_was_done_is_told_by_batch_and_person(database: Database, job: Job, clock: Any) -> None:
    ids = [*pose(database, job, "a", "b"), *pose(database, job, "c", batch=2)]
    for name, person in zip(ids, ("ann", "bob", "bob"), strict=True):
        clock.advance(1)
        write(database, asking.answer, job, name, BILLING, by=person, clock=clock)
    write(database, asking.undo, job.id, "ann", clock=clock)

    assert read(database, asking.counts, job.id, batch=1)["open"] == 1
    assert read(database, asking.counts, job.id, batch=2)["open"] == 0
    assert read(database, asking.answered_by, job.id) == {"bob": 2}
    assert [asked.id for asked in read(database, asking.newest_done, job.id)] == [ids[2], ids[1]]
    assert len(read(database, asking.newest_done, job.id, 1)) == 1


def test_another_jobs_questions_are_not_found(
    database: Database, job: Job, submit: Callable[..., Job]
) -> None:
    (name,) = pose(database, job, "a")
    other = submit(spec=SPEC)
    for do, arguments in (
        (asking.answer, (other, name, BILLING)),
        (asking.skip, (other.id, name)),
    ):
        with pytest.raises(NotFound):
            write(database, do, *arguments, by="ann")
    with pytest.raises(NotFound):
        write(database, asking.undo, other.id, "ann", name)
    assert write(database, asking.next_for, other.id, "ann") is None
