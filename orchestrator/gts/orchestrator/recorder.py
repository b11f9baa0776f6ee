"""What a running job reports while it runs, and to whom: the database for the platform, a terminal for `produce`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gts.core.artifacts import StageResult
from gts.core.database import Database
from gts.core.errors import GTSError
from gts.orchestrator import asking, events, queue, steering
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.questions import Question, QuestionState
from gts.orchestrator.records import Job, ModelReference
from gts.orchestrator.stage import StageCall
from gts.orchestrator.tables import DecisionRow, JobRow, StageRunRow
from gts.orchestrator.wishes import Wishes

PROGRESS_EVERY_S = 0.5

logger = logging.getLogger("gts.orchestrator")


class Recorder(Protocol):
    """Told what a job does while it runs."""

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Something happened. Events of kind ``progress`` may be thinned out."""
        ...

    def stage_started(self, call: StageCall, detail: str, forecast_s: float | None) -> None:
        """A stage is about to run (or be found finished).

        Args:
            call: The stage call.
            detail: What tells it from other calls of the stage (``"encoder"``, ``"static"``).
            forecast_s: How long it was expected to take, in seconds.
        """
        ...

    def stage_finished(self, call: StageCall, result: StageResult, cached: bool) -> None:
        """A stage has ended well; ``cached`` when an earlier run had done it."""
        ...

    def decision(self, action: str, reason: str, forecast: Mapping[str, Any]) -> int:
        """The planner has chosen; returns the decision's number, counted from 1 in each attempt."""
        ...

    def outcome(self, decision: int, outcome: Mapping[str, Any]) -> None:
        """What came of a decision."""
        ...

    def forecast(self, seconds: float) -> None:
        """What the attempt is expected to take."""
        ...

    def should_stop(self) -> bool:
        """Whether the job must end now: cancelled, lost to another worker, or the process shuts down."""
        ...

    def wishes(self) -> Wishes | None:
        """The newest budget and goal, to be asked before each decision; ``None`` while nobody has changed them."""
        ...


class StopReason(StrEnum):
    """Why a running job must end before its time."""

    CANCELLED = "cancelled"
    LOST = "lost"
    SHUTDOWN = "shutdown"


