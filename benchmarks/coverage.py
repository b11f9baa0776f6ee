"""How often the 90% interval of the estimate holds what the student reaches on the test set, over many small jobs.

    python benchmarks/coverage.py --data ../shared/data --out benchmarks/results/coverage.json

A job draws its set, how many labelled texts there are of each label (4 to 32), of sets with many labels some, and rows of train for gold and
pool; each is one `gts produce` in a process of its own, with little time, and is measured on the whole test set. `plain` is the
interval of held-out gold alone, as it was before beliefs about the pool and the difference between students were counted. What `--out`
already holds is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

from few_shot import few_shot, processor, produce, read_rows
from task_types import commit

SETS = ("trec6", "ag_news", "banking77", "tnews", "eprstmt")
SHOTS = (4, 8, 16, 32)
_MANY = 20
"""Labels beyond which a job has some of them only."""
_POOL, _TEST = 600, 1500


def draw(data: Path, seed: int) -> dict[str, Any]:
    """The rows of a job."""
    rng = random.Random(seed)
    name, shots = SETS[seed % len(SETS)], rng.choice(SHOTS)
    source = data / "classification" / name
    train = [row for file in _train(source) for row in read_rows(source, file)]
    labels = sorted({row["label"] for row in train})
    if len(labels) > _MANY:
        labels = sorted(rng.sample(labels, rng.choice((3, 6, 12))))
    kept = [row for row in train if row["label"] in labels]
    gold, pool = few_shot(kept, shots, seed, _POOL)
    if not pool:
        unlabeled = read_rows(source, "unlabeled")
        rng.shuffle(unlabeled)
        pool = [row["text"] for row in unlabeled[:_POOL]]
    test = [row for row in read_rows(source, "test") if row["label"] in labels]
    rng.shuffle(test)
    return {"set": name, "shots": shots, "gold": gold, "pool": pool, "test": test[:_TEST]}


def _train(source: Path) -> list[str]:
    return ["train"] if any(source.glob("train.jsonl*")) else [f"train_{i}" for i in range(5)]


def run(data: Path, seed: int, seconds: float) -> dict[str, Any]:
    """One job."""
    drawn = draw(data, seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {"gold": drawn["gold"], "pool": [{"text": t} for t in drawn["pool"]], "test": drawn["test"]}
        for file, rows in files.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
        task = {"name": "coverage", "type": "classification", "examples": "gold.jsonl", "seed": seed}
        task |= {"unlabeled": "pool.jsonl", "test": "test.jsonl"}
        task |= {"goal": {"metric": random.Random(seed).choice(("accuracy", "accuracy", "macro_f1"))}}
        (folder / "task.json").write_text(json.dumps(task), "utf-8")
        report, wall = produce(folder, "task", seconds, suffix=".json")
    return {
        "seed": seed,
        "set": drawn["set"],
        "shots": drawn["shots"],
        "gold": len(drawn["gold"]),
        "labels": len(report["labels"]),
        "metric": report["metric"],
        "tier": report["tier"],
        "published": report["published"],
        "estimate": report["estimate"],
        "plain": report["measured"],
        "test": report["test"][report["published"]][report["metric"]],
        "commit": commit(),
        "wall_s": round(wall, 1),
    }


def summary(runs: Sequence[dict[str, Any]]) -> str:
    """Share of intervals that held, their width and the error of the value, by kind of interval and by shots."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in runs:
        for name in ("all", f"{row['shots']} shots", row["set"], row["metric"]):
            groups[name].append(row)
    lines = ["| jobs | | held, corrected | width | error | held, plain | width | error |", "|---" * 8 + "|"]
    for name, found in groups.items():
        cells = [name, str(len(found))]
        for kind in ("estimate", "plain"):
            cells.append(f"{mean(row[kind]['low'] <= row['test'] <= row[kind]['high'] for row in found):.2f}")
            cells.append(f"{mean(row[kind]['high'] - row[kind]['low'] for row in found):.3f}")
            cells.append(f"{mean((row[kind]['value'] - row['test']) ** 2 for row in found) ** 0.5:.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--jobs", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    done = {row["seed"] for row in runs}
    for seed in range(args.jobs):
        if seed in done:
            continue
        runs.append(run(args.data, seed, args.seconds))
        row = runs[-1]
        print(row["set"], row["shots"], row["estimate"]["value"], row["test"], row["wall_s"], flush=True)
        if args.out:
            facts = {"date": date.today().isoformat(), "machine": processor(), "seconds": args.seconds}
            args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")
    print(summary(runs))


if __name__ == "__main__":
    main()
