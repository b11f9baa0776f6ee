"""The service of jobs: submit, look up, list. Callers own the transaction and check who may ask."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.core.fingerprint import fingerprint
from gts.orchestrator import events
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.records import Decision, Job, StageRun
from gts.orchestrator.states import JobState
from gts.orchestrator.tables import DecisionRow, JobRow, StageRunRow
from gts.orchestrator.wishes import first_forecast

MAX_PAGE = 200


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first, and the cursor of the next page (``None`` at the end)."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


def new_id() -> str:
    """32 hex digits: milliseconds since 1970, then 80 random bits; later ids sort after earlier ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def submit(
    session: Session,
    *,
    owner: str,
    namespace: str,
    name: str,
    spec: Mapping[str, Any],
    task_artifact: str,
    idempotency_key: str | None = None,
    clock: Clock = database_clock,
) -> Job:
    """Put a job into the queue; it is accepted once the caller's transaction is committed.

    Args:
        session: A writing session.
        owner: Who submits.
        namespace: Where the model will be published.
        name: Name of the task and of its model repository.
        spec: The task specification as JSON.
        task_artifact: Digest of the task's data.
        idempotency_key: The same key of the same owner gives the same job, however often it is sent.
        clock: Where the time comes from.

    Raises:
        Conflict: The key was used for another request.
        InvalidInput: The key is empty or too long.
    """
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= 255:
        raise InvalidInput(
            f"an idempotency key has 1 to 255 characters, this one {len(idempotency_key)}",
            mend="send a UUID, for example",
        )
    digest = fingerprint({"namespace": namespace, "name": name, "spec": dict(spec), "task": task_artifact})
    if idempotency_key is not None:
        earlier = _by_key(session, owner, idempotency_key, digest)
        if earlier is not None:
            return earlier
    at = clock(session)
    row = JobRow(
        id=new_id(),
        name=name,
        owner=owner,
        namespace=namespace,
        state=JobState.QUEUED,
        spec=dict(spec),
        task_artifact=task_artifact,
        idempotency_key=idempotency_key,
        request_digest=digest,
        forecast_seconds=first_forecast(spec),
        created_at=at,
        queued_at=at,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        earlier = _by_key(session, owner, idempotency_key, digest) if idempotency_key is not None else None
        if earlier is None:
            raise
        return earlier  # a submit with the same key was committed between our look and our insert
    events.append(session, row.id, at, "state", {"state": JobState.QUEUED})
    return get(session, row.id)


def _by_key(session: Session, owner: str, key: str, digest: str) -> Job | None:
    row = session.scalars(
        select(JobRow).where(JobRow.owner == owner, JobRow.idempotency_key == key)
    ).one_or_none()
    if row is None:
        return None
    if row.request_digest != digest:
        raise Conflict(
            f"the idempotency key {key!r} was used for another request",
            mend="use a new key for a new request",
            job=row.id,
        )
    return Job.from_row(row)


def get(session: Session, job_id: str, *, owner: str | None = None) -> Job:
    """One job.

    Args:
        session: Any session.
        job_id: Its id.
        owner: When given, a job of anyone else is not found.

    Raises:
        NotFound: There is no such job (for this owner).
    """
    query = select(JobRow).where(JobRow.id == job_id).execution_options(populate_existing=True)
    row = session.scalars(query if owner is None else query.where(JobRow.owner == owner)).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id!r}", mend="list your jobs to see their ids")
    return Job.from_row(row)


def list_jobs(
    session: Session,
    *,
    owner: str | None = None,
    state: JobState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> JobPage:
    """Jobs, newest first, a page at a time.

    Args:
        session: Any session.
        owner: Only jobs of this owner.
        state: Only jobs in this state.
        limit: Jobs a page, 1 to 200.
        cursor: ``next_cursor`` of the page before.

    Raises:
        InvalidInput: The limit is out of range.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit is {limit}", mend=f"use 1 to {MAX_PAGE}")
    query = select(JobRow).order_by(JobRow.id.desc()).limit(limit + 1)
    if owner is not None:
        query = query.where(JobRow.owner == owner)
    if state is not None:
        query = query.where(JobRow.state == state)
    if cursor is not None:
        query = query.where(JobRow.id < cursor)
    rows = session.scalars(query).all()
    jobs = tuple(Job.from_row(row) for row in rows[:limit])
    return JobPage(jobs, jobs[-1].id if len(rows) > limit else None)


def stage_runs(session: Session, job_id: str, *, fence: int | None = None) -> list[StageRun]:
    """The stages of one attempt in the order they started; of the newest attempt unless told."""
    newest = select(func.max(StageRunRow.fence)).where(StageRunRow.job_id == job_id).scalar_subquery()
    rows = session.scalars(
        select(StageRunRow)
        .where(StageRunRow.job_id == job_id, StageRunRow.fence == (newest if fence is None else fence))
        .order_by(StageRunRow.started_at, StageRunRow.key)
    )
    return [StageRun.from_row(row) for row in rows]


def decisions(session: Session, job_id: str, *, fence: int | None = None) -> list[Decision]:
    """The planner's choices of one attempt in order; of the newest attempt that made any unless told."""
    newest = select(func.max(DecisionRow.fence)).where(DecisionRow.job_id == job_id).scalar_subquery()
    rows = session.scalars(
        select(DecisionRow)
        .where(DecisionRow.job_id == job_id, DecisionRow.fence == (newest if fence is None else fence))
        .order_by(DecisionRow.seq)
    )
    return [Decision.from_row(row) for row in rows]


def counts(session: Session) -> dict[str, int]:
    """Number of jobs in each state, all states listed."""
    rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
    found = {state: count for state, count in rows}
    return {state.value: found.get(state.value, 0) for state in JobState}
