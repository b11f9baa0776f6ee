"""What jobs are expected to reach before anything is measured, from the recorded benchmarks: orchestrator/gts/orchestrator/priors.json.

    python benchmarks/priors.py

Cross-fitted estimates only, which every job has; never what was measured on test rows. `values` are those of students of the labels
alone, `gains` what teaching adds to them, what a doubling of the pool adds, and what generated rows add. Standard deviations of gains are
those between jobs without the error of measuring on few gold rows: what is only measured is not gained. `jobs` is 0 where it is a guess.
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
_REFINE = (0.845 - 0.835, 0.823 - 0.807, 0.823 - 0.837)
"""What end-to-end steps added to the head fitted on soft labels: development rows of TREC-6 and AG News (LOG.md, 2026-11-21)."""
_GUESSES = {"assist classification static": {"mean": 0.01, "sd": 0.01, "jobs": 0}}
"""Not measured: what `mini` adds to `static` by labelling for it."""


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
    for tier, generated in _no_pool().items():
        seen = _summary(generated, 0.0, _LEAST_GAIN_SD)
        # Other types have no such measurement: that of classification, marked as that of no job.
        table["gains"] |= {f"generate {task_type} {tier}": {**seen, "jobs": 0} for task_type in METRICS}
        table["gains"][f"generate classification {tier}"] = seen
    table["gains"]["refine classification mini"] = _summary(_REFINE, 0.0, _LEAST_GAIN_SD)
    table["gains"] |= _GUESSES
    TARGET.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", "utf-8")


def _few_shot() -> list[tuple[str, int, int, dict[str, Any]]]:
    runs = json.loads((RESULTS / "few_shot.json").read_text("utf-8"))["runs"]
    return [("classification", 2000, run["estimate"]["n"], run["students"]) for run in runs]


def _task_types() -> list[tuple[str, int, int, dict[str, Any]]]:
    runs = json.loads((RESULTS / "task_types.json").read_text("utf-8"))["runs"]
    return [(CASES[run["case"]].type, run["pool"], run["gold"], run["students"]) for run in runs]


def _no_pool() -> dict[str, list[float]]:
    """What texts made of the user's own add to the estimate, by tier."""
    runs = json.loads((RESULTS / "no_pool.json").read_text("utf-8"))["runs"]
    found = {(run["set"], run["seed"], run["tier"], run["writer"]): run["estimate"] for run in runs}
    gains: dict[str, list[float]] = defaultdict(list)
    for (name, seed, tier, writer), value in found.items():
        if writer == "embedded":
            gains[tier].append(value - found[name, seed, tier, "none"])
    return gains


def _summary(numbers: Sequence[float], noise: float, least: float) -> dict[str, float]:
    sd = max(least, _FEW_SD / len(numbers), sqrt(max(0.0, pstdev(numbers) ** 2 - noise)))
    return {"mean": round(mean(numbers), 4), "sd": round(sd, 4), "jobs": len(numbers)}


if __name__ == "__main__":
    main()
