"""Whose turn it is: the waiting jobs in the order of the queue's policy, read from the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from gts.orchestrator.policies import SHIPPED, Waiting
from gts.orchestrator.states import JobState
from gts.orchestrator.tables import JobRow

SERVED_WITHIN = timedelta(hours=24)
"""How long compute is remembered when owners are weighed against each other."""
OF_EACH_OWNER = 200
"""Jobs of an owner among which the next one is chosen, so that a flood does not slow every claim."""


def in_order(session: Session, at: datetime) -> list[str]:
    """The ids of jobs that can be claimed, the next one first; of each owner those that have waited longest."""
    place = func.row_number().over(partition_by=JobRow.owner, order_by=(JobRow.queued_at, JobRow.id))
    queued = (
        select(JobRow.id, JobRow.owner, JobRow.queued_at, JobRow.forecast_seconds, place.label("place"))
        .where(JobRow.state == JobState.QUEUED, JobRow.cancel_requested.is_(False))
        .subquery()
    )
    rows = session.execute(select(queued).where(queued.c.place <= OF_EACH_OWNER)).all()
    served = served_of_late(session, at) if len(rows) > 1 else {}
    jobs = [Waiting(row.id, row.owner, row.queued_at.timestamp(), row.forecast_seconds) for row in rows]
    return [job.id for job in sorted(jobs, key=lambda job: SHIPPED(job, served))]


def served_of_late(session: Session, at: datetime) -> dict[str, float]:
    """Seconds of compute that each owner has had within a day; a job that runs counts by its forecast."""
    running = case((JobRow.state == JobState.RUNNING, JobRow.forecast_seconds), else_=0.0)
    rows = session.execute(
        select(JobRow.owner, func.sum(JobRow.served_seconds + running))
        .where(JobRow.heartbeat_at >= at - SERVED_WITHIN)
        .group_by(JobRow.owner)
    )
    return {owner: seconds for owner, seconds in rows}
