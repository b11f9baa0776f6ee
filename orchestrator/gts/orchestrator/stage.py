"""Stages: pure functions from artifacts to artifacts, named by what they compute, and how one is executed."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import GTSError, NotFound, StageFailed
from gts.core.fingerprint import canonical_json, fingerprint

logger = logging.getLogger("gts.orchestrator")

Progress = Callable[[float, str], None]
"""``progress(fraction, message)``: fraction of the stage that is done (0 to 1), one plain sentence."""

StageFunction = Callable[[Mapping[str, Path], Mapping[str, Any], Path, Progress], dict[str, Any]]


@dataclass(frozen=True)
class StageCall:
    """One call of a stage. Two calls with the same :attr:`key` give the same output.

    Attributes:
        name: Name of the stage in the stage table.
        version: Version of the stage's code.
        params: JSON parameters.
        inputs: Input name to artifact digest.

    Example:
        >>> call = StageCall("profile", 1, {"seed": 0}, {"task": "ab" * 32})
        >>> call == StageCall.from_json(call.to_json())
        True
    """

    name: str
    version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, str]

    @cached_property
    def key(self) -> str:
        """Fingerprint (64 hex digits) of everything that decides the output."""
        return fingerprint(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The call as a JSON object."""
        return {
            "name": self.name,
            "version": self.version,
            "params": dict(self.params),
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StageCall:
        """The call that :meth:`to_json` wrote."""
        return cls(value["name"], value["version"], value["params"], value["inputs"])


@dataclass(frozen=True)
class Stage:
    """An entry of the stage table.

    Attributes:
        name: Name by which calls name it.
        version: Version of its code; a change that alters outputs must raise it.
        function: Reads input folders, writes files into the output folder, returns a small JSON summary.
        cores: CPU cores it may use.
        warm: Id of the base model it loads, if the process should be kept for the next stage with the same one.
        model: Name of the parameter that names the language model it asks, if it asks one.
    """

    name: str
    version: int
    function: StageFunction
    cores: float = 1.0
    warm: str | None = None
    model: str | None = None


StageTable = Mapping[str, Stage]

_STORE: ContextVar[ArtifactStore] = ContextVar("store")


def current_store() -> ArtifactStore:
    """The store of the stage that runs, for what must outlive an attempt that fails: answers that were paid for."""
    return _STORE.get()


def load_stages(reference: str) -> StageTable:
    """Import a stage table given as ``module:attribute``.

    Raises:
        NotFound: The module or the attribute is not there.
    """
    module, _, attribute = reference.partition(":")
    try:
        table: StageTable = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise NotFound(
            f"no stage table {reference!r}: {error}", mend="give it as package.module:ATTRIBUTE"
        ) from error
    return table


def stage_of(stages: StageTable, call: StageCall) -> Stage:
    """The stage a call names.

    Raises:
        StageFailed: It is not in the table, or in another version than the call asks for.
    """
    stage = stages.get(call.name)
    if stage is None or stage.version != call.version:
        found = f"version {stage.version}" if stage else f"only {', '.join(sorted(stages)) or 'no stages'}"
        raise StageFailed(
            f"stage {call.name!r} version {call.version} was asked for, this process has {found}",
            mend="run the same release of gts on every machine, then run the job again",
            stage=call.name,
        )
    return stage


def execute(
    store: ArtifactStore,
    stages: StageTable,
    call: StageCall,
    progress: Progress,
    workspace: Path | None = None,
) -> StageResult:
    """Run a stage in this process, unless its result is in the store already.

    Args:
        store: Where inputs lie and the output goes.
        stages: The stage table.
        call: What to run.
        progress: Told how far the stage is; may raise :class:`~gts.core.errors.Cancelled`.
        workspace: Empty or absent folder on the store's file system in which the output grows; by default
            a fresh one of the store, removed at the end.

    Raises:
        StageFailed: The stage ended with an exception that is not a :class:`GTSError`; those pass through.
    """
    found = store.find(call.key)
    if found is not None:
        return found
    stage = stage_of(stages, call)
    inputs = {name: store.path(digest) for name, digest in call.inputs.items()}
    if workspace is None:
        with store.workspace() as folder:
            return _run(store, stage, call, inputs, folder, progress)
    workspace.mkdir(exist_ok=True)
    return _run(store, stage, call, inputs, workspace, progress)


def _run(
    store: ArtifactStore,
    stage: Stage,
    call: StageCall,
    inputs: Mapping[str, Path],
    out: Path,
    progress: Progress,
) -> StageResult:
    started = time.monotonic()
    token = _STORE.set(store)
    try:
        summary = stage.function(inputs, call.params, out, progress)
        canonical_json(summary)
        seconds = time.monotonic() - started
        result = StageResult(store.commit(out), summary, seconds)
        store.record(call.key, result)
    except GTSError:
        raise
    except Exception as error:  # the border between a stage's code and the platform
        logger.exception("stage %s (%s) failed", call.name, call.key[:12])
        raise StageFailed(
            f"stage {call.name!r} failed with {type(error).__name__}: {error}",
            mend="the worker's log has the traceback; run the job again once the cause is mended",
            stage=call.name,
            exception=type(error).__name__,
        ) from error
    finally:
        _STORE.reset(token)
    return result
