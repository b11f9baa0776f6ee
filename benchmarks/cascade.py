"""What a student answers by itself within a bound on its errors, and how many of those answers are wrong.

    python benchmarks/cascade.py --data ../shared/data --out benchmarks/results/cascade.json

Jobs on AG News and TREC-6: `--shots` labelled texts a label, 1,000 unlabelled, the student that `gts produce` publishes. The threshold follows
from the labelled texts alone; the share that is answered, and the share of errors among those, are those of the test set.
`everything` is the error of answering all; `whole` that of the cascade where the rest is answered without errors.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from datetime import date
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from few_shot import few_shot, processor, produce, read_rows
from task_types import commit

from gts.student.layout import read_manifest
from gts.student.runtime import load_student
from gts.student.selective import confidence_of, cut

SETS = ("ag_news", "trec6")
BOUNDS = (0.02, 0.05, 0.1, 0.15, 0.2)
_POOL = 1000


def run(name: str, data: Path, shots: int, seed: int) -> dict[str, Any]:
    """One job, and its curve."""
    source = data / "classification" / name
    gold, pool = few_shot(read_rows(source, "train"), shots, seed, _POOL)
    test = read_rows(source, "test")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file, rows in {"gold": gold, "pool": [{"text": text} for text in pool]}.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
        task = {"name": name, "type": "classification", "seed": seed}
        task |= {"examples": "gold.jsonl", "unlabeled": "pool.jsonl"}
        (folder / "task.json").write_text(json.dumps(task), "utf-8")
        report, wall = produce(folder, "task", None, suffix=".json")
        student, manifest = load_student(folder / "task.model"), read_manifest(folder / "task.model")
        answers = student.answer(test)
    sure = np.array([confidence_of(answer, manifest.multi_label) for answer in answers])
    wrong = np.array([answer["labels"] != [row["label"]] for answer, row in zip(answers, test, strict=True)])
    curve = []
    for bound in BOUNDS:
        found = cut(manifest.held_out, bound)
        given = sure >= (found.threshold if found else np.inf)
        curve.append(
            {
                "bound": bound,
                "share": float(given.mean()),
                "error": float(wrong[given].mean()) if given.any() else None,
                "whole": float((wrong & given).mean()),
            }
        )
    facts = {"set": name, "shots": shots, "seed": seed, "gold": len(gold), "commit": commit()}
    told = {"tier": report["tier"], "everything": float(wrong.mean()), "wall_s": round(wall, 1)}
    return {**facts, **told, "curve": curve}


def show(runs: list[dict[str, Any]]) -> None:
    """Means over seeds."""
    cells: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for one in runs:
        cells[one["set"], one["shots"]].append(one)
    print(
        "| set, shots, jobs, errors of all | "
        + " | ".join(f"{b:.0%}: answered, wrong" for b in BOUNDS)
        + " |"
    )
    print("|---" * (len(BOUNDS) + 1) + "|")
    for (name, shots), found in cells.items():
        texts = []
        for number in range(len(BOUNDS)):
            points = [one["curve"][number] for one in found]
            errors = [point["error"] for point in points if point["error"] is not None]
            texts.append(
                f"{mean(p['share'] for p in points):.0%}, " + (f"{mean(errors):.1%}" if errors else "-")
            )
        everything = mean(one["everything"] for one in found)
        print(f"| {name}, {shots}, {len(found)}, {everything:.1%} | " + " | ".join(texts) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=SETS, nargs="*", default=list(SETS))
    parser.add_argument("--shots", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    done = {(one["set"], one["shots"], one["seed"]) for one in runs}
    for seed, shots, name in product(args.seeds, args.shots, args.only):
        if (name, shots, seed) in done:
            continue
        runs.append(run(name, args.data, shots, seed))
        print(json.dumps(runs[-1]), flush=True)
        if args.out:
            facts = {"date": date.today().isoformat(), "machine": processor(), "pool": _POOL}
            args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")
    show(runs)


if __name__ == "__main__":
    main()
