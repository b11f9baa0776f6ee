"""The account of a run's decisions, each with its forecast and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from gts.orchestrator.estimate import Estimate
from gts.orchestrator.runner import StageRunner


@dataclass(frozen=True)
class Forecast:
    """What an action was expected to take and to lead to.

    Attributes:
        seconds: Seconds.
        value: The measure of the student to publish after it; ``None`` for an action that changes none.
        low: Lower end of its 90% interval.
        high: Upper end.
    """

    seconds: float
    value: float | None = None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is kept; null is what is not known."""
        return {name: None if value is None else round(value, 4) for name, value in asdict(self).items()}


class Done(Protocol):
    """Says what came of a decision, and how good the student to publish is now."""

    def __call__(self, outcome: str, best: Estimate | None = None) -> None:
        """To be called once."""


@dataclass
class Decisions:
    """Account of each decision: action, reason, forecast, forecast_seconds, seconds, outcome, and the student to publish after it."""

    runner: StageRunner
    account: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def made(self, action: str, reason: str, forecast: Forecast) -> Iterator[Done]:
        """Record a decision; the body says what came of it, and how good the student to publish is now."""
        recorder, before = self.runner.recorder, self.runner.spent_s
        number = recorder.decision(action, reason, forecast.as_json())
        said: dict[str, Any] = dict.fromkeys(("outcome", "value", "low", "high"))

        def done(outcome: str, best: Estimate | None = None) -> None:
            said["outcome"] = outcome
            if best is not None:
                said.update({name: round(getattr(best, name), 4) for name in ("value", "low", "high")})

        yield done
        said["seconds"] = round(self.runner.spent_s - before, 1)
        recorder.outcome(number, said)
        row = {"action": action, "reason": reason, "forecast": forecast.as_json()}
        self.account.append({**row, "forecast_seconds": round(forecast.seconds, 1), **said})
