"""The worker: claims jobs one at a time, keeps their lease, runs them, and writes how they ended."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database, database_failure
from gts.core.errors import Cancelled, GTSError, LeaseLost
from gts.orchestrator import queue
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.questions import Question
from gts.orchestrator.recorder import JobRecorder, Recorder, StopReason
from gts.orchestrator.records import Job, ModelReference

logger = logging.getLogger("gts.orchestrator")


@dataclass(frozen=True)
class Outcome:
    """What a job that ended well gave.

    Attributes:
        report: The JSON account of the job.
        model: The published revision.
        questions: What people are to be asked; the job waits for their answers.
    """

    report: Mapping[str, Any]
    model: ModelReference
    questions: tuple[Question, ...] = ()


RunJob = Callable[[Job, ArtifactStore, Compute, Recorder], Outcome]


class Worker:
    """Runs jobs of a database until it is stopped.

    Args:
        database: The queue.
        store: Artifacts.
        compute: Where stages run; the worker does not close it.
        run_job: Runs one job; raises Cancelled when its recorder says stop.
        name: Who holds the jobs it claims; host and process id by default.
        poll_s: How often to look for work when no knock comes, in seconds.
        lease_s: How long a job stays held without a heartbeat, in seconds.
        heartbeat_s: How often the lease is prolonged, in seconds.
        clock: Where the time of leases comes from.

    Attributes:
        job_id: The job at hand; ``None`` between jobs.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        compute: Compute,
        run_job: RunJob,
        *,
        name: str | None = None,
        poll_s: float = 0.5,
        lease_s: float = queue.LEASE_S,
        heartbeat_s: float = 5.0,
        clock: Clock = database_clock,
    ) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._store = store
        self._compute = compute
        self._run_job = run_job
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._knocked = threading.Event()
        # A plain flag, not an Event: stop() is called from signal handlers, where an Event's lock may be held.
        self._stopping = False
        self.job_id: str | None = None

    def stop(self) -> None:
        """End :meth:`run`: the job at hand stops within seconds and goes back into the queue."""
        self._stopping = True

    def wake(self, _job_id: str = "") -> None:
        """Look for work now instead of at the next poll; the listener of a :class:`~gts.orchestrator.knock.Knock`."""
        self._knocked.set()

    def run(self) -> None:
        """Claim and run jobs until :meth:`stop`. A database that cannot be reached is tried again."""
        logger.info("worker %s is waiting for jobs", self.name)
        while not self._stopping:
            try:
                worked = self.run_once()
            except DBAPIError as error:
                logger.warning("%s; trying again", _what_failed(error), exc_info=True)
                worked = False
            if not worked and not self._stopping:
                self._knocked.wait(self._poll_s)
                self._knocked.clear()
        logger.info("worker %s has stopped", self.name)

    def run_once(self) -> bool:
        """Claim one job and run it to its end; ``False`` when none was waiting."""
        with self._database.writing() as session:
            job = queue.claim(session, self.name, lease_s=self._lease_s, clock=self._clock)
        if job is None:
            return False
        self.job_id = job.id
        logger.info("job %s (%s): attempt %d begins", job.id, job.name, job.fence)
        recorder = JobRecorder(self._database, job, clock=self._clock)
        with self._heartbeats(job, recorder):
            try:
                self._carry_out(job, recorder)
            except LeaseLost:
                logger.warning("job %s: attempt %d lost its lease and stops", job.id, job.fence)
            except DBAPIError as error:
                # Nothing can be written, so nothing is: the lease lapses and the next attempt goes on.
                logger.warning("job %s: %s; left to its lease", job.id, _what_failed(error), exc_info=True)
            finally:
                self.job_id = None
        return True

    def _carry_out(self, job: Job, recorder: JobRecorder) -> None:
        try:
            outcome = self._run_job(job, self._store, self._compute, recorder)
            if outcome.questions:
                recorder.wait(outcome.report, outcome.model, outcome.questions)
                logger.info("job %s waits for answers", job.id)
            else:
                recorder.finish(outcome.report, outcome.model)
                logger.info("job %s succeeded", job.id)
        except (LeaseLost, DBAPIError):
            raise
        except Cancelled as error:
            self._end_early(recorder, error)
        except GTSError as error:
            logger.warning("job %s failed: %s", job.id, error)
            recorder.fail(error)
        except Exception as error:  # the border between a job's code and the platform
            logger.exception("job %s ended with an unexpected error", job.id)
            recorder.fail(
                GTSError(
                    f"the job ended with an unexpected {type(error).__name__}",
                    mend=f"the worker's log has the details under job {job.id}; please report them",
                )
            )

    def _end_early(self, recorder: JobRecorder, error: Cancelled) -> None:
        if recorder.stop_reason == StopReason.SHUTDOWN:
            recorder.give_back()
        elif recorder.stop_reason == StopReason.CANCELLED:
            recorder.cancelled()
        elif recorder.stop_reason is None:  # nobody asked: the job's code is wrong
            recorder.fail(error)

    @contextmanager
    def _heartbeats(self, job: Job, recorder: JobRecorder) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(
            target=self._keep_lease, args=(job, recorder, ended), name=f"lease-{job.id}", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _keep_lease(self, job: Job, recorder: JobRecorder, ended: threading.Event) -> None:
        beaten_at = time.monotonic()
        tick_s = min(self._heartbeat_s, 0.2)  # how soon a shutdown is passed on
        while not ended.wait(tick_s):
            if self._stopping:
                recorder.stop(StopReason.SHUTDOWN)
            if time.monotonic() - beaten_at < self._heartbeat_s:
                continue
            try:
                with self._database.writing() as session:
                    requested = queue.heartbeat(
                        session, job.id, job.fence, lease_s=self._lease_s, clock=self._clock
                    )
            except LeaseLost:
                recorder.stop(StopReason.LOST)
                return
            except DBAPIError as error:
                logger.warning("job %s: no heartbeat, %s", job.id, _what_failed(error), exc_info=True)
                if time.monotonic() - beaten_at > self._lease_s:
                    recorder.stop(StopReason.LOST)
                    return
                continue
            beaten_at = time.monotonic()
            if requested:
                recorder.stop(StopReason.CANCELLED)


def _what_failed(error: DBAPIError) -> str:
    failure = database_failure(error)
    return failure.message if failure else "the database refused"
