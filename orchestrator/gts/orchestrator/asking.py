"""The service of questions: pose, hand out, answer, skip, take back.

Answers are kept by model repository and outlive the job that asked, so that the next job of the name learns from them.
Callers own the transaction and check who may ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, select, update
from sqlalchemy.orm import Session

from gts.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from gts.orchestrator.answer_forms import check_answer
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.questions import Question, QuestionKind, QuestionState
from gts.orchestrator.records import Job
from gts.orchestrator.tables import JobRow, QuestionRow
from gts.tasks.dataset import Origin
from gts.tasks.spec import TaskSpec

MAX_PAGE = 200
SHOWN_FOR_S = 120.0
"""How long a question that one person looks at is kept from others, while there are others to ask."""

_DONE = (QuestionState.ANSWERED, QuestionState.SKIPPED)


@dataclass(frozen=True)
class QuestionPage:
    """Questions in the order in which they were posed, and the cursor of the next page (``None`` at the end)."""

    questions: tuple[Question, ...]
    next_cursor: int | None


def pose(
    session: Session, job: Job, questions: Iterable[Question], *, clock: Clock = database_clock
) -> tuple[Question, ...]:
    """Ask people; what the job has asked before stays as it is, and what was withdrawn is asked again.

    Args:
        session: A writing session.
        job: The job that asks.
        questions: What it asks, the most wanted first.
        clock: Where the time comes from.

    Returns:
        The questions as they stand now, answers given before among them.
    """
    asked = {question.id: question for question in questions}
    if foreign := [question.id for question in asked.values() if question.job_id != job.id]:
        raise ValueError(f"questions {foreign} are of another job than {job.id}")
    _lock(session, job.id)
    at = clock(session)
    known = {row.id: row for row in session.scalars(_of_job(job.id).where(QuestionRow.id.in_(list(asked))))}
    seq = session.scalars(select(func.max(QuestionRow.seq)).where(QuestionRow.job_id == job.id)).one() or 0
    for question in asked.values():
        row = known.get(question.id)
        if row is None:
            seq += 1
            known[question.id] = _new_row(question, job, seq, at)
            session.add(known[question.id])
        elif row.state == QuestionState.WITHDRAWN:
            row.state, row.batch = QuestionState.OPEN, question.batch
    session.flush()
    return tuple(_question(known[name]) for name in asked)


def page_of(
    session: Session,
    job_id: str,
    *,
    state: QuestionState | None = None,
    limit: int = 50,
    cursor: int = 0,
) -> QuestionPage:
    """The questions of a job, a page at a time.

    Args:
        session: Any session.
        job_id: The job.
        state: Only questions that stand so.
        limit: Questions a page, 1 to 200.
        cursor: ``next_cursor`` of the page before.

    Raises:
        InvalidInput: The limit is out of range.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit is {limit}", mend=f"use 1 to {MAX_PAGE}")
    query = _of_job(job_id).where(QuestionRow.seq > cursor).order_by(QuestionRow.seq).limit(limit + 1)
    rows = session.scalars(query if state is None else query.where(QuestionRow.state == state)).all()
    found = tuple(_question(row) for row in rows[:limit])
    return QuestionPage(found, rows[limit - 1].seq if len(rows) > limit else None)


def asked_by(session: Session, job_id: str) -> tuple[Question, ...]:
    """Everything that a job has asked, in the order in which it was posed."""
    return tuple(_question(row) for row in session.scalars(_of_job(job_id).order_by(QuestionRow.seq)))


def newest_done(session: Session, job_id: str, limit: int = 50) -> tuple[Question, ...]:
    """What was answered or skipped last, the newest first."""
    query = _of_job(job_id).where(QuestionRow.state.in_(_DONE))
    rows = session.scalars(query.order_by(QuestionRow.at.desc(), QuestionRow.seq.desc()).limit(limit))
    return tuple(_question(row) for row in rows)


def find(session: Session, job_id: str, question_id: str) -> Question:
    """One question of a job.

    Raises:
        NotFound: The job has no such question.
    """
    return _question(_row(session, job_id, question_id))


