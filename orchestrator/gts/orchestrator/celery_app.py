"""The Celery application that carries knocks over Redis: one task, one queue, JSON only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger("gts.orchestrator")

KNOCK_TASK = "gts.knock"
QUEUE = "gts.knocks"
SOCKET_TIMEOUT_S = 2.0


def make_app(url: str) -> Celery:
    """The application for a broker.

    Messages are acknowledged on receipt and hold nothing but a job id: no Celery transport keeps a task through
    ``kill -9`` in useful time, so none is asked to. The sweep of unacknowledged messages is set to run soon all
    the same (kombu's default is a hundred seconds).

    Args:
        url: ``redis://[:password@]host:port/database``.
    """
    from celery import Celery

    app = Celery("gts", broker=url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_backend=None,
        task_acks_late=False,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        broker_connection_timeout=SOCKET_TIMEOUT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 60,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "socket_timeout": SOCKET_TIMEOUT_S,
            "max_retries": 0,
        },
    )
    return app


def make_consumer(app: Celery, listener: Callable[[str], None]) -> Any:
    """A consumer of knocks, to be run in a thread with ``run()`` and ended by setting ``should_stop``.

    It is kombu's consumer on Celery's queue instead of Celery's worker, which keeps its state in module globals
    and wants the main thread and its signals for itself. It connects again, for ever, when the broker goes.
    """
    from kombu.exceptions import KombuError
    from kombu.mixins import ConsumerMixin

    class KnockConsumer(ConsumerMixin):
        def __init__(self) -> None:
            self.connection = app.connection_for_read()

        def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:
            return [app.amqp.TaskConsumer(channel, queues=[app.amqp.queues[QUEUE]], on_message=self.on_knock)]

        def on_knock(self, message: Any) -> None:
            message.ack()
            if message.headers.get("task") != KNOCK_TASK:
                return
            try:
                arguments, _, _ = message.decode()
                job_id = str(arguments[0])
            except (KombuError, ValueError, TypeError, LookupError) as error:
                logger.warning("a message that is no knock was passed over: %s", error)
                return
            listener(job_id)

    return KnockConsumer()
