"""Runs the stages of one job and keeps account of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import Cancelled
from gts.core.threads import machine_name
from gts.orchestrator.compute.base import Compute
from gts.orchestrator.experience import STAGE, Experience
from gts.orchestrator.history import Seen, history_of
from gts.orchestrator.stage import StageCall
from gts.orchestrator.stages import STAGES

if TYPE_CHECKING:
    from gts.orchestrator.recorder import Recorder  # brings the database, which `gts produce` does without


@dataclass
class ModelAccount:
    """What asking one language model took.

    Attributes:
        calls: Calls made.
        tokens: Tokens read and written.
        money: What they cost, whenever they were paid for: what the budget is for.
        paid: What was paid of that in this job.
        cached: Calls that had been paid for before.
        faults: Calls without an answer, by why.
    """

    calls: int = 0
    tokens: int = 0
    money: float = 0.0
    paid: float = 0.0
    cached: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, summary: Mapping[str, Any], cached: bool) -> None:
        """Add what a stage says of it; of one that was found finished nothing was paid now."""
        self.calls += summary["calls"]
        self.tokens += summary["tokens"]
        self.money += summary["money"]
        self.paid += 0.0 if cached else summary["paid"]
        self.cached += summary["calls"] if cached else summary["cached"]
        self.faults.update(summary["faults"])

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        sums = {"money": round(self.money, 6), "paid": round(self.paid, 6)}
        return {**asdict(self), **sums, "faults": dict(self.faults)}


@dataclass
class StageRunner:
    """Runs stages on one task's data.

    Attributes:
        task: Digest of the data, without the person's wishes: another budget or tier repeats nothing.
        store: Artifacts.
        compute: Where stages run.
        recorder: Told what happens; asked whether to stop.
        task_type: The task's type.
        experience: What past jobs say about forecasts.
        account: Each stage that ran: name, detail, seconds, forecast_seconds, cached.
        calls: The same as calls (see :meth:`StageCall.to_json`), each with ``artifact``: what it gave.
        spent_s: Seconds of all stages so far; one that was found finished counts what it once took.
        ran: Stages that were not found finished.
        models: By language model: calls, tokens, money, paid, cached and faults (why to count) of all stages.
    """

    task: str
    store: ArtifactStore
    compute: Compute
    recorder: Recorder
    task_type: str = "classification"
    experience: Experience = field(default_factory=Experience)
    account: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    spent_s: float = 0.0
    models: dict[str, ModelAccount] = field(default_factory=dict)
    ran: int = 0
    _finished: dict[str, StageResult] = field(default_factory=dict)

    def run(
        self, name: str, detail: str, params: Mapping[str, Any], forecast_s: float, **inputs: str
    ) -> StageResult:
        """Run a stage; a call that this job has made before counts once.

        Raises:
            Cancelled: The recorder said stop.
            StageFailed: The stage failed.
        """
        call = StageCall(name, STAGES[name].version, dict(params), {"task": self.task, **inputs})
        if call.key in self._finished:
            return self._finished[call.key]
        cached = self.store.find(call.key) is not None
        label, what, formula_s = f"{name} {detail}".strip(), _what(name, detail), forecast_s
        forecast_s = self.experience.seconds(what, self.task_type, formula_s)
        self.recorder.stage_started(call, detail, round(forecast_s, 2))

        def progress(fraction: float, message: str) -> None:
            self.recorder.event(
                "progress", {"stage": label, "fraction": round(fraction, 3), "message": message}
            )

        if self.recorder.should_stop():
            raise Cancelled("the job was stopped")
        result = self.compute.run(call, progress, self.recorder.should_stop)
        self.recorder.stage_finished(call, result, cached)
        if not cached:
            self.ran += 1
            self.note(what, formula_s, result.seconds)
        row: dict[str, Any] = {
            "name": name,
            "detail": detail,
            "seconds": round(result.seconds, 2),
            "forecast_seconds": round(forecast_s, 2),
            "cached": cached,
        }
        if asked := result.summary.get("asked"):
            row |= {key: sum(account[key] for account in asked) for key in ("tokens", "money")}
            for account in asked:
                self.models.setdefault(account["model"], ModelAccount()).add(account, cached)
        self.account.append(row)
        self.calls.append({**call.to_json(), "artifact": result.artifact})
        self._finished[call.key] = result
        self.spent_s += result.seconds
        return result

    def note(self, what: str, forecast: float, actual: float, error: float = 0.0) -> None:
        """Keep what came of a forecast, for those of later jobs."""
        seen = Seen(what, self.task_type, machine_name(), forecast, actual, error)
        history_of(self.store).note([seen])


def _what(name: str, detail: str) -> str:
    """A stage in words that its calls share: name, and the tier where it is one."""
    first = re.split(r"[ ,]", detail, maxsplit=1)[0]
    return f"{STAGE}{name} {first if first in ('mini', 'static') else ''}".strip()
