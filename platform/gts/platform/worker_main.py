"""A worker process: ``python -m gts.platform.worker_main``, started by ``gts up`` or by ``gts worker``."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from gts.core.errors import GTSError, InvalidInput
from gts.core.threads import limit_threads
from gts.orchestrator.compute import open_compute
from gts.platform.logs import set_up_logging
from gts.platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from gts.orchestrator.worker import Worker

logger = logging.getLogger("gts.platform")

WATCH_PARENT = "--watch-parent"
_GRACE_S = 4.0


def main(arguments: list[str]) -> int:
    """Run a worker until SIGTERM, SIGINT or, with ``--watch-parent``, the end of standard input."""
    settings = load_settings()
    set_up_logging(settings.log_level)
    try:
        run_worker(settings, watch_parent=WATCH_PARENT in arguments)
    except GTSError as error:
        logger.error("the worker cannot work: %s", error)
        return 1
    return 0


def run_worker(settings: Settings, *, watch_parent: bool = False) -> None:
    """Claim and run jobs until told to stop.

    Args:
        settings: The installation's settings.
        watch_parent: Whether to end when standard input does: whoever started us holds its other end.
    """
    limit_threads()
    from gts.core.artifacts import ArtifactStore
    from gts.core.database import Database
    from gts.orchestrator.knock import open_knock
    from gts.orchestrator.reconciler import Reconciler
    from gts.orchestrator.taskstore import clean_drafts
    from gts.orchestrator.worker import Worker
    from gts.platform.storage import open_store
    from gts.registry.registry import Registry

    database = Database(settings.database)
    store = ArtifactStore(settings.store_root)
    blobs = open_store(settings)
    registry = Registry(database, blobs)
    compute = open_compute(
        settings.compute,
        store,
        stages=settings.stages,
        ray_address=settings.ray_address,
        folder=settings.ray_root,
    )
    knock = open_knock(settings.redis_url)
    worker = Worker(database, store, compute, import_object(settings.engine)(registry, database))
    drafts = ArtifactStore(settings.drafts_root)
    cleaners: list[Callable[[], int]] = [
        blobs.clean_temporary,
        registry.clean_uploads,
        lambda: clean_drafts(drafts),
    ]
    reconciler = Reconciler(database, store, knock, cleaners=cleaners)

    def stop(*_: object) -> None:
        worker.stop()
        threading.Thread(target=_end_late, args=(worker,), name="end-late", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if watch_parent:
        threading.Thread(target=_watch_parent, args=(stop,), name="watch-parent", daemon=True).start()
    knock.listen(worker.wake)
    reconciler.start()
    try:
        worker.run()
    finally:
        reconciler.stop()
        knock.close()
        compute.close()
        database.close()
        _end_children()


def import_object(reference: str) -> Any:
    """What ``module:name`` names.

    Raises:
        InvalidInput: There is no such thing.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInput(
            f"{reference!r} cannot be imported: {error}", mend="write it as package.module:name"
        ) from error


def _watch_parent(stop: Callable[[], None]) -> None:
    # Blocks until the pipe's other end is closed, which the system does however its holder ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop()


def _end_late(worker: Worker) -> None:
    """A stage in native code may not look up in time, nor Ray go in time; nobody waits for them for ever."""
    time.sleep(_GRACE_S)
    if job_id := worker.job_id:
        logger.warning(
            "job %s did not stop within %.0f s and is ended here; it goes on when its lease has run out",
            job_id,
            _GRACE_S,
        )
    _end_children()
    os._exit(1)


def _end_children() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
