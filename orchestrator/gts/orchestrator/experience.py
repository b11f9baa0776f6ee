"""What forecasts learn from what came of earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import exp, log
from typing import Any, Self

from gts.orchestrator.gains import Gain
from gts.orchestrator.history import Seen

STAGE = "stage "
"""How rows begin that tell of a stage's seconds."""
GAIN = "gain "
"""How rows begin that tell of an action's gain."""

_PACE = Gain(0.0, 0.5)
"""Logarithm of how long things take on an unknown machine, beside the formulas."""
_BETWEEN, _WITHIN = 0.4, 0.35
"""Standard deviations of that logarithm: between kinds of stages, and between runs of one kind."""
_LAST = 30
"""Runs of a kind that count; a machine changes, and so does its load."""
_SHORTEST_S = 0.5
"""Stages that are forecast to take less tell of the starting of processes only."""


@dataclass(frozen=True)
class Experience:
    """What past jobs say about forecasts.

    Attributes:
        pace: How long things take, beside the formulas: a factor for what has not been seen.
        factors: The same by kind of stage and task type.
        gains: What actions bring, by ``distil classification mini``: shipped beliefs and what was measured here together.
    """

    pace: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)

    def seconds(self, what: str, task_type: str, formula_s: float) -> float:
        """A forecast in seconds, mended by experience."""
        return formula_s * self.factors.get(f"{what} {task_type}", self.pace)

    def as_json(self) -> dict[str, Any]:
        """As it stands in a stage's summary."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What :meth:`as_json` gave."""
        return cls(
            value["pace"], value["factors"], {name: Gain(**gain) for name, gain in value["gains"].items()}
        )


def learn(seen: Sequence[Seen], machine: str, shipped: Mapping[str, Gain]) -> Experience:
    """Experience from what has been seen.

    Seconds: the logarithm of actual over forecast is normal around that of its kind, those around the machine's; each is
    estimated with the next wider one as its prior. Gains: the shipped belief is the prior, and a measurement counts by its error.

    Args:
        seen: Oldest first.
        machine: The machine at hand; what others took says nothing of it.
        shipped: Beliefs about gains before any experience.

    Example:
        >>> took = [Seen("stage teach", "ner", "here", 10.0, 20.0)] * 30
        >>> round(learn(took, "here", {}).seconds("stage teach", "ner", 10.0))
        20
    """
    logs: dict[str, list[float]] = defaultdict(list)
    measured: dict[str, list[Seen]] = defaultdict(list)
    for row in seen:
        if row.what.startswith(GAIN):
            measured[row.what.removeprefix(GAIN)].append(row)
        elif row.machine == machine and row.forecast >= _SHORTEST_S and row.actual > 0:
            logs[f"{row.what} {row.type}"].append(log(row.actual / row.forecast))
    recent = {kind: _mean(ratios[-_LAST:]) for kind, ratios in logs.items()}
    counts = {kind: min(_LAST, len(ratios)) for kind, ratios in logs.items()}
    pace = _PACE
    for kind, ratio in recent.items():
        pace = pace.given(ratio, (_BETWEEN**2 + _WITHIN**2 / counts[kind]) ** 0.5)
    factors = {
        kind: exp(Gain(pace.mean, _BETWEEN).given(ratio, _WITHIN / counts[kind] ** 0.5).mean)
        for kind, ratio in recent.items()
    }
    gains = {kind: _corrected(belief, measured.get(kind, ())) for kind, belief in shipped.items()}
    return Experience(exp(pace.mean), factors, gains)


def _corrected(belief: Gain, rows: Iterable[Seen]) -> Gain:
    """The belief about the mean gain of a kind narrows; that tasks differ in it does not."""
    mean = Gain(belief.mean, belief.sd)
    for row in list(rows)[-_LAST:]:
        mean = mean.given(row.actual, (row.error**2 + belief.sd**2) ** 0.5)
    return Gain(mean.mean, belief.sd)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
