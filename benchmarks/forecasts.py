"""How far forecasts of seconds are off, over the number of jobs a platform has seen: the recorded jobs, played in drawn orders.

    python benchmarks/forecasts.py

writes `benchmarks/results/forecasts.svg` too: forecast against outcome, the seconds of a job for jobs that ten or more came before.

Each job's actions are forecast by their formulas as recorded, mended by what the jobs before it in the order took, as a platform does that
keeps its store; the jobs themselves ran each in a store of its own. Evaluations are left out, for no budget holds them.

Gains of teaching are forecast for each draw from jobs on all other sets of the task type, by the rule of `benchmarks/priors.py`; told is how many
of the measured gains lie in the 90% interval, the error of measuring on few gold rows included, and how far their means are apart.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

from scatter import Panel, drawn
from task_types import CASES

from gts.orchestrator.experience import Experience, learn
from gts.orchestrator.history import Seen

RESULTS = Path(__file__).with_name("results")
_ORDERS, _MACHINE = 50, "recorded"
_FEWEST, _LEAST_SD, _Z90 = 2, 0.004, 1.645
_WARM, _DRAWN = 10, 3
"""Jobs before one whose forecast is drawn, and the orders that are."""
_STEPS = ((0, 1), (1, 3), (3, 5), (5, 10), (10, 20), (20, 1000))

Job = list[Seen]


def jobs() -> Iterator[Job]:
    """What was forecast and taken, by job."""
    for run in json.loads((RESULTS / "task_types.json").read_text("utf-8"))["runs"]:
        kind = CASES[run["case"]].type
        yield [
            Seen(f"action {title}", kind, _MACHINE, forecast, actual)
            for title, _, forecast, actual in run["decisions"]
            if actual > 0 and forecast > 0 and not title.startswith("evaluate")
        ]


@dataclass(frozen=True)
class Played:
    """A job after others.

    Attributes:
        before: Jobs seen before.
        forecast: Its seconds as forecast.
        actual: What it took.
        errors: The relative errors of its actions.
    """

    before: int
    forecast: float
    actual: float
    errors: Sequence[float]


def play(order: Sequence[Job]) -> Iterator[Played]:
    """The jobs in an order, each forecast from those before it."""
    seen: list[Seen] = []
    for number, job in enumerate(order):
        known = learn(seen, _MACHINE, {}) if seen else Experience()
        told = [known.seconds(row.what, row.type, row.forecast) for row in job]
        took = [row.actual for row in job]
        single = [abs(forecast / actual - 1) for forecast, actual in zip(told, took, strict=True)]
        yield Played(number, sum(told), sum(took), single)
        seen += job


def gains() -> list[tuple[float, float, float]]:
    """Forecast, its standard deviation with the error of measuring, and what was measured, of teaching a tier of a job."""
    rows = []
    for run in json.loads((RESULTS / "task_types.json").read_text("utf-8"))["runs"]:
        for tier, student in run["students"].items():
            value, gain = student["seed_only"], student["estimate"] - student["seed_only"]
            noise = max(value * (1 - value), 0.05) / run["gold"]
            rows.append((run["case"], CASES[run["case"]].type, tier, gain, noise))
    told = []
    for name, kind, tier, gain, noise in rows:
        others = [row for row in rows if row[1:3] == (kind, tier) and row[0] != name]
        if len(others) < _FEWEST:
            continue
        spread = pstdev(row[3] for row in others) ** 2 - mean(row[4] for row in others)
        sd = max(_LEAST_SD, sqrt(max(0.0, spread)))
        told.append((mean(row[3] for row in others), sqrt(sd**2 + noise), gain))
    return told


def main() -> None:
    found = list(jobs())
    whole: dict[tuple[int, int], list[float]] = defaultdict(list)
    parts: dict[tuple[int, int], list[float]] = defaultdict(list)
    points: list[tuple[float, float]] = []
    for seed in range(_ORDERS):
        order: list[Any] = list(found)
        random.Random(seed).shuffle(order)
        for job in play(order):
            step = next(step for step in _STEPS if step[0] <= job.before < step[1])
            whole[step].append(abs(job.forecast / job.actual - 1))
            parts[step] += job.errors
            if job.before >= _WARM and seed < _DRAWN:
                points.append((job.forecast, job.actual))
    print(f"{len(found)} jobs, {_ORDERS} orders\n")
    print("| jobs seen before | median error of a job's seconds | of an action's |\n|---|---|---|")
    for step in _STEPS:
        first, last = step[0], min(step[1], len(found)) - 1
        name = f"{first} to {last}" if last > first else str(first)
        print(f"| {name} | {median(whole[step]):.0%} | {median(parts[step]):.0%} |")
    told = gains()
    held = mean(abs(gain - forecast) <= _Z90 * sd for forecast, sd, gain in told)
    off = mean(gain for _, _, gain in told) - mean(forecast for forecast, _, _ in told)
    print(
        f"\nGains of teaching, {len(told)}: {held:.0%} in the 90% interval; measured less forecast {off:+.4f}"
    )
    ends = sorted(value for point in points for value in point)
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000) if ends[0] / 3 <= tick <= ends[-1] * 3]
    panels = [
        Panel("Seconds of a job", points, ticks, logarithmic=True),
        Panel(
            "Gain of teaching", [(forecast, gain) for forecast, _, gain in told], (-0.2, -0.1, 0, 0.1, 0.2)
        ),
    ]
    (RESULTS / "forecasts.svg").write_text(drawn(panels), "utf-8")


if __name__ == "__main__":
    main()
