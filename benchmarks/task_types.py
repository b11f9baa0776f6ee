"""Students of all six task types from few labelled rows, beside their seed-only twins, on real data.

    python benchmarks/task_types.py --data ../shared/data --out benchmarks/results/task_types.json
    python benchmarks/task_types.py --only conll2003-20 cec --seeds 0

Gold rows are drawn from train by seed (the FewCLUE sets bring their own draws), the pool is other rows of train without their
labels, the measures are those of the whole test set. Each job is one `gts produce` in a process of its own. What `--out` already
holds is kept, so that a run that was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from few_shot import processor, produce, read_rows

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One task of the benchmark.

    Attributes:
        type: Task type.
        folder: Folder of the data set.
        shots: Gold rows for each type or label, or in all where rows have none.
        kinds: Types or labels that a row holds.
        answers: Keys of a row that the pool's rows lack.
        draws: Whether the set brings its own draws (``train_0`` ...).
        fields: More of the task file.
    """

    type: str
    folder: str
    shots: int
    kinds: Callable[[Row], Sequence[str]]
    answers: tuple[str, ...]
    draws: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def _label(row: Row) -> list[str]:
    return [str(row["label"])]


def _entities(row: Row) -> list[str]:
    return [entity["type"] for entity in row["entities"]]


def _relations(row: Row) -> list[str]:
    return [relation["type"] for relation in row["relations"]]


def _all(row: Row) -> list[str]:
    return ["row"]


CASES = {
    **{f"conll2003-{n}": Case("ner", "conll2003", n, _entities, ("entities",)) for n in (5, 20, 100)},
    **{f"cluener-{n}": Case("ner", "cluener", n, _entities, ("entities",)) for n in (5, 20, 100)},
    "semeval": Case("relation", "semeval2010_task8", 16, _relations, ()),
    "sanwen": Case("relation", "sanwen", 16, _relations, ("relations",)),
    "phee": Case("event", "phee", 100, _all, ("events",)),
    "cec": Case("event", "cec", 100, _all, ("events",)),
    "mrpc": Case("similarity", "mrpc", 32, _label, ("label",)),
    "bustm": Case("similarity", "bustm", 0, _label, ("label",), draws=True),
    "dialogsum": Case("summarization", "dialogsum", 100, _all, ("summary",)),
    "csl_title": Case("summarization", "csl_title", 100, _all, ("summary",)),
    "eprstmt": Case("classification", "eprstmt", 0, _label, ("label",), draws=True),
    "tnews": Case("classification", "tnews", 0, _label, ("label",), draws=True),
}


def draw(case: Case, source: Path, seed: int, pool: int) -> tuple[list[Row], list[Row]]:
    """Gold rows, and others without their answers."""
    if case.draws:
        unlabeled = read_rows(source, "unlabeled")
        random.Random(seed).shuffle(unlabeled)
        return read_rows(source, f"train_{seed}"), unlabeled[:pool]
    rows = read_rows(source, "train")
    random.Random(seed).shuffle(rows)
    counts: Counter[str] = Counter()
    gold, rest = [], []
    for row in rows:
        kinds = set(case.kinds(row))
        if any(counts[kind] < case.shots for kind in kinds):
            counts.update(kinds)
            gold.append(row)
        else:
            rest.append(row)
    # Without its answers a row of given entities is not known to hold any, so such sets have no pool.
    bare = [{key: value for key, value in row.items() if key not in case.answers} for row in rest]
    return gold, bare[:pool] if case.answers else []


def run(name: str, args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One job."""
    case = CASES[name]
    source = args.data / case.type / case.folder
    gold, pool = draw(case, source, seed, args.pool)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {"gold": gold, "pool": pool, "test": read_rows(source, "test")}
        for file, rows in files.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
        task: dict[str, Any] = {
            "name": name,
            "type": case.type,
            "examples": "gold.jsonl",
            "test": "test.jsonl",
        }
        task |= {"seed": seed, **case.fields, **({"unlabeled": "pool.jsonl"} if pool else {})}
        (folder / "task.json").write_text(json.dumps(task), "utf-8")
        report, wall = produce(folder, "task", args.seconds, suffix=".json")
    return {
        "case": name,
        "seed": seed,
        "commit": commit(),
        "gold": len(gold),
        "pool": len(pool),
        "wall_s": round(wall, 1),
        "metric": report["metric"],
        "published": [report["tier"], report["published"]],
        "estimate": report["estimate"],
        "test": report["test"],
        "students": {student["tier"]: student for student in report["students"]},
        "teachers": {
            teacher["name"]: [teacher["value"], teacher["weight"]] for teacher in report["teachers"]
        },
        "generators": [[row["name"], row["used"], row["reason"]] for row in report["generators"]],
        "decisions": [
            [row["action"], row["outcome"], row["forecast_seconds"], row["seconds"]]
            for row in report["decisions"]
        ],
    }


def commit() -> str:
    """Of this checkout."""
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return head.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--pool", type=int, default=1000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    facts = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "command": [part for part in sys.argv[1:] if "/" not in part],
    }
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    done = {(run["case"], run["seed"]) for run in runs}
    for seed, name in product(args.seeds, args.only):
        if (name, seed) in done:
            continue
        runs.append(run(name, args, seed))
        tiers = {tier: [s["test"], s["seed_only_test"]] for tier, s in runs[-1]["students"].items()}
        print(name, seed, f"{runs[-1]['wall_s']} s", runs[-1]["metric"], tiers, flush=True)
        if args.out:
            args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
