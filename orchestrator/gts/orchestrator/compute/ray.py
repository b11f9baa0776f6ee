"""Compute on Ray: each stage a task, stages of one base model in a process that stays warm."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import (
    Cancelled,
    GTSError,
    InvalidInput,
    MissingDependency,
    NotFound,
    StageFailed,
    Unavailable,
)
from gts.core.llm.entries import entries
from gts.core.threads import available_cores, thread_environment
from gts.orchestrator.compute.base import ShouldStop
from gts.orchestrator.compute.ray_cluster import RayCluster
from gts.orchestrator.compute.ray_warm import Room, WarmPool
from gts.orchestrator.compute.stage_process import PROGRESS_FILE, STOP_FILE, run_call
from gts.orchestrator.stage import Progress, Stage, StageCall, load_stages, stage_of

logger = logging.getLogger("gts.orchestrator")

MAX_TRIES = 3
POLL_S = 0.2
ROOM_AFTER_S = 5.0


@dataclass(frozen=True)
class _Running:
    """A stage in a process of Ray.

    Attributes:
        reference: Ray's promise of its result.
        kill: Ends its process at once.
        workspace: Its folder.
        tail: Follows its progress.
    """

    reference: Any
    kill: Callable[[], None]
    workspace: Path
    tail: ProgressTail


class ProcessDied(Exception):
    """The Ray process of a stage, or the whole cluster, is gone; the stage can be run again."""


class RayCompute:
    """Runs stages on Ray, which is started at the first one.

    Args:
        store: Artifacts, on storage that every node of the cluster sees at the same path.
        stages: ``module:attribute`` of the stage table; Ray's processes import it themselves.
        folder: Where a local cluster keeps sockets and logs; leftovers in it of dead owners are removed.
        cores: CPU cores of a local cluster; by default all this process may use.
        address: Address of an existing cluster (``host:port``); by default a local one is started.
        idle_s: How long a warm process is kept without work, in seconds.
        grace_s: How long a stage may take to stop by itself before its process is killed, in seconds.
    """

    def __init__(
        self,
        store: ArtifactStore,
        stages: str,
        folder: Path,
        *,
        cores: int | None = None,
        address: str | None = None,
        idle_s: float = 300.0,
        grace_s: float = 2.0,
    ) -> None:
        self._store = store
        self._reference = stages
        self._stages = load_stages(stages)
        self._folder = folder
        self._cores = cores or available_cores()
        self._address = address
        self._grace_s = grace_s
        self._warm = WarmPool(idle_s)
        self._lock = threading.Lock()
        self._cluster: RayCluster | None = None

    def run(self, call: StageCall, on_progress: Progress, should_stop: ShouldStop) -> StageResult:
        """See :meth:`gts.orchestrator.compute.base.Compute.run`. A process that dies is replaced, twice at most."""
        found = self._store.find(call.key)
        if found is not None:
            return found
        stage = stage_of(self._stages, call)
        fraction = 0.0

        def progress(reached: float, message: str) -> None:
            nonlocal fraction
            fraction = reached
            on_progress(reached, message)

        with self._store.workspace() as workspace:
            for attempt in range(1, MAX_TRIES + 1):
                if should_stop():
                    raise Cancelled("the stage was stopped before it began")
                try:
                    self._connect()
                    return self._run_once(stage, call, workspace, attempt, progress, should_stop)
                except ProcessDied as error:
                    logger.warning("stage %s, try %d: %s", call.name, attempt, error)
                    if attempt < MAX_TRIES:
                        on_progress(
                            fraction,
                            f"the process running {call.name!r} died; starting it again ({attempt + 1} of {MAX_TRIES})",
                        )
        raise StageFailed(
            f"the process running stage {call.name!r} died {MAX_TRIES} times",
            mend="look for a lack of memory (`dmesg`, the container's limit), then run the job again",
            stage=call.name,
        )

    def close(self) -> None:
        """See :meth:`gts.orchestrator.compute.base.Compute.close`."""
        with self._lock:
            self._warm.forget()
            if self._cluster is not None:
                self._cluster.stop()
                self._cluster = None

    def _connect(self) -> None:
        with self._lock:
            if self._cluster is not None and self._cluster.is_alive():
                return
            if self._cluster is not None:
                self._warm.forget()
                self._cluster.stop()
            self._cluster = RayCluster(self._folder, self._cores, self._address)
            self._cluster.start()

    def _run_once(
        self,
        stage: Stage,
        call: StageCall,
        workspace: Path,
        attempt: int,
        on_progress: Progress,
        should_stop: ShouldStop,
    ) -> StageResult:
        import ray

        tail = ProgressTail(workspace / PROGRESS_FILE)
        arguments = (self._reference, str(self._store.root), call.to_json(), str(workspace), attempt)
        cores = min(stage.cores, self._cores if self._address is None else _largest_node())
        room = _room(stage, call, cores)
        if room is None:
            self._make_room(cores)
            task = ray.remote(run_call).options(
                name=f"gts-{call.name}",
                num_cpus=cores,
                max_retries=0,
                runtime_env={"env_vars": thread_environment(max(1, round(cores)))},
            )
            reference = task.remote(*arguments)

            def kill() -> None:
                ray.cancel(reference, force=True)

            return self._follow(_Running(reference, kill, workspace, tail), on_progress, should_stop)
        if not self._warm.has(room):
            self._make_room(room.cores, room.gpus)
        with self._warm.process(room, should_stop) as process:
            reference = process.actor.run_call.remote(*arguments)
            running = _Running(reference, process.kill, workspace, tail)
            return self._follow(running, on_progress, should_stop)

    def _follow(self, running: _Running, on_progress: Progress, should_stop: ShouldStop) -> StageResult:
        """Wait for a stage; whatever ends the waiting, the stage does not go on without us."""
        import ray

        try:
            return self._wait(running, on_progress, should_stop)
        except ray.exceptions.RayError as error:
            raise ProcessDied(f"the Ray cluster died: {error}") from error
        except BaseException:
            if self._is_alive() and not ray.wait([running.reference], timeout=0)[0]:
                running.kill()
            raise

    def _wait(self, running: _Running, on_progress: Progress, should_stop: ShouldStop) -> StageResult:
        """Wait for a stage, passing on its progress, until it ends, dies, or is to be stopped."""
        import ray

        workspace, tail = running.workspace, running.tail
        asked_at, stopped_at = time.monotonic(), None
        while True:
            done, _ = ray.wait([running.reference], timeout=POLL_S)
            os.utime(workspace)  # a workspace in use is young
            tail.report(on_progress)
            if done:
                return self._result(running.reference, stopped_at is not None)
            if not self._is_alive():
                raise ProcessDied("the Ray cluster died")
            if not tail.has_started and time.monotonic() - asked_at > ROOM_AFTER_S:
                self._warm.end_idle()  # others hold cores that this driver does not know of
            if stopped_at is None and should_stop():
                (workspace / STOP_FILE).touch()
                stopped_at = time.monotonic()
            if stopped_at is not None and (
                not tail.has_started or time.monotonic() - stopped_at > self._grace_s
            ):
                raise Cancelled("the stage was stopped before its end")

    def _make_room(self, cores: float, gpus: float = 0.0) -> None:
        """Let go of idle warm processes where a local cluster lacks room for both them and a stage."""
        if self._address is None:
            self._warm.end_idle(keep_cores=self._cores - cores, keep_gpus=_gpus() - gpus)

    def _is_alive(self) -> bool:
        cluster = self._cluster
        return cluster is not None and cluster.is_alive()

    def _result(self, reference: Any, stopped: bool) -> StageResult:
        import ray

        try:
            return StageResult(**ray.get(reference))
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, GTSError):
                if isinstance(cause, Unavailable | InvalidInput | MissingDependency | NotFound):
                    logger.warning("%s", cause)  # says all there is to know
                elif not isinstance(cause, Cancelled):
                    logger.warning("%s", error)  # with the traceback from the stage's process
                raise cause from None
            raise StageFailed(
                f"the stage's process failed with {type(cause).__name__}: {cause}",
                mend="the worker's log has the traceback",
            ) from error
        except ray.exceptions.RayError as error:
            if stopped:
                raise Cancelled("the stage was stopped before its end") from error
            raise ProcessDied(str(error)) from error


class ProgressTail:
    """Reads the lines of progress that a stage's process appends to a file."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path
        self._position = path.stat().st_size
        self.has_started = False

    def report(self, on_progress: Progress) -> None:
        """Pass on the newest progress since the last call, if any."""
        with self._file.open("rb") as handle:
            handle.seek(self._position)
            fresh = handle.read()
        complete = fresh[: fresh.rfind(b"\n") + 1]
        if not complete:
            return
        self._position += len(complete)
        self.has_started = True
        newest = json.loads(complete.splitlines()[-1])
        if newest:
            on_progress(newest[0], newest[1])


def _room(stage: Stage, call: StageCall, cores: float) -> Room | None:
    """The warm process a call belongs to: that of the local language model it asks, else that of its stage.

    Where there are GPUs, a language model works on them and holds no cores, so that it stays while others compute.
    """
    name = call.params[stage.model] if stage.model else None
    local = {entry.name: entry for entry in entries() if not entry.is_remote} if name else {}
    if name not in local:
        return Room(stage.warm, cores) if stage.warm else None
    wanted = 0.0 if local[name].device == "cpu" else min(local[name].gpus, _gpus())
    return Room(f"model-{name}", 0.0 if wanted else cores, wanted)


def _gpus() -> float:
    import ray

    return float(ray.cluster_resources().get("GPU", 0.0))


def _largest_node() -> float:
    """Cores of the cluster's largest node: no stage can have more, and one that asks for more would wait for ever."""
    import ray

    return (
        max((float(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=1.0)
        or 1.0
    )
