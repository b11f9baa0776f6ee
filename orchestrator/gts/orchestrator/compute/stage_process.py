"""The part of Ray compute that runs in Ray's processes: takes names and paths, gives a JSON result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Cancelled
from gts.orchestrator.stage import StageCall, execute, load_stages

PROGRESS_FILE = "progress.jsonl"
STOP_FILE = "stop"


def run_call(stages: str, root: str, call: dict[str, Any], workspace: str, attempt: int) -> dict[str, Any]:
    """Execute a stage call in this process.

    Args:
        stages: ``module:attribute`` of the stage table.
        root: Root of the artifact store.
        call: The call as JSON.
        workspace: The driver's folder for this call: progress goes to a file in it, a file ``stop`` in it
            ends the stage, the output grows in a folder of it.
        attempt: Number of the try, from 1.

    Raises:
        GTSError: What the stage raised, or StageFailed.
    """
    folder = Path(workspace)
    with (folder / PROGRESS_FILE).open("a", encoding="utf-8", buffering=1) as lines:

        def progress(fraction: float, message: str) -> None:
            if (folder / STOP_FILE).exists():
                raise Cancelled("the stage was stopped before its end")
            lines.write(json.dumps([fraction, message]) + "\n")

        lines.write("[]\n")  # tells the driver that the wait for cores is over
        result = execute(
            ArtifactStore(Path(root)),
            load_stages(stages),
            StageCall.from_json(call),
            progress,
            folder / f"out-{attempt}",
        )
    return {"artifact": result.artifact, "summary": result.summary, "seconds": result.seconds}


class WarmProcess:
    """An actor that lives between stages, so that imported libraries and loaded models stay in memory."""

    def run_call(
        self, stages: str, root: str, call: dict[str, Any], workspace: str, attempt: int
    ) -> dict[str, Any]:
        """See :func:`run_call`."""
        return run_call(stages, root, call, workspace, attempt)
