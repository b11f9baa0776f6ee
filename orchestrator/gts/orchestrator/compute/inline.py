"""Compute in the calling process: for `gts produce` and tests."""

from __future__ import annotations

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import Cancelled
from gts.orchestrator.compute.base import ShouldStop
from gts.orchestrator.stage import Progress, StageCall, StageTable, execute, load_stages


class InlineCompute:
    """Runs each stage where it is called. Cancelling takes effect when the stage next reports progress.

    Args:
        store: Artifacts.
        stages: The stage table, or ``module:attribute`` of it.
    """

    def __init__(self, store: ArtifactStore, stages: StageTable | str) -> None:
        self._store = store
        self._stages = load_stages(stages) if isinstance(stages, str) else stages

    def run(self, call: StageCall, on_progress: Progress, should_stop: ShouldStop) -> StageResult:
        """See :meth:`gts.orchestrator.compute.base.Compute.run`."""

        def progress(fraction: float, message: str) -> None:
            if should_stop():
                raise Cancelled("the stage was stopped before its end")
            on_progress(fraction, message)

        if should_stop():
            raise Cancelled("the stage was stopped before it began")
        return execute(self._store, self._stages, call, progress)

    def close(self) -> None:
        """Nothing to let go of."""
