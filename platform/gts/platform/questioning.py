"""Questions of a job and what people say to them: what routes and pages share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gts.core.errors import Conflict
from gts.orchestrator import asking, jobs, steering
from gts.orchestrator.questions import Question
from gts.orchestrator.records import Job
from gts.orchestrator.states import JobState
from gts.platform.auth import User
from gts.platform.services import Services


@dataclass(frozen=True)
class Step:
    """A question after something was done with it.

    Attributes:
        question: The question.
        counts: Number of the job's questions in each state.
        goes_on: Whether the job goes on because of it.
    """

    question: Question
    counts: Mapping[str, int]
    goes_on: bool = False


def next_question(services: Services, user: User, job: Job) -> Step | None:
    """The question that this person is to look at now; ``None`` when none is open."""
    with services.database.writing() as session:
        found = asking.next_for(session, job.id, user.who)
        return None if found is None else Step(found, asking.counts(session, job.id))


def answer_question(
    services: Services, user: User, job: Job, question_id: str, given: Mapping[str, Any]
) -> Step:
    """Keep an answer; after the last open one a waiting job goes on.

    Raises:
        NotFound: The job has no such question.
        InvalidInput: It is no answer to this question.
        Conflict: Somebody has answered it.
    """
    with services.database.writing() as session:
        question = asking.answer(session, job, question_id, given, by=user.who)
        step = _said(session, question, user.who)
    return _told(services, step)


def skip_question(services: Services, user: User, job: Job, question_id: str) -> Step:
    """Leave a question aside; after the last open one a waiting job goes on.

    Raises:
        NotFound: The job has no such question.
        Conflict: Somebody has answered it.
    """
    with services.database.writing() as session:
        question = asking.skip(session, job.id, question_id, by=user.who)
        step = _said(session, question, user.who)
    return _told(services, step)


def undo_answer(services: Services, user: User, job: Job, question_id: str | None = None) -> Step:
    """Take an answer or skip of one's own back, by default the newest.

    Raises:
        NotFound: There is nothing to take back.
        Forbidden: Somebody else answered or skipped it.
    """
    with services.database.writing() as session:
        undone = asking.undo(session, job.id, user.who, question_id)
        return Step(undone, asking.counts(session, job.id))


def go_on(services: Services, user: User, job: Job) -> None:
    """Have a job that waits or has ended go on with the answers there are; of one that goes on by itself nothing is changed.

    Raises:
        NotFound: There is no such job.
    """
    with suppress(Conflict), services.database.writing() as session:
        steering.continue_(session, job.id, by=user.who)
    services.knock.knock(job.id)


def _said(session: Session, question: Question, person: str) -> Step:
    is_last = not asking.counts(session, question.job_id)["open"]
    goes_on = is_last and jobs.get(session, question.job_id).state == JobState.WAITING
    if goes_on:
        steering.continue_(session, question.job_id, by=person)
    return Step(question, asking.counts(session, question.job_id), goes_on)


def _told(services: Services, step: Step) -> Step:
    if step.goes_on:
        services.knock.knock(step.question.job_id)
    return step
