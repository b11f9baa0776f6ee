"""The table of README, from the recorded results.

python benchmarks/table.py benchmarks/results/few_shot.json benchmarks/results/setfit_peer*.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

TITLES = {"banking77": "banking77 (77)", "ag_news": "AG News (4)", "trec6": "TREC-6 (6)"}


def main() -> None:
    ours = json.loads(Path(sys.argv[1]).read_text())
    peers = [run for path in sys.argv[2:] for run in json.loads(Path(path).read_text())["runs"]]
    runs = defaultdict(list)
    for run in ours["runs"]:
        runs[run["set"]].append(run)
    print(f"{ours['date']}, {ours['machine']['processor']}, commit {ours['commit']}\n")
    print(
        "| set (labels) | `mini` | its seed-only | `static` | its seed-only | job | texts/s, one core: mini, static "
        "| setfit, same time | setfit, five times |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, found in runs.items():
        cells = [TITLES[name]]
        for tier in ("mini", "static"):
            students = [run["students"][tier] for run in found]
            cells.append(spread([student["test"] for student in students], 3))
            cells.append(f"{mean(student['seed_only_test'] for student in students):.3f}")
        cells.append(f"{spread([run['wall_s'] for run in found], 0)} s")
        speeds = [
            mean(run["students"][tier]["texts_per_second"] for run in found) for tier in ("mini", "static")
        ]
        cells.append(", ".join(f"{speed:,.0f}" for speed in speeds))
        theirs = [run for run in peers if run["set"] == name]
        for limit in ("accuracy_at_first", "accuracy_at_last"):
            cells.append(f"{mean(run[limit] for run in theirs):.3f} ({len(theirs)})" if theirs else "")
        print(f"| {' | '.join(cells)} |")


def spread(values: Sequence[float], digits: int) -> str:
    """Mean, and in brackets the lowest and the highest."""
    low, high = min(values), max(values)
    return f"{mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
