"""Events of a job: numbered rows that the page and the client follow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gts.orchestrator.records import Event
from gts.orchestrator.tables import EventRow, JobRow


def append(session: Session, job_id: str, at: datetime, kind: str, data: Mapping[str, Any]) -> int:
    """Write the next event of a job and return its number.

    Counting in the job's row makes concurrent writers of one job wait for each other, so numbers have no
    gaps and become visible in order: a reader that asks for "after 7" misses nothing.
    """
    seq = session.scalars(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(last_seq=JobRow.last_seq + 1)
        .returning(JobRow.last_seq)
        .execution_options(synchronize_session=False)
    ).one()
    session.add(EventRow(job_id=job_id, seq=seq, at=at, kind=kind, data=dict(data)))
    session.flush()
    return seq


def after(session: Session, job_id: str, seq: int = 0, limit: int = 500) -> list[Event]:
    """The job's events numbered above ``seq``, oldest first, at most ``limit``."""
    rows = session.scalars(
        select(EventRow)
        .where(EventRow.job_id == job_id, EventRow.seq > seq)
        .order_by(EventRow.seq)
        .limit(limit)
    )
    return [Event.from_row(row) for row in rows]
