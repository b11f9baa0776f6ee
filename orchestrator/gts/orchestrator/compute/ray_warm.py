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
        self._processes: dict[tuple[str, float], _Warm] = {}

    @contextmanager
    def process(self, model: str, cores: float, should_stop: ShouldStop) -> Iterator[_Warm]:
        """The process of a model, for this caller alone.

        Args:
            model: Id of the base model.
            cores: Cores it holds while it lives.
            should_stop: Polled while another stage has the process.

        Raises:
            Cancelled: ``should_stop`` said so.
        """
        warm = self._take(model, cores, should_stop)
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

    def has(self, model: str, cores: float) -> bool:
        """Whether a process of the model lives."""
        with self._lock:
            warm = self._processes.get((model, cores))
            return warm is not None and not warm.is_dead

    def end_idle(self, *, idle_s: float = 0.0, keep_cores: float = 0.0) -> None:
        """End processes no stage has used for ``idle_s`` seconds, until those left hold ``keep_cores`` at most."""
        with self._lock:
            held = sum(cores for _, cores in self._processes)
            for key, warm in sorted(self._processes.items(), key=lambda item: item[1].used_at):
                if held <= keep_cores or time.monotonic() - warm.used_at < idle_s:
                    return
                if warm.busy.acquire(blocking=False):
                    warm.kill()
                    warm.busy.release()
                    del self._processes[key]
                    held -= key[1]

    def forget(self) -> None:
        """Drop all processes without ending them: their cluster is gone or about to go."""
        with self._lock:
            for warm in self._processes.values():
                warm.is_dead = True
            self._processes.clear()

    def _take(self, model: str, cores: float, should_stop: ShouldStop) -> _Warm:
        while True:
            with self._lock:
                warm = self._processes.get((model, cores))
                if warm is None or warm.is_dead:
                    warm = self._processes[model, cores] = _Warm(_start_actor(model, cores))
            while not warm.busy.acquire(timeout=_WAIT_S):
                if should_stop():
                    raise Cancelled("the stage was stopped before it began")
            if not warm.is_dead:
                return warm
            warm.busy.release()


def _start_actor(model: str, cores: float) -> Any:
    import ray

    # The name is for people who look at the cluster; the random part keeps drivers out of each other's way.
    return (
        ray.remote(WarmProcess)
        .options(
            name=f"gts-warm-{model}-{secrets.token_hex(4)}",
            num_cpus=cores,
            max_restarts=0,
            max_task_retries=0,
            runtime_env={"env_vars": thread_environment(max(1, round(cores)))},
        )
        .remote()
    )
