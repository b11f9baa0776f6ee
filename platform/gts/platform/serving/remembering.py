"""What was looked up in the database, remembered as long as nothing in the database has changed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from threading import Lock
from typing import Generic, TypeVar
from weakref import finalize

from sqlalchemy.engine import make_url

from gts.platform.serving.calls import SharedCalls

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MOST = 10_000
_KEPT_S = 30.0


class Changes:
    """Tells whether a database has changed.

    SQLite tells it in two microseconds (``PRAGMA data_version``), whoever changed it and from whichever process. Postgres has no such
    number, so there nothing is remembered.

    Args:
        url: SQLAlchemy URL of the database.
    """

    def __init__(self, url: str) -> None:
        self._path = make_url(url).database if url.startswith("sqlite") else None
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()

    def count(self) -> int | None:
        """A number that is another one after any change; None where that is not known."""
        if self._path is None:
            return None
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        f"file:{self._path}?mode=rw", uri=True, timeout=0, check_same_thread=False
                    )
                    finalize(self, self._connection.close)
                return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:  # who looks something up is told what ails the database
                return None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._path = None, None


class Remembered(Generic[K, V]):
    """Answers of a function that reads the database; never older than the question.

    Args:
        call: The function, which is called in the pool.
        pool: Where it runs.
        changes: Of the database.
        holds: Whether an answer still holds though nothing has changed.
    """

    def __init__(
        self,
        call: Callable[[K], V],
        pool: Executor,
        changes: Changes,
        holds: Callable[[V], bool] = lambda value: True,
    ) -> None:
        self._calls = SharedCalls(call, pool)
        self._changes = changes
        self._holds = holds
        self._known: dict[K, tuple[int, float, V]] = {}

    async def get(self, key: K) -> V:
        """The answer to a question that is asked now."""
        count = self._changes.count()
        if count is not None and (known := self._known.get(key)) is not None:
            then, until, value = known
            if then == count and time.monotonic() < until and self._holds(value):
                return value
        value = await asyncio.wrap_future(self._calls.ask(key))
        if count is not None:
            if len(self._known) >= _MOST:
                self._known.clear()
            # The count was read before: a change meanwhile is noticed by who asks next.
            self._known[key] = (count, time.monotonic() + _KEPT_S, value)
        return value
