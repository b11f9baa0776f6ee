"""The reconciler: every few seconds it puts right what died, was lost, or was forgotten."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.core.errors import GTSError
from gts.orchestrator import queue, steering
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.knock import Knock
from gts.orchestrator.states import JobState
from gts.orchestrator.tables import JobRow

logger = logging.getLogger("gts.orchestrator")

PERIOD_S = 5.0
CLEAN_EVERY_S = 3600.0
# A few wake enough workers, each of which goes on until the queue is empty; without a listener they pile up.
KNOCKS_A_ROUND = 8
# Longer than any stage is silent: only folders of dead processes are that old.
TEMPORARY_FOR_S = 6 * 3600.0


class Reconciler:
    """Frees expired leases, ends cancelled jobs nobody holds, knocks again for waiting ones, cleans the store.

    Any number of them may run; each step is safe to repeat.

    Args:
        database: The queue.
        store: Artifacts whose leftovers are removed.
        knock: How workers are told of waiting jobs.
        period_s: Seconds between rounds.
        max_attempts: How many workers may die over a job before it fails.
        clock: Where the time of leases comes from.
        cleaners: What else is called at the start and every hour; each removes leftovers and says how many.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        knock: Knock,
        *,
        period_s: float = PERIOD_S,
        max_attempts: int = queue.MAX_ATTEMPTS,
        clock: Clock = database_clock,
        cleaners: Sequence[Callable[[], int]] = (),
    ) -> None:
        self._database = database
        self._store = store
        self._knock = knock
        self._period_s = period_s
        self._max_attempts = max_attempts
        self._clock = clock
        self._cleaners = cleaners
        self._cleaned_at: float | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run rounds in a thread of its own, the first at once."""
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self.tick()
            except (DBAPIError, OSError, GTSError):
                logger.warning("a round of the reconciler failed; trying again", exc_info=True)
            if self._stopped.wait(self._period_s):
                return

    def tick(self) -> None:
        """One round."""
        with self._database.writing() as session:
            for job_id in queue.release_expired(session, max_attempts=self._max_attempts, clock=self._clock):
                logger.warning("job %s: the lease ran out", job_id)
        with self._database.writing() as session:
            unheld = (JobState.QUEUED, JobState.WAITING)
            asked = select(JobRow.id).where(JobRow.state.in_(unheld), JobRow.cancel_requested)
            for job_id in session.scalars(asked).all():
                steering.end_unheld(session, job_id, clock=self._clock)
        with self._database.reading() as session:
            before = self._clock(session) - timedelta(seconds=self._period_s)
            waiting = session.scalars(
                select(JobRow.id)
                .where(JobRow.state == JobState.QUEUED, JobRow.queued_at <= before)
                .order_by(JobRow.id)
                .limit(KNOCKS_A_ROUND)
            ).all()
        for job_id in waiting:
            self._knock.knock(job_id)
        self._clean()

    def _clean(self) -> None:
        if self._cleaned_at is not None and time.monotonic() - self._cleaned_at < CLEAN_EVERY_S:
            return
        self._cleaned_at = time.monotonic()
        removed = self._store.clean_temporary(TEMPORARY_FOR_S) + sum(clean() for clean in self._cleaners)
        if removed:
            logger.info("removed %d leftovers of what was broken off", removed)
