"""The protocol of compute: run one stage call somewhere and give its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gts.core.artifacts import StageResult
from gts.orchestrator.stage import Progress, StageCall

ShouldStop = Callable[[], bool]


class Compute(Protocol):
    """Runs stages. A finished stage is never repeated: its result is looked up by the call's key first."""

    def run(self, call: StageCall, on_progress: Progress, should_stop: ShouldStop) -> StageResult:
        """Run a call to its end.

        Args:
            call: What to run.
            on_progress: Called with fraction and message while it runs, in the caller's thread.
            should_stop: Polled while it runs; ``True`` ends the stage.

        Raises:
            Cancelled: ``should_stop`` said so.
            StageFailed: The stage ended with an error; a GTSError it raised itself arrives unchanged.
        """
        ...

    def close(self) -> None:
        """Let go of every process; closing twice is fine."""
        ...
