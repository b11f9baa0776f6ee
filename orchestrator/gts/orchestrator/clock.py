"""What time it is for leases: one clock for all workers of a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gts.core.database import now

Clock = Callable[[Session], datetime]


def database_clock(session: Session) -> datetime:
    """The server's time on Postgres, where workers' machines may disagree; this machine's on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.scalars(select(func.clock_timestamp())).one()
        return moment
    return now()
