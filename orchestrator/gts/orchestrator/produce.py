"""``gts produce``: the same engine in one process, without server, database or Ray."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import InvalidInput
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.lineage import lineage_of
from gts.orchestrator.production import produce_student
from gts.orchestrator.publish import assemble
from gts.orchestrator.report import report_of
from gts.orchestrator.site_models import check_models
from gts.orchestrator.stage import StageCall
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import put_task
from gts.orchestrator.wishes import Wishes
from gts.tasks.saving import AnyTask

Event = Mapping[str, Any]


class EventRecorder:
    """A recorder that hands every event to a function.

    Args:
        on_event: Called with ``{"kind", "data"}``, in the shapes of the platform's event stream.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._decisions = 0

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """See :class:`gts.orchestrator.recorder.Recorder`."""
        self._on_event({"kind": kind, "data": dict(data)})

    def stage_started(self, call: StageCall, detail: str, forecast_s: float | None) -> None:
        """See :class:`gts.orchestrator.recorder.Recorder`."""
        self.event("stage_started", {"name": call.name, "detail": detail, "forecast_seconds": forecast_s})

    def stage_finished(self, call: StageCall, result: StageResult, cached: bool) -> None:
        """See :class:`gts.orchestrator.recorder.Recorder`."""
        data = {"name": call.name, "seconds": result.seconds, "cached": cached, "summary": result.summary}
        self.event("stage_finished", data)

    def decision(self, action: str, reason: str, forecast: Mapping[str, Any]) -> int:
        """See :class:`gts.orchestrator.recorder.Recorder`."""
        self._decisions += 1
        data = {"number": self._decisions, "action": action, "reason": reason, "forecast": dict(forecast)}
        self.event("decision", data)
        return self._decisions

    def outcome(self, decision: int, outcome: Mapping[str, Any]) -> None:
        """See :class:`gts.orchestrator.recorder.Recorder`."""
        self.event("outcome", {"number": decision, "outcome": dict(outcome)})

    def should_stop(self) -> bool:
        """Never: Ctrl-C ends the process, and finished stages are found again by the next run."""
        return False

    def forecast(self, seconds: float) -> None:
        """Nothing: there is no queue that would want to know."""

    def wishes(self) -> Wishes | None:
        """None: the budget is part of the call, and nobody can change it."""
        return None


def produce(
    data: AnyTask, out: Path, *, store_root: Path, on_event: Callable[[Event], None] = lambda event: None
) -> dict[str, Any]:
    """Produce a student into a folder.

    Finished stages are kept under ``store_root``: a run that was interrupted goes on where it was, and the
    same task gives the same student.

    Args:
        data: The checked task.
        out: Folder for the student; must be absent or empty. It appears when it is complete.
        store_root: Where artifacts are kept.
        on_event: Told what happens.

    Returns:
        The report, with ``model_dir`` and ``seconds`` (wall time of this call) added.

    Raises:
        InvalidInput: ``out`` holds files already, or is the folder this process works in; or the task names a language
            model that the site does not have.
        StorageError: The disk is full.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInput(f"{out} exists already and is not an empty folder", mend="give a new folder")
    if out.exists() and out.samefile(
        Path.cwd()
    ):  # it is replaced at the end: its users would look at the old one
        raise InvalidInput(f"{out} is the present folder", mend="give the name of a new folder")
    check_models(data.spec)
    data = _without_questions(data)
    started = time.monotonic()
    store = ArtifactStore(store_root)
    task = put_task(store, data)
    recorder = EventRecorder(on_event)
    production = produce_student(task, store, InlineCompute(store, STAGES), recorder)
    report = report_of(production)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        lineage = lineage_of(production, report)
        assemble(store, production.package, report, lineage, part, None, production.held_out)
        part.chmod(0o755)
        with suppress(FileNotFoundError):
            out.rmdir()
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {**report, "model_dir": str(out), "seconds": round(time.monotonic() - started, 2)}


def _without_questions(data: AnyTask) -> AnyTask:
    """The task for a process that has nobody to ask."""
    if not data.spec.budget.questions:
        return data
    budget = data.spec.budget.model_copy(update={"questions": None})
    note = "no questions were asked: only a platform can wait for answers (gts up, gts submit, gts answer)"
    return replace(data, spec=data.spec.evolve(budget=budget.model_dump()), notes=(*data.notes, note))
