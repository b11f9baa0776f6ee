"""The engine of one process: it loads students from the registry and asks them in threads of its own."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gts.core.errors import InvalidInput
from gts.core.threads import available_cores
from gts.platform.serving.batching import Batcher
from gts.platform.serving.calls import SharedCalls
from gts.platform.serving.engine import Engine, split_model
from gts.platform.serving.folders import student_folder
from gts.platform.serving.metrics import Gauge
from gts.platform.serving.pace import weight_of
from gts.platform.serving.remembering import Changes, Remembered
from gts.platform.serving.shelf import Loaded, Shelf, open_shelved
from gts.platform.serving.values import Answers, Rows, Served
from gts.platform.settings import Settings

if TYPE_CHECKING:
    from gts.registry.registry import Registry

_LOOKUPS, _LOADS = 4, 2
_AT_ONCE_S = 0.0005
"""A call as short as this is made at once: to hand it to a thread and back takes as long, and others wait no longer for it."""


class LocalEngine(Engine):
    """Students in this process.

    They are loaded when they are first asked, and the least used ones are dropped where all of them together take more than
    ``max_students_bytes``.

    Args:
        registry: Where students come from.
        settings: Hold the limits.
        threads: Calls of students that run at once; default: one for each core.
    """

    def __init__(self, registry: Registry, settings: Settings, threads: int | None = None) -> None:
        super().__init__(settings)
        _raise_open_files()
        self._registry = registry
        self._shelf = Shelf(
            settings.max_students_bytes, lambda loaded: self.metrics.dropped.labels(loaded.model).inc()
        )
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")
        self._loaders = ThreadPoolExecutor(_LOADS, thread_name_prefix="load")
        self._changes = Changes(settings.database)
        self._commits = Remembered(self._commit, self._lookups, self._changes)
        self._loads = SharedCalls(self._load, self._loaders)
        self._batcher = Batcher(threads or available_cores(), self._on_batch)
        self.metrics.watch(
            [
                Gauge("gts_students_loaded", "Students in memory, by model.", self._shelf.loaded),
                Gauge("gts_students_bytes", "Memory that students take.", lambda: self._shelf.bytes),
                Gauge(
                    "gts_students_limit_bytes", "Memory they may take.", lambda: settings.max_students_bytes
                ),
                Gauge(
                    "gts_queue_requests", "Requests that wait for a thread, by model.", self._batcher.waiting
                ),
            ]
        )

    async def find(self, model: str, revision: str) -> Served:
        """What a revision of a model is now; its student is loaded.

        Raises:
            NotFound: There is no such model or revision.
        """
        commit = await self._commits.get((model, revision))
        loaded = await self._loaded(model, commit)
        return Served(model, commit, loaded.student.manifest)

    async def answer(self, served: Served, rows: Rows) -> Answers:
        """What a model says of rows that were checked; many rows are answered in parts, those of like length together.

        Raises:
            InvalidInput: A row is not of the form that the model's task type has.
        """
        loaded = await self._loaded(served.model, served.commit)
        weights = [weight_of(row) for row in rows]
        if loaded.pace.seconds(sum(weights)) < _AT_ONCE_S:
            return self._batcher.answer(loaded, rows, sum(weights))
        if len(rows) < 2 or sum(weights) <= loaded.pace.room:
            return await asyncio.wrap_future(self._batcher.ask(loaded, rows))
        try:
            return await self._in_parts(loaded, rows, weights)
        except InvalidInput:  # asked as a whole, it counts the rows as the caller does
            return await asyncio.wrap_future(self._batcher.ask(loaded, rows))

    def close(self) -> None:
        """Take no more requests; those that run are finished."""
        self._batcher.close()
        for pool in (self._lookups, self._loaders):
            pool.shutdown(wait=False, cancel_futures=True)
        self._changes.close()

    async def _loaded(self, model: str, commit: str) -> Loaded:
        if (found := self._shelf.get(commit)) is not None:
            return found
        return await asyncio.wrap_future(self._loads.ask((model, commit)))

    async def _in_parts(self, loaded: Loaded, rows: Rows, weights: Sequence[int]) -> Answers:
        answers: dict[int, dict[str, Any]] = {}
        # No more parts at once than threads: others who ask the same student come in between.
        asked: deque[tuple[list[int], Future[Answers]]] = deque()
        try:
            for part in _parts(weights, loaded.pace.room):
                asked.append((part, self._batcher.ask(loaded, [rows[i] for i in part])))
                if len(asked) >= self._batcher.threads:
                    answers |= await _next(asked)
            while asked:
                answers |= await _next(asked)
        finally:
            for _, future in asked:
                future.cancel()
        return [answers[number] for number in range(len(rows))]

    def _commit(self, asked: tuple[str, str]) -> str:
        model, revision = asked
        return self._registry.resolve(*split_model(model), revision).oid

    def _load(self, asked: tuple[str, str]) -> Loaded:
        model, commit = asked
        if (found := self._shelf.get(commit)) is not None:
            return found
        started = time.perf_counter()
        with student_folder(self._registry, self.settings.models_root, model, commit) as folder:
            loaded = open_shelved(folder, model, commit, self.settings.max_batch_ms / 1000)
        self._shelf.put(loaded)
        _give_back()
        self.metrics.load_seconds.labels(model).observe(time.perf_counter() - started)
        return loaded

    def _on_batch(self, loaded: Loaded, questions: int, rows: int, seconds: float) -> None:
        self._shelf.look_at(loaded)
        self.metrics.batch_requests.labels(loaded.model).observe(questions)
        self.metrics.batch_rows.labels(loaded.model).observe(rows)
        self.metrics.batch_seconds.labels(loaded.model).inc(seconds)


async def _next(asked: deque[tuple[list[int], Future[Answers]]]) -> dict[int, dict[str, Any]]:
    part, future = asked.popleft()
    answers = await asyncio.wrap_future(future)
    return dict(zip(part, answers, strict=True))


def _parts(weights: Sequence[int], room: int) -> Iterator[list[int]]:
    """Numbers of rows, the lightest first, in parts that weigh at most ``room`` or are one row."""
    part: list[int] = []
    weight = 0
    for number in sorted(range(len(weights)), key=weights.__getitem__):
        if part and weight + weights[number] > room:
            yield part
            part, weight = [], 0
        part.append(number)
        weight += weights[number]
    if part:
        yield part


def _give_back() -> None:
    """Return memory that was needed to load a student: glibc would keep half of what it takes (benchmarks/LOG.md)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _raise_open_files() -> None:
    """Allow as many open files as the system lets us: each static student keeps its table open."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
