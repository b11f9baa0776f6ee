"""The tables of the task types in README and docs/task-types.md, from the recorded results.

python benchmarks/types_table.py
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

from table import spread
from task_types import CASES

Run = dict[str, Any]

RESULTS = Path(__file__).with_name("results")
HEADS = ("set, draws", "gold rows", "measure", "student", "test", "seed-only", "others", "whole training set")
TITLES = {
    **{f"conll2003-{n}": f"CoNLL-2003, {n} sentences a type" for n in (5, 20, 100)},
    **{f"cluener-{n}": f"CLUENER (Chinese), {n} a type" for n in (5, 20, 100)},
    "semeval": "SemEval-2010 task 8, 16 a relation",
    "sanwen": "Sanwen (Chinese), 16 a relation",
    "phee": "PHEE, 100 texts",
    "cec": "CEC (Chinese), 100 texts",
    "mrpc": "MRPC, 64 pairs",
    "bustm": "BUSTM (Chinese), 32 pairs",
    "dialogsum": "DialogSum, 100 summaries",
    "csl_title": "CSL titles (Chinese), 100",
    "eprstmt": "EPRSTMT (Chinese), 32 texts",
    "tnews": "TNEWS (Chinese), 240 texts",
}
COSTS = ("job, s", "MB", "rows/s")


def main() -> None:
    ours, peers, whole, extracts = map(_read, ("task_types", "task_peers", "ceilings", "extracts"))
    print(f"{ours['date']}, {ours['machine']['processor']}, commit {ours['commit']}\n")
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in ours["runs"]:
        runs[run["case"]].append(run)
    others: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in peers["runs"]:
        others[run["case"]][run["peer"].split()[0]].append(run["test"])
    for run in extracts["runs"]:
        for name in ("lead", "oracle"):
            others[run["case"]][name].append(run["test"][name])
    ceilings = {(run["set"], run["tier"]): run["test"][run["metric"]] for run in whole["runs"]}
    print(f"| {' | '.join((*HEADS, *COSTS))} |")
    print("|---" * len((*HEADS, *COSTS)) + "|")
    for name, case in CASES.items():
        tiers = [tier for tier in ("mini", "static") if any(tier in run["students"] for run in runs[name])]
        for tier in tiers:
            beside = others[name] if tier == tiers[0] else {}
            cells = line(name, runs[name], tier, beside, ceilings.get((case.folder, tier)))
            print(f"| {' | '.join(cells)} |")
    held = [run["estimate"]["low"] <= tested(run) <= run["estimate"]["high"] for run in ours["runs"]]
    print(
        f"\nThe interval held the test measure of the published student in {sum(held)} of {len(held)} jobs.\n"
    )
    for name, case in CASES.items():
        tier = "mini" if "mini" in runs[name][0]["students"] else "static"
        print(f"{case.type}: {cell(name, runs[name], tier, others[name], ceilings.get((case.folder, tier)))}")


def line(
    name: str, runs: list[Run], tier: str, others: dict[str, list[float]], ceiling: float | None
) -> list[str]:
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
        ", ".join(f"{other} {mean(values):.3f}" for other, values in others.items()),
        f"{ceiling:.3f}" if ceiling is not None else "",
        f"{mean(run['wall_s'] for run in found):.0f}",
        f"{mean(student['bytes'] for student in students) / 1e6:.1f}",
        f"{mean(student['texts_per_second'] for student in students):,.0f}",
    ]


def cell(name: str, runs: list[Run], tier: str, others: dict[str, list[float]], ceiling: float | None) -> str:
    """One case and tier in words, as README has it."""
    students = [run["students"][tier] for run in runs if tier in run["students"]]
    beside = [f"labels alone {mean(student['seed_only_test'] for student in students):.3f}"]
    beside += [f"{other} {mean(values):.3f}" for other, values in others.items()]
    beside += [f"whole training set {ceiling:.3f}"] if ceiling is not None else []
    value = mean(student["test"] for student in students)
    return f"{TITLES[name]}: {runs[0]['metric']} **{value:.3f}** ({'; '.join(beside)})"


def tested(run: Run) -> float:
    """The published student's measure on the test rows."""
    return float(run["test"][run["published"][1]][run["metric"]])


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


if __name__ == "__main__":
    main()
