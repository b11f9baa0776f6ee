"""Quality and compute of the planner's strategies on the same tasks.

    python benchmarks/strategies.py --data ../shared/data --out benchmarks/results/strategies.json

Draws are those of task_types.py, with trec6 (8 shots a label, up to 6,000 unlabelled texts) beside its cases. The strategies of one task
and draw share a store, so that equal stages run once; each strategy is charged for every stage that it uses. `--out` is kept and
gone on with. `--show` prints the table of what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from datetime import date
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

from few_shot import few_shot, processor, produce, read_rows
from task_types import CASES, commit, draw

STRATEGIES = ("seed-only", "greedy", "fixed", "all")
TASKS = ("trec6", "eprstmt", "tnews", "mrpc", "bustm", "dialogsum", "conll2003-20")
_SHOTS, _POOL = 8, 6000
_STAGES_OF_TESTS = ("evaluate", "rows.evaluate")


def task_of(name: str, data: Path, seed: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The task, and its rows by file."""
    if name == "trec6":
        source = data / "classification" / name
        gold, texts = few_shot(read_rows(source, "train"), _SHOTS, seed, _POOL)
        rows = {"gold": gold, "pool": [{"text": text} for text in texts], "test": read_rows(source, "test")}
        return {"type": "classification", "language": "en"}, rows
    case = CASES[name]
    source = data / case.type / case.folder
    gold, pool = draw(case, source, seed, 1000)
    return {"type": case.type, **case.fields}, {"gold": gold, "pool": pool, "test": read_rows(source, "test")}


def run(name: str, data: Path, seed: int) -> list[dict[str, Any]]:
    """All strategies on one draw."""
    task, files = task_of(name, data, seed)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file, rows in files.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
        task |= {"name": name, "examples": "gold.jsonl", "test": "test.jsonl", "seed": seed}
        task |= {"unlabeled": "pool.jsonl"} if files["pool"] else {}
        for strategy in STRATEGIES:
            (folder / f"{strategy}.json").write_text(json.dumps(task | {"planner": {"strategy": strategy}}))
            report, wall = produce(folder, strategy, None, suffix=".json")
            test = report["test"][report["published"]]
            seconds = sum(s["seconds"] for s in report["stages"] if s["name"] not in _STAGES_OF_TESTS)
            found.append(
                {
                    "task": name,
                    "seed": seed,
                    "strategy": strategy,
                    "commit": commit(),
                    "metric": report["metric"],
                    "estimate": report["estimate"],
                    "test": test[report["metric"]],
                    "published": [report["tier"], report["published"]],
                    "seconds": round(seconds, 1),
                    "wall_s": round(wall, 1),
                    "decisions": report["decisions"],
                    "stages": report["stages"],
                }
            )
            print(name, seed, strategy, found[-1]["seconds"], round(found[-1]["test"], 4), flush=True)
    return found


def show(runs: list[dict[str, Any]]) -> None:
    """Mean test measure and seconds by task and strategy, and the best single strategy in hindsight."""
    cells: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in runs:
        cells[one["task"], one["strategy"]].append(one)
    print("| task, draws | " + " | ".join(f"{s}: measure, s" for s in STRATEGIES) + " |")
    print("|---" * (len(STRATEGIES) + 1) + "|")
    for name in dict.fromkeys(one["task"] for one in runs):
        row = [cells[name, strategy] for strategy in STRATEGIES]
        texts = [f"{mean(r['test'] for r in c):.3f}, {mean(r['seconds'] for r in c):.0f}" for c in row]
        print(f"| {name}, {len(row[0])} | " + " | ".join(texts) + " |")
    for strategy in STRATEGIES:
        losses, shares = [], []
        for name in dict.fromkeys(one["task"] for one in runs):
            best = max(mean(r["test"] for r in cells[name, s]) for s in STRATEGIES)
            losses.append(best - mean(r["test"] for r in cells[name, strategy]))
            most = mean(r["seconds"] for r in cells[name, "all"])
            shares.append(mean(r["seconds"] for r in cells[name, strategy]) / most)
        print(
            f"\n{strategy}: {100 * mean(losses):.2f} points under the best of each task on the average, "
            f"{100 * max(losses):.2f} at most, at {mean(shares):.0%} of the compute of `all`"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=TASKS, nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    if args.show:
        show(runs)
        return
    done = {(one["task"], one["seed"]) for one in runs}
    facts = {"date": date.today().isoformat(), "machine": {"processor": processor(), "cores": os.cpu_count()}}
    for seed, name in product(args.seeds, args.only):
        if (name, seed) not in done:
            runs += run(name, args.data, seed)
            if args.out:
                args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