def next_for(session: Session, job_id: str, person: str, *, clock: Clock = database_clock) -> Question | None:
    """The question that a person is to look at now; ``None`` when none is open.

    Several people are handed different ones: what another has been looking at for less than two minutes comes
    last. Nothing is locked by that; whoever answers first has answered.

    Args:
        session: A writing session.
        job_id: The job.
        person: Who asks for it.
        clock: Where the time comes from.
    """
    _lock(session, job_id)  # else what was free when the query began may have been handed out when it ends
    at = clock(session)
    taken = and_(
        QuestionRow.shown_to.is_not(None),
        QuestionRow.shown_to != person,
        QuestionRow.shown_at > at - timedelta(seconds=SHOWN_FOR_S),
    )
    query = (
        _of_job(job_id)
        .where(QuestionRow.state == QuestionState.OPEN)
        .order_by(case((taken, 1), else_=0), case((taken, QuestionRow.shown_at)), QuestionRow.seq)
        .limit(1)
    )
    row = session.scalars(query).first()
    if row is None:
        return None
    row.shown_to, row.shown_at = person, at
    session.flush()
    return _question(row)


def answer(
    session: Session,
    job: Job,
    question_id: str,
    given: Mapping[str, Any],
    *,
    by: str,
    clock: Clock = database_clock,
) -> Question:
    """Keep a person's answer; the same one from the same person twice is one.

    Raises:
        NotFound: The job has no such question.
        InvalidInput: It is no answer to this question, see :func:`gts.orchestrator.answer_forms.check_answer`.
        Conflict: Somebody has answered it; ``details["answer"]`` and ``details["by"]`` tell what and who.
    """
    _lock(session, job.id)
    row = _row(session, job.id, question_id)
    question = _question(row)
    checked = check_answer(question, given, TaskSpec.model_validate(job.spec))
    if question.state == QuestionState.ANSWERED:
        if (question.by, question.answer) == (by, checked):
            return question
        raise _answered_already(question, by)
    return _say(session, row, QuestionState.ANSWERED, checked, by, clock(session))


def skip(
    session: Session, job_id: str, question_id: str, *, by: str, clock: Clock = database_clock
) -> Question:
    """Leave a question aside; it can still be answered, by anybody.

    Raises:
        NotFound: The job has no such question.
        Conflict: Somebody has answered it.
    """
    _lock(session, job_id)
    row = _row(session, job_id, question_id)
    question = _question(row)
    if question.state == QuestionState.ANSWERED:
        raise _answered_already(question, by)
    if question.state != QuestionState.OPEN:
        return question
    return _say(session, row, QuestionState.SKIPPED, None, by, clock(session))


def undo(
    session: Session,
    job_id: str,
    person: str,
    question_id: str | None = None,
    *,
    clock: Clock = database_clock,
) -> Question:
    """Take an answer or a skip back: the question is open again, and the person's next one.

    A student that has learnt from the answer stays as it is; the job's next attempt learns without it.

    Args:
        session: A writing session.
        job_id: The job.
        person: Who takes it back.
        question_id: Which; by default what this person answered or skipped last.
        clock: Where the time comes from.

    Raises:
        NotFound: There is nothing to take back.
        Forbidden: Somebody else answered or skipped it.
    """
    _lock(session, job_id)
    if question_id is None:
        mine = _of_job(job_id).where(QuestionRow.by == person, QuestionRow.state.in_(_DONE))
        row = session.scalars(mine.order_by(QuestionRow.at.desc(), QuestionRow.seq.desc()).limit(1)).first()
    else:
        row = _row(session, job_id, question_id)
    if row is None or row.state not in _DONE:
        raise NotFound("there is no answer to take back", mend="answer a question first", job=job_id)
    if row.by != person:
        raise Forbidden(
            f"{row.by} answered or skipped this question; you are {person}",
            mend=f"ask {row.by} to take it back",
            by=row.by,
        )
    row.shown_to, row.shown_at = person, clock(session)
    return _say(session, row, QuestionState.OPEN, None, None, None)


