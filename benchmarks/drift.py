"""Whether traffic is called drift that is none: students asked texts of the set they were made from, by both references.

    python benchmarks/drift.py --data ../shared/data --out benchmarks/results/drift.json

Eight shots a label, 2,000 other texts as the pool, 1,000 more as traffic. Each student is held against the rows that its job has set
aside, as it is when it is served, and against those that it has learnt from. Population stability index and verdict of each quantity.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from few_shot import SETS, few_shot, processor, read_rows

from gts.orchestrator.stages.common import pool_rows
from gts.platform.traffic.drift import shifts
from gts.student.observing import observe, refer
from gts.student.opening import AnyStudent, open_student
from gts.student.tokenizing import shared_tokenizer

POOL, TRAFFIC, TIERS = 2_000, 1_000, ("static", "mini")
SEED = 0  # of the task, which says which rows a job learns from


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seconds", type=float, default=170.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "drift.json")
    args = parser.parse_args()
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    result = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "seconds": args.seconds,
        "runs": [],
    }
    for name in args.only:
        for tier in TIERS:
            with tempfile.TemporaryDirectory() as folder:
                run = {"set": name, "tier": tier, **measured(Path(folder), args, name, tier)}
            print(json.dumps(run), flush=True)
            result["runs"].append(run)
            args.out.write_text(json.dumps(result, indent=1) + "\n")


def measured(folder: Path, args: argparse.Namespace, name: str, tier: str) -> dict:
    gold, texts = few_shot(
        read_rows(args.data / "classification" / name, "train"), 8, seed=0, pool=POOL + TRAFFIC
    )
    texts = list(dict.fromkeys(" ".join(text.split()) for text in texts))
    pool, traffic = texts[:POOL], texts[POOL:]
    (folder / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in gold), "utf-8")
    (folder / "pool.txt").write_text("\n".join(pool), "utf-8")
    task = {"name": name.replace("_", "-"), "type": "classification", "language": "en", "seed": SEED}
    task |= {"examples": "gold.jsonl", "unlabeled": "pool.txt", "student": {"tier": tier}}
    (folder / "task.yaml").write_text(json.dumps(task), "utf-8")
    arguments = ["produce", folder / "task.yaml", "-o", folder / "student", "--seconds", args.seconds]
    command = [Path(sys.executable).parent / "gts", *arguments, "--data-dir", folder / "home", "--json"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    student = open_student(folder / "student")
    reference = student.manifest.reference
    assert reference is not None and not reference.learnt
    package = json.loads((folder / "student" / "lineage.json").read_text("utf-8"))["calls"][-1]
    learnt = [pool[row] for row in pool_rows(len(pool), package["params"]["taught"], SEED)]
    asked = seen(student, folder, traffic)
    return {
        "rows": {"aside": reference.rows, "learnt": len(learnt), "traffic": len(traffic)},
        "aside": told(shifts(reference, asked)),
        "learnt": told(shifts(refer(seen(student, folder, learnt)), asked)),
    }


def seen(student: AnyStudent, folder: Path, texts: list[str]):
    rows = [{"text": text} for text in texts]
    tokenizer = shared_tokenizer(folder / "student").tokenizer
    return observe(student.manifest, rows, student.answer(rows), tokenizer)


def told(found) -> dict:
    return {
        one.quantity: {
            "index": round(one.index, 3),
            "by_chance": round(one.by_chance, 3),
            "verdict": one.verdict,
            "then": one.typical_then,
            "now": one.typical_now,
        }
        for one in found
    }


if __name__ == "__main__":
    main()
