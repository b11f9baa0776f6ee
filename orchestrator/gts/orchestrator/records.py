"""What the services of this room return: frozen copies of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gts.orchestrator.states import JobState
from gts.orchestrator.tables import DecisionRow, EventRow, JobRow, StageRunRow


@dataclass(frozen=True)
class ModelReference:
    """A published revision: ``namespace/name`` at a 40-digit commit id."""

    namespace: str
    name: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stood when it was read.

    Attributes:
        id: 32 hex digits that sort by time of submission.
        name: Name of the task and of the model repository it fills.
        owner: Who submitted it.
        namespace: Where the model will be published.
        state: Where it stands.
        cancel_requested: Whether someone asked to stop it.
        spec: The task specification as JSON.
        task_artifact: Digest of the task's data.
        fence: Number of the present or last attempt; 0 before the first.
        attempts: Attempts that count against the limit: those since a person put it into the queue, first or again,
            but for those that a worker's orderly shutdown ended.
        worker: Who holds it now.
        lease_until: Until when it is held.
        forecast_seconds: What it is expected to take, counted from when it was put into the queue.
        served_seconds: How long workers have held it in all its attempts.
        queued_at: When a person put it into the queue, first or again.
        report: The account of its newest student; one that was continued keeps it until there is a newer.
        error: ``{"code", "message", "mend", "details"}`` of a failed one.
        model: What it published.
        last_seq: Number of its newest event.
    """

    id: str
    name: str
    owner: str
    namespace: str
    state: JobState
    cancel_requested: bool
    spec: dict[str, Any]
    task_artifact: str
    idempotency_key: str | None
    fence: int
    attempts: int
    worker: str | None
    lease_until: datetime | None
    heartbeat_at: datetime | None
    forecast_seconds: float
    served_seconds: float
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    last_seq: int
    report: dict[str, Any] | None
    error: dict[str, Any] | None
    model: ModelReference | None

    @property
    def open_questions(self) -> int:
        """Questions to people that its newest report leaves open."""
        return int(((self.report or {}).get("questions") or {}).get("open") or 0)

    @classmethod
    def from_row(cls, row: JobRow) -> Job:
        """Copy a row."""
        model = None
        if row.model_namespace and row.model_name and row.model_revision:
            model = ModelReference(row.model_namespace, row.model_name, row.model_revision)
        return cls(
            id=row.id,
            name=row.name,
            owner=row.owner,
            namespace=row.namespace,
            state=JobState(row.state),
            cancel_requested=row.cancel_requested,
            spec=row.spec,
            task_artifact=row.task_artifact,
            idempotency_key=row.idempotency_key,
            fence=row.fence,
            attempts=row.attempts,
            worker=row.worker,
            lease_until=row.lease_until,
            heartbeat_at=row.heartbeat_at,
            forecast_seconds=row.forecast_seconds,
            served_seconds=row.served_seconds,
            created_at=row.created_at,
            queued_at=row.queued_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            last_seq=row.last_seq,
            report=row.report,
            error=row.error,
            model=model,
        )


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; ``seq`` counts from 1 without gaps."""

    job_id: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]

    @classmethod
    def from_row(cls, row: EventRow) -> Event:
        """Copy a row."""
        return cls(row.job_id, row.seq, row.at, row.kind, row.data)


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One stage of one attempt; ``state`` is ``running``, ``finished`` or ``stopped``."""

    key: str
    name: str
    detail: str
    state: str
    artifact: str | None
    seconds: float | None
    forecast_seconds: float | None
    cached: bool
    summary: dict[str, Any] | None
    started_at: datetime

    @classmethod
    def from_row(cls, row: StageRunRow) -> StageRun:
        """Copy a row."""
        return cls(
            key=row.key,
            name=row.name,
            detail=row.detail,
            state=row.state,
            artifact=row.artifact,
            seconds=row.seconds,
            forecast_seconds=row.forecast_seconds,
            cached=row.cached,
            summary=row.summary,
            started_at=row.started_at,
        )


@dataclass(frozen=True)
class Decision:
    """One choice of the planner: what it expected (``forecast``), and what came (``outcome``)."""

    seq: int
    at: datetime
    action: str
    reason: str
    forecast: dict[str, Any]
    outcome: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: DecisionRow) -> Decision:
        """Copy a row."""
        return cls(row.seq, row.at, row.action, row.reason, row.forecast, row.outcome)
