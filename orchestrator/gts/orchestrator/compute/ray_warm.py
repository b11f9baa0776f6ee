"""Warm processes: one Ray actor for each base model, kept between stages so that it is loaded once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gts.core.errors import Cancelled, GTSError
from gts.core.threads import thread_environment
from gts.orchestrator.compute.base import ShouldStop
from gts.orchestrator.compute.stage_process import WarmProcess

_WAIT_S = 0.2


@dataclass(frozen=True)
class Room:
    """What a process keeps loaded, and what it holds for that while it lives.

    Attributes:
        model: Name of the model.
        cores: Cores.
        gpus: GPUs, or a share of one.
    """

    model: str
    cores: float
    gpus: float = 0.0


@dataclass
class _Warm:
    """One actor; ``busy`` is held by the stage that uses it."""

    actor: Any
    busy: threading.Lock = field(default_factory=threading.Lock)
    used_at: float = field(default_factory=time.monotonic)
    is_dead: bool = False

    def kill(self) -> None:
        """End the actor's process at once."""
        import ray

        self.is_dead = True
        if ray.is_initialized():
            with suppress(ray.exceptions.RayError, ValueError):
                ray.kill(self.actor)


class WarmPool:
    """The warm processes of one driver.

    Args:
        idle_s: How long a process is kept without work, in seconds.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._processes: dict[Room, _Warm] = {}

    @contextmanager
    def process(self, room: Room, should_stop: ShouldStop) -> Iterator[_Warm]:
        """The process of a model, for this caller alone.

        Args:
            room: The model, and what its process holds.
            should_stop: Polled while another stage has the process.

        Raises:
            Cancelled: ``should_stop`` said so.
        """
        warm = self._take(room, should_stop)
        try:
            yield warm
        except GTSError:
            raise  # the stage's own error; its process is well
        except BaseException:
            warm.kill()
            raise
        finally:
            warm.used_at = time.monotonic()
            warm.busy.release()
            timer = threading.Timer(self._idle_s + _WAIT_S, self.end_idle, kwargs={"idle_s": self._idle_s})
            timer.daemon = True
            timer.start()

    def has(self, room: Room) -> bool:
        """Whether such a process lives."""
        with self._lock:
            warm = self._processes.get(room)
            return warm is not None and not warm.is_dead

    def end_idle(self, *, idle_s: float = 0.0, keep_cores: float = 0.0, keep_gpus: float = 0.0) -> None:
        """End processes no stage has used for ``idle_s`` seconds, oldest first, until those left hold so much at most."""
        with self._lock:
            cores = sum(room.cores for room in self._processes)
            gpus = sum(room.gpus for room in self._processes)
            for room, warm in sorted(self._processes.items(), key=lambda item: item[1].used_at):
                if (cores <= keep_cores and gpus <= keep_gpus) or time.monotonic() - warm.used_at < idle_s:
                    return
                helps = (cores > keep_cores and room.cores > 0) or (gpus > keep_gpus and room.gpus > 0)
                if helps and warm.busy.acquire(blocking=False):
                    warm.kill()
                    warm.busy.release()
                    del self._processes[room]
                    cores, gpus = cores - room.cores, gpus - room.gpus

    def forget(self) -> None:
        """Drop all processes without ending them: their cluster is gone or about to go."""
        with self._lock:
            for warm in self._processes.values():
                warm.is_dead = True
            self._processes.clear()

    def _take(self, room: Room, should_stop: ShouldStop) -> _Warm:
        while True:
            with self._lock:
                warm = self._processes.get(room)
                if warm is None or warm.is_dead:
                    warm = self._processes[room] = _Warm(_start_actor(room))
            while not warm.busy.acquire(timeout=_WAIT_S):
                if should_stop():
                    raise Cancelled("the stage was stopped before it began")
            if not warm.is_dead:
                return warm
            warm.busy.release()


def _start_actor(room: Room) -> Any:
    import ray

    # The name is for people who look at the cluster; the random part keeps drivers out of each other's way.
    return (
        ray.remote(WarmProcess)
        .options(
            name=f"gts-warm-{room.model}-{secrets.token_hex(4)}",
            num_cpus=room.cores,
            num_gpus=room.gpus,
            max_restarts=0,
            max_task_retries=0,
            runtime_env={"env_vars": thread_environment(max(1, round(room.cores)))},
        )
        .remote()
    )
