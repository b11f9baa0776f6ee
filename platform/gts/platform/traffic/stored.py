"""The service of traffic: keep rows, read them, forget them, and say for which models. Callers own the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from gts.core.database import now
from gts.core.errors import NotFound
from gts.platform.traffic.tables import LoggingRow, PredictionRow
from gts.registry.tables import CommitRow

MAX_PAGE = 200
_DELETED_AT_ONCE = 5_000  # others wait for SQLite's one writer


@dataclass(frozen=True)
class Asked:
    """A row that a model was asked about.

    Attributes:
        number: Grows with every row.
        commit: The revision that was asked.
        at: When.
        row: The row.
        answer: What the student said.
        confidence: How sure it was, where its answers say.
        answered_by: ``student``, or the language model that answered in its place; ``None``: nobody was sure.
        told: What was answered in its place, if anything was.
    """

    number: int
    commit: str
    at: datetime
    row: Mapping[str, Any]
    answer: Mapping[str, Any]
    confidence: float | None
    answered_by: str | None
    told: Mapping[str, Any] | None


@dataclass(frozen=True)
class Logging:
    """Which share of a model's rows is kept, as somebody has said for this model."""

    share: float
    by: str
    at: datetime


def repository_of(session: Session, commit: str) -> int:
    """The number of the repository that a commit is in.

    Raises:
        NotFound: It is in none any more.
    """
    found = session.scalar(select(CommitRow.repository_id).where(CommitRow.oid == commit))
    if found is None:
        raise NotFound(f"no commit {commit[:40]!r}", mend="`gts models` lists what there is")
    return found


def logging_of(session: Session, repository: int) -> Logging | None:
    """What somebody has said for a model; ``None``: it goes by the installation's setting."""
    row = session.get(LoggingRow, repository)
    return None if row is None else Logging(row.share, row.by, row.at)


def set_logging(session: Session, repository: int, share: float | None, *, by: str) -> None:
    """Say which share of a model's rows is kept; ``None``: as the installation's setting says."""
    session.execute(delete(LoggingRow).where(LoggingRow.repository_id == repository))
    if share is not None:
        session.add(LoggingRow(repository_id=repository, share=share, by=by, at=now()))


def keep(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows; each has the columns of :class:`~gts.platform.traffic.tables.PredictionRow` but its number."""
    session.execute(insert(PredictionRow), list(rows))


def newest(
    session: Session,
    repository: int,
    *,
    commit: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = MAX_PAGE,
) -> list[Asked]:
    """Rows that were kept, the newest first.

    Args:
        session: Any session.
        repository: The model's number.
        commit: Only those that this revision was asked.
        since: Only those asked from then on.
        before: Only those with a lower number.
        limit: At most so many.
    """
    query = select(PredictionRow).where(PredictionRow.repository_id == repository)
    if commit is not None:
        query = query.where(PredictionRow.commit_oid == commit)
    if since is not None:
        query = query.where(PredictionRow.at >= since)
    if before is not None:
        query = query.where(PredictionRow.id < before)
    rows = session.scalars(query.order_by(PredictionRow.id.desc()).limit(limit))
    return [
        Asked(
            number=row.id,
            commit=row.commit_oid,
            at=row.at,
            row=row.row,
            answer=row.answer,
            confidence=row.confidence,
            answered_by=row.answered_by,
            told=row.told,
        )
        for row in rows
    ]


def texts_of(session: Session, repository: int, limit: int) -> list[tuple[Mapping[str, Any], float | None]]:
    """The newest rows of a model, each with the confidence of its answer."""
    query = select(PredictionRow.row, PredictionRow.confidence).where(
        PredictionRow.repository_id == repository
    )
    found = session.execute(query.order_by(PredictionRow.id.desc()).limit(limit))
    return [(row, confidence) for row, confidence in found]


def last_number(session: Session, repository: int) -> int:
    """The number of the newest row that was kept of a model; 0 where there is none."""
    query = select(func.max(PredictionRow.id)).where(PredictionRow.repository_id == repository)
    return session.scalar(query) or 0


def count(session: Session, repository: int) -> int:
    """How many rows of a model are kept."""
    query = select(func.count()).where(PredictionRow.repository_id == repository)
    return session.scalar(query) or 0


def forget(session: Session, repository: int) -> int:
    """Delete the oldest rows of a model, some at a time; says how many, 0 at the end."""
    query = select(PredictionRow.id).where(PredictionRow.repository_id == repository)
    return _delete(session, session.scalars(query.order_by(PredictionRow.id).limit(_DELETED_AT_ONCE)).all())


def expire(session: Session, *, before: datetime, rows: int) -> int:
    """Delete rows that were asked before a moment, and the oldest beyond a number, some at a time; says how many.

    Args:
        session: A writing session.
        before: The moment.
        rows: How many rows of all models stay.
    """
    old = select(PredictionRow.id).where(PredictionRow.at < before).limit(_DELETED_AT_ONCE)
    if deleted := _delete(session, session.scalars(old).all()):
        return deleted
    last = session.scalar(select(PredictionRow.id).order_by(PredictionRow.id.desc()).offset(rows).limit(1))
    if last is None:
        return 0
    beyond = select(PredictionRow.id).where(PredictionRow.id <= last).limit(_DELETED_AT_ONCE)
    return _delete(session, session.scalars(beyond).all())


def _delete(session: Session, numbers: Iterable[int]) -> int:
    chosen = list(numbers)
    if chosen:
        session.execute(delete(PredictionRow).where(PredictionRow.id.in_(chosen)))
    return len(chosen)