def withdraw_open(session: Session, job_id: str, keep: Iterable[str] = ()) -> int:
    """Take back the open questions of a job that it no longer needs; returns how many.

    Args:
        session: A writing session.
        job_id: The job.
        keep: Ids of questions that stay open.
    """
    gone = session.scalars(
        update(QuestionRow)
        .where(
            QuestionRow.job_id == job_id,
            QuestionRow.state == QuestionState.OPEN,
            QuestionRow.id.not_in(list(keep)),
        )
        .values(state=QuestionState.WITHDRAWN)
        .returning(QuestionRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone)


def answers_of(session: Session, namespace: str, name: str) -> tuple[Question, ...]:
    """Everything that people answered for a model repository, whichever job asked, oldest first."""
    query = select(QuestionRow).where(
        QuestionRow.namespace == namespace,
        QuestionRow.name == name,
        QuestionRow.state == QuestionState.ANSWERED,
    )
    rows = session.scalars(
        query.order_by(QuestionRow.at, QuestionRow.id).execution_options(populate_existing=True)
    )
    return tuple(_question(row) for row in rows)


def counts(session: Session, job_id: str, *, batch: int | None = None) -> dict[str, int]:
    """Number of questions of a job, or of one of its batches, in each state; all states listed."""
    query = select(QuestionRow.state, func.count()).where(QuestionRow.job_id == job_id)
    if batch is not None:
        query = query.where(QuestionRow.batch == batch)
    found = {state: count for state, count in session.execute(query.group_by(QuestionRow.state))}
    return {state.value: found.get(state.value, 0) for state in QuestionState}


def answered_by(session: Session, job_id: str) -> dict[str, int]:
    """Who has answered how many questions of a job, the busiest first."""
    query = select(QuestionRow.by, func.count().label("number")).where(
        QuestionRow.job_id == job_id, QuestionRow.state == QuestionState.ANSWERED
    )
    rows = session.execute(query.group_by(QuestionRow.by).order_by(func.count().desc(), QuestionRow.by)).all()
    return {str(by): number for by, number in rows}


def _of_job(job_id: str) -> Any:
    return select(QuestionRow).where(QuestionRow.job_id == job_id).execution_options(populate_existing=True)


def _lock(session: Session, job_id: str) -> None:
    """Let others wait who pose, hand out or answer in this job: of two last answers one knows that it is the last."""
    session.scalars(select(JobRow.id).where(JobRow.id == job_id).with_for_update()).one_or_none()


def _row(session: Session, job_id: str, question_id: str) -> QuestionRow:
    row: QuestionRow | None = session.scalars(
        _of_job(job_id).where(QuestionRow.id == question_id)
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"job {job_id} has no question {question_id[:100]!r}", mend="list the questions to see their ids"
        )
    return row


def _say(
    session: Session,
    row: QuestionRow,
    state: QuestionState,
    said: dict[str, Any] | None,
    by: str | None,
    at: datetime | None,
) -> Question:
    row.state, row.answer, row.by, row.at = state, said, by, at
    session.flush()
    return _question(row)


def _answered_already(question: Question, person: str) -> Conflict:
    mine = question.by == person
    return Conflict(
        f"{'you have' if mine else f'{question.by} has'} answered this question",
        mend="take that answer back first" if mine else "go on to the next one",
        question=question.id,
        answer=dict(question.answer or {}),
        by=question.by,
    )


def _new_row(question: Question, job: Job, seq: int, at: datetime) -> QuestionRow:
    return QuestionRow(
        id=question.id,
        job_id=job.id,
        seq=seq,
        namespace=job.namespace,
        name=job.name,
        batch=question.batch,
        kind=question.kind,
        payload=dict(question.payload),
        reason=question.reason,
        origin=question.origin,
        state=QuestionState.OPEN,
        asked_at=at,
    )


def _question(row: QuestionRow) -> Question:
    return Question(
        id=row.id,
        job_id=row.job_id,
        batch=row.batch,
        kind=QuestionKind(row.kind),
        payload=row.payload,
        reason=row.reason,
        origin=Origin(row.origin),
        state=QuestionState(row.state),
        answer=row.answer,
        by=row.by,
        at=row.at,
    )
