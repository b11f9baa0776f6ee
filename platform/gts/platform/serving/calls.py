"""Calls in threads that those who want the same at the same time share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SharedCalls(Generic[K, V]):
    """Calls a function in a pool, one call at a time for each key.

    Whoever asks while a call for the same key runs gets the answer of the next one, together with all others who wait for it: an
    answer is never older than its question. Safe to use from several threads and event loops.

    Args:
        call: The function.
        pool: Where it runs.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(1) as pool:
        ...     SharedCalls(len, pool).ask("four").result()
        4
    """

    def __init__(self, call: Callable[[K], V], pool: Executor) -> None:
        self._call = call
        self._pool = pool
        self._waiting: dict[K, list[Future[V]]] = {}
        self._running: set[K] = set()
        self._lock = Lock()

    def ask(self, key: K) -> Future[V]:
        """The answer to a question that is asked now; a future of the caller's own."""
        future: Future[V] = Future()
        with self._lock:
            self._waiting.setdefault(key, []).append(future)
            if key in self._running:
                return future
            self._running.add(key)
        self._pool.submit(self._run, key)
        return future

    def _run(self, key: K) -> None:
        while True:
            with self._lock:
                asked = self._waiting.pop(key, None)
                if asked is None:
                    self._running.discard(key)
                    return
            wanted = [future for future in asked if future.set_running_or_notify_cancel()]
            if not wanted:
                continue
            try:
                answer = self._call(key)
            except BaseException as error:  # noqa: BLE001 - those who wait are told
                for future in wanted:
                    future.set_exception(error)
            else:
                for future in wanted:
                    future.set_result(answer)
