"""The table of the task types in README, from the recorded results.

python benchmarks/types_table.py benchmarks/results/task_types.json benchmarks/results/task_peers.json benchmarks/results/ceilings.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

from table import spread
from task_types import CASES

Run = dict[str, Any]


def main() -> None:
    ours, peers, whole = (json.loads(Path(path).read_text()) for path in sys.argv[1:4])
    print(f"{ours['date']}, {ours['machine']['processor']}, commit {ours['commit']}\n")
    heads = (
        "set, draws",
        "gold rows",
        "measure",
        "student",
        "test",
        "seed-only",
        "peer",
        "whole training set",
    )
    print(f"| {' | '.join(heads)} | job, s | MB | rows/s |")
    print("|---" * (len(heads) + 3) + "|")
    runs, theirs = defaultdict(list), defaultdict(list)
    for run in ours["runs"]:
        runs[run["case"]].append(run)
    for run in peers["runs"]:
        theirs[run["case"]].append(run["test"])
    ceilings = {(run["set"], run["tier"]): run["test"][run["metric"]] for run in whole["runs"]}
    for name, case in CASES.items():
        tiers = [tier for tier in ("mini", "static") if any(tier in run["students"] for run in runs[name])]
        for tier in tiers:
            peer = theirs[name] if tier == tiers[0] else []
            print(f"| {' | '.join(line(name, runs[name], tier, peer, ceilings.get((case.folder, tier))))} |")
    held = [run["estimate"]["low"] <= tested(run) <= run["estimate"]["high"] for run in ours["runs"]]
    print(
        f"\nThe interval held the test measure of the published student in {sum(held)} of {len(held)} jobs."
    )


def line(name: str, runs: list[Run], tier: str, peer: list[float], ceiling: float | None) -> list[str]:
    """The cells of one case and tier."""
    found = [run for run in runs if tier in run["students"]]
    students = [run["students"][tier] for run in found]
    return [
        f"{name}, {len(found)}",
        f"{mean(run['gold'] for run in found):.0f}",
        f"`{found[0]['metric']}`",
        f"`{tier}`",
        spread([student["test"] for student in students], 3),
        f"{mean(student['seed_only_test'] for student in students):.3f}",
        f"{mean(peer):.3f}" if peer else "",
        f"{ceiling:.3f}" if ceiling is not None else "",
        f"{mean(run['wall_s'] for run in found):.0f}",
        f"{mean(student['bytes'] for student in students) / 1e6:.1f}",
        f"{mean(student['texts_per_second'] for student in students):,.0f}",
    ]


def tested(run: Run) -> float:
    """The published student's measure on the test rows."""
    return float(run["test"][run["published"][1]][run["metric"]])


if __name__ == "__main__":
    main()
