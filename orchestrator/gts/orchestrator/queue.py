"""The database as queue: claims, leases, and writes that only the holder of a job may make.

Every claim raises the job's *fence* by one; every write of an attempt is bound to its fence, so a worker that
slept past its lease cannot change a job which another one holds now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gts.core.errors import GTSError, LeaseLost, StageFailed
from gts.orchestrator import events, jobs
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.states import JobState, sources
from gts.orchestrator.tables import AttemptRow, JobRow, StageRunRow
from gts.orchestrator.turns import in_order

LEASE_S = 30.0
MAX_ATTEMPTS = 5


def claim(
    session: Session, worker: str, *, lease_s: float = LEASE_S, clock: Clock = database_clock
) -> Job | None:
    """Take the job that the queue's policy puts first, or ``None`` when there is none.

    On Postgres concurrent claims pass over each other's rows; on SQLite they wait for the write lock that a
    writing session takes up front.
    """
    at = clock(session)
    job_id = next(
        filter(None, (_take(session, found, worker, at, lease_s) for found in in_order(session, at))), None
    )
    if job_id is None:
        return None
    job = jobs.get(session, job_id)
    session.add(AttemptRow(job_id=job.id, fence=job.fence, worker=worker, started_at=at))
    events.append(session, job.id, at, "state", {"state": JobState.RUNNING, "attempt": job.fence})
    return jobs.get(session, job_id)


def _take(session: Session, job_id: str, worker: str, at: datetime, lease_s: float) -> str | None:
    """Claim one job; ``None`` where another worker was faster."""
    free = (
        select(JobRow.id)
        .where(JobRow.id == job_id, JobRow.state == JobState.QUEUED, JobRow.cancel_requested.is_(False))
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalars(
        update(JobRow)
        .where(JobRow.id == free, JobRow.state.in_(sources(JobState.RUNNING)))
        .values(
            state=JobState.RUNNING,
            fence=JobRow.fence + 1,
            attempts=JobRow.attempts + 1,
            worker=worker,
            lease_until=at + timedelta(seconds=lease_s),
            heartbeat_at=at,
            started_at=func.coalesce(JobRow.started_at, at),
        )
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()


def check_held(session: Session, job_id: str, fence: int) -> Job:
    """Lock the job's row and make sure that this attempt still holds it; every write of an attempt begins so.

    Raises:
        LeaseLost: It does not.
    """
    held = session.scalars(
        select(JobRow)
        .where(JobRow.id == job_id, JobRow.fence == fence, JobRow.state == JobState.RUNNING)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if held is None:
        raise LeaseLost(
            f"attempt {fence} no longer holds job {job_id}",
            mend="nothing to do: another worker goes on from the last finished stage",
            job=job_id,
        )
    return Job.from_row(held)


def heartbeat(
    session: Session, job_id: str, fence: int, *, lease_s: float = LEASE_S, clock: Clock = database_clock
) -> bool:
    """Prolong the lease; returns whether someone asked to cancel the job.

    Raises:
        LeaseLost: Another attempt holds the job, or it has ended.
    """
    check_held(session, job_id, fence)
    at = clock(session)
    requested = session.scalars(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.fence == fence)
        .values(heartbeat_at=at, lease_until=at + timedelta(seconds=lease_s))
        .returning(JobRow.cancel_requested)
        .execution_options(synchronize_session=False)
    ).one()
    return requested


def finish(
    session: Session,
    job_id: str,
    fence: int,
    report: Mapping[str, Any],
    model: ModelReference,
    *,
    clock: Clock = database_clock,
) -> None:
    """End a job well.

    Raises:
        LeaseLost: This attempt no longer holds the job.
    """
    _leave(session, job_id, fence, JobState.SUCCEEDED, clock, _published(report, model))


def wait(
    session: Session,
    job_id: str,
    fence: int,
    report: Mapping[str, Any],
    model: ModelReference,
    *,
    clock: Clock = database_clock,
) -> None:
    """Let go of a job that has published a student and goes on when a person has answered its questions.

    A job whose cancellation was asked for meanwhile ends instead; what it published stays.

    Raises:
        LeaseLost: This attempt no longer holds the job.
    """
    job = check_held(session, job_id, fence)
    target = JobState.CANCELLED if job.cancel_requested else JobState.WAITING
    _leave(session, job_id, fence, target, clock, _published(report, model))


def _published(report: Mapping[str, Any], model: ModelReference) -> dict[str, Any]:
    return {
        "report": dict(report),
        "model_namespace": model.namespace,
        "model_name": model.name,
        "model_revision": model.revision,
    }


def fail(
    session: Session, job_id: str, fence: int, error: GTSError, *, clock: Clock = database_clock
) -> None:
    """End a job with an error.

    Raises:
        LeaseLost: This attempt no longer holds the job.
    """
    _leave(session, job_id, fence, JobState.FAILED, clock, {"error": error.as_json()["error"]})


def cancelled(session: Session, job_id: str, fence: int, *, clock: Clock = database_clock) -> None:
    """End a job whose cancellation was asked for.

    Raises:
        LeaseLost: This attempt no longer holds the job.
    """
    _leave(session, job_id, fence, JobState.CANCELLED, clock, {})


def give_back(session: Session, job_id: str, fence: int, *, clock: Clock = database_clock) -> None:
    """Put a job back into the queue, because its worker shuts down; the attempt does not count.

    A job whose cancellation was asked for meanwhile ends instead.

    Raises:
        LeaseLost: This attempt no longer holds the job.
    """
    job = check_held(session, job_id, fence)
    target = JobState.CANCELLED if job.cancel_requested else JobState.QUEUED
    _leave(session, job_id, fence, target, clock, {"attempts": JobRow.attempts - 1})


def release_expired(
    session: Session, *, max_attempts: int = MAX_ATTEMPTS, clock: Clock = database_clock
) -> list[str]:
    """Free the jobs whose lease ran out; returns their ids.

    They go back into the queue, or end: as cancelled where that was asked for, as failed where ``max_attempts``
    workers died over them.
    """
    at = clock(session)
    expired = session.scalars(
        select(JobRow)
        .where(JobRow.state == JobState.RUNNING, JobRow.lease_until < at)
        .order_by(JobRow.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for row in expired:
        if row.cancel_requested:
            _leave(session, row.id, row.fence, JobState.CANCELLED, clock, {}, "expired")
        elif row.attempts >= max_attempts:
            error = StageFailed(
                f"{row.attempts} workers in a row died or froze while running this job",
                mend="look for a lack of memory on the workers (`dmesg`, the container's limit), then submit it again",
                attempts=row.attempts,
            )
            values = {"error": error.as_json()["error"]}
            _leave(session, row.id, row.fence, JobState.FAILED, clock, values, "expired")
        else:
            _leave(session, row.id, row.fence, JobState.QUEUED, clock, {}, "expired")
    return [row.id for row in expired]


def _leave(
    session: Session,
    job_id: str,
    fence: int,
    target: JobState,
    clock: Clock,
    values: Mapping[str, Any],
    outcome: str | None = None,
) -> None:
    """Move a running job to ``target``, close its attempt and tell its followers, or raise LeaseLost."""
    check_held(session, job_id, fence)
    at = clock(session)
    attempt = session.get_one(AttemptRow, (job_id, fence))
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.fence == fence, JobRow.state.in_(sources(target)))
        .values(
            state=target,
            worker=None,
            lease_until=None,
            finished_at=at if target.has_ended else None,
            served_seconds=JobRow.served_seconds + max(0.0, (at - attempt.started_at).total_seconds()),
            **values,
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.job_id == job_id, AttemptRow.fence == fence)
        .values(ended_at=at, outcome=outcome or target.value)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(StageRunRow)
        .where(StageRunRow.job_id == job_id, StageRunRow.fence == fence, StageRunRow.state == "running")
        .values(state="stopped")
    )
    data: dict[str, Any] = {"state": target}
    if target == JobState.QUEUED:
        data["reason"] = "the worker stopped answering" if outcome == "expired" else "the worker shut down"
    if "error" in values:
        data["error"] = values["error"]
    events.append(session, job_id, at, "state", data)
