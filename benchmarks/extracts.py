"""What any extract can reach on the summarization sets of task_types.py: the lead, and an oracle that knows the summaries.

    python benchmarks/extracts.py --data ../shared/data --out benchmarks/results/extracts.json

Limits of length are found on the 100 gold rows of each draw, as in a job, here with the worth of pieces read off the summaries. Nothing is
trained.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

from few_shot import processor, read_rows
from task_types import CASES, commit, draw

NAMES = ("dialogsum", "csl_title")


def run(name: str, data: Path, seed: int) -> dict[str, Any]:
    """One draw of gold rows."""
    from gts.orchestrator.crafts.extracts import decide_extracts, gains_of, judge_extracts
    from gts.tasks.taskfile import load_task_document

    case = CASES[name]
    source = data / case.type / case.folder
    gold, _ = draw(case, source, seed, 0)
    document = {"name": name, "type": case.type, "examples": gold, "test": read_rows(source, "test")}
    task = load_task_document({**document, **case.fields})
    known = [[gains_of(row.text, row.summary or "") for row in rows] for rows in (task.gold, task.test)]
    decision = decide_extracts(task.spec, task.gold, task.gold, known[0])
    decisions = [decision] * len(task.test)
    judged = judge_extracts(task.spec, task.gold, task.test, known[1], decisions)
    return {"case": name, "seed": seed, "metric": task.spec.metric, "test": dict(judged.measures)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = [run(name, args.data, seed) for name in NAMES for seed in args.seeds]
    for row in runs:
        print(row)
    if args.out:
        facts = {"date": date.today().isoformat(), "commit": commit(), "machine": processor()}
        args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