class JobRecorder:
    """Writes a job's course into the database, every write bound to the attempt's fence.

    All methods that write raise :class:`~gts.core.errors.LeaseLost` once another attempt holds the job.

    Args:
        database: Where the job is.
        job: The job as it was claimed.
        clock: Where the time comes from.
    """

    def __init__(self, database: Database, job: Job, *, clock: Clock = database_clock) -> None:
        self._database = database
        self._job = job
        self._clock = clock
        self._decisions = 0
        self._wishes = Wishes.of(job.spec)
        self._wishes_changed = False
        self._progress_at = 0.0
        self._lock = threading.Lock()
        self.stop_reason: StopReason | None = None

    def stop(self, reason: StopReason) -> None:
        """Make :meth:`should_stop` true. A lost lease overrules every other reason."""
        with self._lock:
            if self.stop_reason is None or reason == StopReason.LOST:
                self.stop_reason = reason

    def should_stop(self) -> bool:
        """See :meth:`Recorder.should_stop`."""
        return self.stop_reason is not None

    def wishes(self) -> Wishes | None:
        """See :meth:`Recorder.wishes`; one row is read. A change that was taken back is still told."""
        with self._database.reading() as session:
            spec = session.scalars(select(JobRow.spec).where(JobRow.id == self._job.id)).one()
        found = Wishes.of(spec)
        if found != self._wishes:
            self._wishes, self._wishes_changed = found, True
        return self._wishes if self._wishes_changed else None

    def forecast(self, seconds: float) -> None:
        """Keep what the attempt is expected to take, so that the queue knows when it comes back to the job."""

        def write(session: Session) -> None:
            row = session.get_one(JobRow, self._job.id)
            row.forecast_seconds = max(0.0, seconds)

        self._write(write)

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """See :meth:`Recorder.event`; progress less than half a second after the last is dropped.

        So is progress that a busy database does not take: it is not worth the stage that runs.
        """
        if kind == "progress":
            moment = time.monotonic()
            if moment - self._progress_at < PROGRESS_EVERY_S:
                return
            self._progress_at = moment
        try:
            self._write(lambda session: self._append(session, kind, data))
        except DBAPIError:
            if kind != "progress":
                raise
            logger.warning("job %s: progress could not be written", self._job.id, exc_info=True)

    def stage_started(self, call: StageCall, detail: str, forecast_s: float | None) -> None:
        """See :meth:`Recorder.stage_started`."""

        def write(session: Session) -> None:
            row = StageRunRow(
                job_id=self._job.id,
                fence=self._job.fence,
                key=call.key,
                name=call.name,
                detail=detail,
                state="running",
                forecast_seconds=forecast_s,
                cached=False,
                started_at=self._clock(session),
            )
            session.merge(row)  # the planner may come back to a call it made before
            data = {"name": call.name, "detail": detail, "key": call.key, "forecast_seconds": forecast_s}
            self._append(session, "stage_started", data)

        self._write(write)

    def stage_finished(self, call: StageCall, result: StageResult, cached: bool) -> None:
        """See :meth:`Recorder.stage_finished`."""

        def write(session: Session) -> None:
            session.execute(
                update(StageRunRow)
                .where(
                    StageRunRow.job_id == self._job.id,
                    StageRunRow.fence == self._job.fence,
                    StageRunRow.key == call.key,
                )
                .values(
                    state="finished",
                    artifact=result.artifact,
                    seconds=result.seconds,
                    cached=cached,
                    summary=result.summary,
                )
            )
            data = {"name": call.name, "key": call.key, "seconds": result.seconds, "cached": cached}
            self._append(session, "stage_finished", {**data, "summary": result.summary})

        self._write(write)

    def decision(self, action: str, reason: str, forecast: Mapping[str, Any]) -> int:
        """See :meth:`Recorder.decision`."""
        number = self._decisions + 1

        def write(session: Session) -> None:
            row = DecisionRow(
                job_id=self._job.id,
                fence=self._job.fence,
                seq=number,
                at=self._clock(session),
                action=action,
                reason=reason,
                forecast=dict(forecast),
            )
            session.add(row)
            data = {"number": number, "action": action, "reason": reason, "forecast": dict(forecast)}
            self._append(session, "decision", data)

        self._write(write)
        self._decisions = number
        return number

    def outcome(self, decision: int, outcome: Mapping[str, Any]) -> None:
        """See :meth:`Recorder.outcome`."""

        def write(session: Session) -> None:
            session.execute(
                update(DecisionRow)
                .where(
                    DecisionRow.job_id == self._job.id,
                    DecisionRow.fence == self._job.fence,
                    DecisionRow.seq == decision,
                )
                .values(outcome=dict(outcome))
            )
            self._append(session, "outcome", {"number": decision, "outcome": dict(outcome)})

        self._write(write)

    def finish(self, report: Mapping[str, Any], model: ModelReference) -> None:
        """End the job well; nobody needs to answer what it has asked before."""
        with self._database.writing() as session:
            queue.finish(session, self._job.id, self._job.fence, report, model, clock=self._clock)
            asking.withdraw_open(session, self._job.id)

    def wait(
        self, report: Mapping[str, Any], model: ModelReference, questions: Sequence[Question] = ()
    ) -> None:
        """Ask people, and let go of the job until they have answered.

        What has been answered before, in an attempt that died, was not learnt from: then the job goes on at once. It ends where
        nothing is left open.
        """
        job = self._job
        with self._database.writing() as session:
            queue.check_held(session, job.id, job.fence)
            posed = asking.pose(session, job, questions, clock=self._clock)
            waiting = [question.id for question in posed if question.state == QuestionState.OPEN]
            if questions:
                asking.withdraw_open(session, job.id, keep=waiting)
                report = {**report, "questions": {**report["questions"], "open": len(waiting)}}
            if waiting or not questions:
                queue.wait(session, job.id, job.fence, report, model, clock=self._clock)
            elif any(question.state == QuestionState.ANSWERED for question in posed):
                queue.wait(session, job.id, job.fence, report, model, clock=self._clock)
                steering.continue_(session, job.id, by=job.owner, clock=self._clock)
            else:
                queue.finish(session, job.id, job.fence, report, model, clock=self._clock)

    def fail(self, error: GTSError) -> None:
        """End the job with an error."""
        with self._database.writing() as session:
            queue.fail(session, self._job.id, self._job.fence, error, clock=self._clock)

    def cancelled(self) -> None:
        """End the job as cancelled."""
        with self._database.writing() as session:
            queue.cancelled(session, self._job.id, self._job.fence, clock=self._clock)

    def give_back(self) -> None:
        """Put the job back into the queue."""
        with self._database.writing() as session:
            queue.give_back(session, self._job.id, self._job.fence, clock=self._clock)

    def _append(self, session: Session, kind: str, data: Mapping[str, Any]) -> None:
        events.append(session, self._job.id, self._clock(session), kind, data)

    def _write(self, write: Callable[[Session], None]) -> None:
        with self._database.writing() as session:
            queue.check_held(session, self._job.id, self._job.fence)
            write(session)
