"""Knocks: "there may be work". The database is the truth; a knock may be lost, doubled or late.

Workers poll the database anyway and the reconciler knocks again for what still waits, so a knock only
shortens the wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger("gts.orchestrator")

Listener = Callable[[str], None]


class Knock(Protocol):
    """Tells workers that a job waits."""

    def knock(self, job_id: str) -> None:
        """Tell whoever listens. Never raises and never waits long: a broker that is down is only logged."""
        ...

    def listen(self, listener: Listener) -> None:
        """Call ``listener(job_id)`` from a thread of its own for every knock, until :meth:`close`."""
        ...

    def close(self) -> None:
        """End listening; closing twice is fine."""
        ...


class NoKnock:
    """The embedded default: workers find jobs by polling."""

    def knock(self, job_id: str) -> None:
        """Nothing to do."""

    def listen(self, listener: Listener) -> None:
        """Nothing will come."""

    def close(self) -> None:
        """Nothing to end."""


class CeleryKnock:
    """Knocks as Celery messages over Redis.

    Listening is a thread of the worker process: a knock only sets a flag of that process, so a Celery worker
    beside it would need a second channel to pass the knock on, and its pool would fork a process that holds
    database connections and Ray.

    Args:
        url: Broker URL, ``redis://[:password@]host:port/database``.
    """

    def __init__(self, url: str) -> None:
        from gts.orchestrator.celery_app import make_app

        self._app: Celery = make_app(url)
        self._consumer: Any = None
        self._thread: threading.Thread | None = None

    def knock(self, job_id: str) -> None:
        """See :meth:`Knock.knock`."""
        from kombu.exceptions import OperationalError

        from gts.orchestrator.celery_app import KNOCK_TASK, QUEUE

        try:
            self._app.send_task(KNOCK_TASK, args=[job_id], queue=QUEUE, retry=False)
        except (OperationalError, OSError) as error:
            logger.warning("knock for job %s not sent (%s); workers will find it by polling", job_id, error)

    def listen(self, listener: Listener) -> None:
        """See :meth:`Knock.listen`."""
        from gts.orchestrator.celery_app import make_consumer

        self._consumer = make_consumer(self._app, listener)
        self._thread = threading.Thread(target=self._consumer.run, name="knocks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """See :meth:`Knock.close`."""
        if self._consumer is not None:
            self._consumer.should_stop = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._consumer = self._thread = None
        self._app.close()


def open_knock(url: str | None) -> Knock:
    """The knock for a broker URL; without one, workers poll."""
    return CeleryKnock(url) if url else NoKnock()
