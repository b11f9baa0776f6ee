"""The orchestrator's tables. Rows never leave this room: services return the values of `records.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from gts.core.database import Base
from gts.core.fingerprint import canonical_json
from gts.orchestrator.questions import QuestionKind, QuestionState
from gts.orchestrator.states import JobState


class StrictJson(TypeDecorator[Any]):
    """JSON without NaN and infinities, which Postgres refuses and SQLite would let through."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Refuse what is not JSON, on every database alike."""
        if value is not None:
            canonical_json(value)
        return value


_STATES = ", ".join(f"'{state}'" for state in JobState)
_QUESTION_STATES = ", ".join(f"'{state}'" for state in QuestionState)
_QUESTION_KINDS = ", ".join(f"'{kind}'" for kind in QuestionKind)


class JobRow(Base):
    """One production run. ``id`` sorts by time of submission; ``fence`` grows with each claim.

    ``queued_at`` is when a person put it into the queue, first or again; ``forecast_seconds`` what it is expected to
    take from there, ``served_seconds`` how long workers have held it in all its attempts.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        Index("ix_jobs_state_id", "state", "id"),
        Index("ix_jobs_owner_id", "owner", "id"),
        Index("ix_jobs_heartbeat_at", "heartbeat_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(96))
    owner: Mapped[str] = mapped_column(String(96))
    namespace: Mapped[str] = mapped_column(String(96))
    state: Mapped[str] = mapped_column(String(16))
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    spec: Mapped[dict[str, Any]] = mapped_column(StrictJson)
    task_artifact: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_digest: Mapped[str] = mapped_column(String(64))
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    forecast_seconds: Mapped[float]
    served_seconds: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_seq: Mapped[int] = mapped_column(default=0)  # of the job's events
    report: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)
    error: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)
    model_namespace: Mapped[str | None] = mapped_column(String(96))
    model_name: Mapped[str | None] = mapped_column(String(96))
    model_revision: Mapped[str | None] = mapped_column(String(40))


class AttemptRow(Base):
    """One worker's try at a job."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))


class StageRunRow(Base):
    """One stage of one attempt, run or found finished."""

    __tablename__ = "stage_runs"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(96))
    detail: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    artifact: Mapped[str | None] = mapped_column(String(64))
    seconds: Mapped[float | None]
    forecast_seconds: Mapped[float | None]
    cached: Mapped[bool] = mapped_column(default=False)
    summary: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)
    started_at: Mapped[datetime]


class EventRow(Base):
    """Something that happened to a job; ``seq`` counts from 1 within the job, without gaps."""

    __tablename__ = "events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(StrictJson)


class DecisionRow(Base):
    """One choice of the planner in one attempt: what it expected, and what came of it."""

    __tablename__ = "decisions"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(2000))
    forecast: Mapped[dict[str, Any]] = mapped_column(StrictJson)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)


class ReviewRow(Base):
    """A person's word on one generated text of a model repository; it outlives the job that made the text."""

    __tablename__ = "reviews"
    __table_args__ = (CheckConstraint("verdict IN ('veto', 'edit')", name="verdict"),)

    namespace: Mapped[str] = mapped_column(String(96), primary_key=True)
    name: Mapped[str] = mapped_column(String(96), primary_key=True)
    text_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(8))
    new_text: Mapped[str | None] = mapped_column(Text)
    labels: Mapped[list[str] | None] = mapped_column(StrictJson)
    by: Mapped[str] = mapped_column(String(96))
    at: Mapped[datetime]


class QuestionRow(Base):
    """A question to people and what was answered; answers outlive the job that asked, so no key binds them to it.

    ``seq`` counts the questions of a job in the order in which they were posed; ``shown_to`` looks at it since ``shown_at``.
    """

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("job_id", "seq"),
        CheckConstraint(f"kind IN ({_QUESTION_KINDS})", name="kind"),
        CheckConstraint(f"state IN ({_QUESTION_STATES})", name="state"),
        Index("ix_questions_namespace_name", "namespace", "name"),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    job_id: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]
    namespace: Mapped[str] = mapped_column(String(96))
    name: Mapped[str] = mapped_column(String(96))
    batch: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    payload: Mapped[dict[str, Any]] = mapped_column(StrictJson)
    reason: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    answer: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)
    by: Mapped[str | None] = mapped_column(String(96))
    at: Mapped[datetime | None]
    asked_at: Mapped[datetime]
    shown_to: Mapped[str | None] = mapped_column(String(96))
    shown_at: Mapped[datetime | None]
