"""What people do with a job that is there: change it, cancel it, continue it, say that it is good enough.

Callers own the transaction and check who may ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.orchestrator import events, jobs
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.records import Job
from gts.orchestrator.states import JobState, sources
from gts.orchestrator.tables import JobRow
from gts.orchestrator.wishes import first_forecast, with_changes


def cancel(session: Session, job_id: str, *, clock: Clock = database_clock) -> Job:
    """Ask for a job's end: a queued one ends at once, a running one within its worker's next heartbeat.

    Raises:
        NotFound: There is no such job.
        Conflict: It has succeeded or failed already.
    """
    row = _locked(session, job_id)
    state = JobState(row.state)
    if state == JobState.CANCELLED or (row.cancel_requested and not state.has_ended):
        return Job.from_row(row)
    if state.has_ended:
        raise Conflict(f"the job has {state} already", mend="there is nothing left to cancel", job=job_id)
    at = clock(session)
    session.execute(update(JobRow).where(JobRow.id == job_id).values(cancel_requested=True))
    if state == JobState.RUNNING:
        events.append(session, job_id, at, "cancel_requested", {})
    else:
        end_unheld(session, job_id, clock=clock)
    return jobs.get(session, job_id)


def end_unheld(session: Session, job_id: str, *, clock: Clock = database_clock) -> bool:
    """End a job nobody holds whose cancellation was asked for; whether it did."""
    at = clock(session)
    unheld = [state for state in sources(JobState.CANCELLED) if state != JobState.RUNNING]
    changed = session.scalars(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state.in_(unheld), JobRow.cancel_requested)
        .values(state=JobState.CANCELLED, finished_at=at)
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    if changed:
        events.append(session, job_id, at, "state", {"state": JobState.CANCELLED})
    return bool(changed)


def change(
    session: Session,
    job_id: str,
    changes: Mapping[str, Any],
    *,
    by: str,
    clock: Clock = database_clock,
) -> Job:
    """Change budget or goal of a job that waits for a worker or runs; a running one heeds it at its next decision.

    Args:
        session: A writing session.
        job_id: The job.
        changes: ``{"budget": {...}, "goal": {...}}`` with the fields that change; ``None`` takes a limit away.
        by: Who asks.
        clock: Where the time comes from.

    Raises:
        NotFound: There is no such job.
        InvalidInput: There is nothing to change, a field is unknown, or its value does not fit.
        Conflict: The job has ended, or waits for a person, or is being cancelled.
    """
    row = _locked(session, job_id)
    state = JobState(row.state)
    if not any(changes.values()):
        raise InvalidInput(
            "nothing was given that changes", mend='send {"budget": {"seconds": 600}}, for example'
        )
    if row.cancel_requested or not state.is_active:
        what = "is being cancelled" if row.cancel_requested and state.is_active else _standing(state)
        raise Conflict(
            f"the job {what}, so that no decision is left to change",
            mend="continue it with the new limits",
            job=job_id,
            state=state,
        )
    _write_wishes(session, row, changes, by, clock)
    return jobs.get(session, job_id)


def continue_(
    session: Session,
    job_id: str,
    changes: Mapping[str, Any] | None = None,
    *,
    by: str,
    task_artifact: str | None = None,
    why: str = "",
    clock: Clock = database_clock,
) -> Job:
    """Put a job that has ended or waits for a person back into the queue, with other limits where they are given.

    It keeps its history, and the student that it has published stays until there is a better one. Finished stages are found
    again where the new limits and answers leave them as they were. How often its workers may die is counted anew.

    Args:
        session: A writing session.
        job_id: The job.
        changes: See :func:`change`.
        by: Who asks.
        task_artifact: The task with other data than before, if it has any.
        why: What for, as the end of "continued by somebody".
        clock: Where the time comes from.

    Raises:
        NotFound: There is no such job.
        InvalidInput: A field of the changes is unknown, or its value does not fit.
        Conflict: It is in the queue or runs already.
    """
    row = _locked(session, job_id)
    state = JobState(row.state)
    if state.is_active:
        raise Conflict(
            f"the job {_standing(state)}; only one that has ended or waits for a person is continued",
            mend="change its budget or goal instead, or cancel it first",
            job=job_id,
            state=state,
        )
    spec = row.spec
    if changes and any(changes.values()):
        spec = _write_wishes(session, row, changes, by, clock)
    at = clock(session)
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state.in_(sources(JobState.QUEUED)))
        .values(
            state=JobState.QUEUED,
            cancel_requested=False,
            task_artifact=task_artifact or row.task_artifact,
            attempts=0,
            forecast_seconds=first_forecast(spec),
            queued_at=at,
            finished_at=None,
            error=None,
        )
        .execution_options(synchronize_session=False)
    )
    reason = f"continued by {by} {why}".strip()
    events.append(session, job_id, at, "state", {"state": JobState.QUEUED, "reason": reason, "by": by})
    return jobs.get(session, job_id)


def finish(session: Session, job_id: str, *, by: str, clock: Clock = database_clock) -> Job:
    """End a job that waits for a person: its student is good enough. One that has succeeded stays as it is.

    Raises:
        NotFound: There is no such job.
        Conflict: It neither waits nor has succeeded.
    """
    row = _locked(session, job_id)
    state = JobState(row.state)
    if state == JobState.SUCCEEDED:
        return Job.from_row(row)
    if state != JobState.WAITING:
        raise Conflict(
            f"the job {_standing(state)}; only one that waits for a person can be finished by hand",
            mend="cancel a job that is not wanted any more; change the budget of one that shall end sooner",
            job=job_id,
            state=state,
        )
    at = clock(session)
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state == JobState.WAITING)
        .values(state=JobState.SUCCEEDED, finished_at=at)
        .execution_options(synchronize_session=False)
    )
    events.append(session, job_id, at, "state", {"state": JobState.SUCCEEDED, "by": by})
    return jobs.get(session, job_id)


_STANDING = {
    JobState.QUEUED: "is in the queue",
    JobState.RUNNING: "is running",
    JobState.WAITING: "waits for a person",
    JobState.CANCELLED: "was cancelled",
}


def _standing(state: JobState) -> str:
    return _STANDING.get(state, f"has {state}")


def _locked(session: Session, job_id: str) -> JobRow:
    row = session.scalars(
        select(JobRow).where(JobRow.id == job_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id!r}", mend="list your jobs to see their ids")
    return row


def _write_wishes(
    session: Session, row: JobRow, changes: Mapping[str, Any], by: str, clock: Clock
) -> dict[str, Any]:
    """Write the changed specification and tell of it; returns it. The task's artifact stays as it is."""
    spec = with_changes(row.spec, changes)
    session.execute(
        update(JobRow)
        .where(JobRow.id == row.id)
        .values(spec=spec, forecast_seconds=first_forecast(spec))
        .execution_options(synchronize_session=False)
    )
    said = {part: {name: spec[part][name] for name in fields} for part, fields in changes.items() if fields}
    events.append(session, row.id, clock(session), "changed", {**said, "by": by})
    return spec
