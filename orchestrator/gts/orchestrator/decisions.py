"""The account of a run's decisions, each with its forecast and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gts.orchestrator.runner import StageRunner


@dataclass
class Decisions:
    """Account of each decision: action, reason, forecast_seconds, seconds, outcome."""

    runner: StageRunner
    account: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def made(self, action: str, reason: str, forecast_s: float) -> Iterator[Callable[[str], None]]:
        """Record a decision; the body says what came of it."""
        recorder, before = self.runner.recorder, self.runner.spent_s
        number = recorder.decision(action, reason, {"seconds": round(forecast_s, 1)})
        said: list[str] = []
        yield said.append
        outcome, seconds = said[-1], round(self.runner.spent_s - before, 1)
        recorder.outcome(number, {"outcome": outcome, "seconds": seconds})
        self.account.append(
            {
                "action": action,
                "reason": reason,
                "forecast_seconds": round(forecast_s, 1),
                "seconds": seconds,
                "outcome": outcome,
            }
        )
