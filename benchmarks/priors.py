"""What jobs are expected to reach before anything is measured, from the recorded benchmarks: orchestrator/gts/orchestrator/priors.json.

    python benchmarks/priors.py

Cross-fitted estimates only, which every job has; never what was measured on test rows. `values` are those of students of the labels
alone, `gains` what teaching adds to them, what a doubling of the pool adds, and what generated rows add. Standard deviations of gains are
those between jobs without the error of measuring on few gold rows: what is only measured is not gained.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from math import log2, sqrt
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from task_types import CASES

from gts.tasks.spec import METRICS

RESULTS = Path(__file__).with_name("results")
TARGET = Path(__file__).parents[1] / "orchestrator" / "gts" / "orchestrator" / "priors.json"
_LEAST_VALUE_SD, _LEAST_GAIN_SD = 0.1, 0.004
_FEW_SD = 0.02
"""Of a gain that one job has shown; of more that part of it."""
_START_POOL = 50
_REFINE = {"mean": 0.002, "sd": 0.004, "jobs": 9}
"""benchmarks/LOG.md: the first session's trials of end-to-end training of `mini`."""
_ASSIST = {"mean": 0.01, "sd": 0.005, "jobs": 3}
"""benchmarks/LOG.md: `static` with `mini` as its assistant."""
_GENERATE = {"mean": 0.0, "sd": 0.004, "jobs": 12}
"""benchmarks/results/no_pool.json: nothing on the average, of texts made of the user's own."""


def main() -> None:
    values: dict[str, list[float]] = defaultdict(list)
    gains: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for task_type, pool, gold, students in [*_few_shot(), *_task_types()]:
        for tier, student in students.items():
            value, gain = student["seed_only"], student["estimate"] - student["seed_only"]
            noise = value * (1 - value) / gold
            values[f"{task_type} {tier}"].append(value)
            gains[f"distil {task_type} {tier}"].append((gain, noise))
            if pool > _START_POOL:
                doublings = log2(pool / _START_POOL)
                gains[f"more text for {task_type} {tier}"].append((gain / doublings, noise / doublings**2))
    table = {
        "values": {name: _summary(found, 0.0, _LEAST_VALUE_SD) for name, found in values.items()},
        "gains": {
            name: _summary([gain for gain, _ in found], mean(noise for _, noise in found), _LEAST_GAIN_SD)
            for name, found in gains.items()
        },
    }
    own = {"refine classification mini": _REFINE, "assist classification static": _ASSIST}
    table["gains"] |= own | {
        f"generate {task_type} {tier}": _GENERATE for task_type in METRICS for tier in ("mini", "static")
    }
    TARGET.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", "utf-8")


def _few_shot() -> list[tuple[str, int, int, dict[str, Any]]]:
    runs = json.loads((RESULTS / "few_shot.json").read_text("utf-8"))["runs"]
    return [("classification", 2000, run["estimate"]["n"], run["students"]) for run in runs]


def _task_types() -> list[tuple[str, int, int, dict[str, Any]]]:
    runs = json.loads((RESULTS / "task_types.json").read_text("utf-8"))["runs"]
    return [(CASES[run["case"]].type, run["pool"], run["gold"], run["students"]) for run in runs]


def _summary(numbers: Sequence[float], noise: float, least: float) -> dict[str, float]:
    sd = max(least, _FEW_SD / len(numbers), sqrt(max(0.0, pstdev(numbers) ** 2 - noise)))
    return {"mean": round(mean(numbers), 4), "sd": round(sd, 4), "jobs": len(numbers)}


if __name__ == "__main__":
    main()
