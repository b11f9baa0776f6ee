"""Students of classification tasks without any labelled example: labels, descriptions, unlabelled text.

    python benchmarks/zero_shot.py --data ../shared/data

The descriptions below were written before any test text was looked at; banking77 has its labels' names alone. Writes
benchmarks/results/zero_shot.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from few_shot import processor, produce, read_rows

SETS = {
    "ag_news": {
        "World": "international news, politics, war and diplomacy",
        "Sports": "games, teams, athletes and results",
        "Business": "companies, markets, economy and finance",
        "Sci/Tech": "science, technology, software, internet and space",
    },
    "trec6": {
        "abbreviation": "asks what an abbreviation stands for",
        "description": "asks for a definition, a reason or a manner",
        "entity": "asks for a thing such as an animal, a colour, a product or a food",
        "human": "asks for a person or a group",
        "location": "asks for a place, city or country",
        "numeric": "asks for a number, date, amount or distance",
    },
    "banking77": {},
}
_POOL = 3000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seconds", type=float, default=170.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "zero_shot.json")
    args = parser.parse_args()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    result = {
        "date": date.today().isoformat(),
        "commit": head.stdout.strip(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "runs": [],
    }
    with tempfile.TemporaryDirectory() as temporary:
        for seed in args.seeds:
            for name in args.only:
                for run in measure(Path(temporary) / f"{name}-{seed}", name, args, seed):
                    print(json.dumps(run), flush=True)
                    result["runs"].append(run)
                args.out.write_text(json.dumps(result, indent=1) + "\n")


def measure(folder: Path, name: str, args: argparse.Namespace, seed: int) -> list[dict[str, object]]:
    """One job: a run for each of its students, with its accuracy on the whole test set."""
    source = args.data / "classification" / name
    train, test = read_rows(source, "train"), read_rows(source, "test")
    labels = {str(row["label"]): "" for row in train} | SETS[name]
    folder.mkdir()
    pool = [row["text"] for row in random.Random(seed).sample(train, min(_POOL, len(train)))]
    (folder / "pool.jsonl").write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in pool), "utf-8"
    )
    (folder / "test.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in test), "utf-8"
    )
    spec = {
        "name": name,
        "labels": labels,
        "unlabeled": "pool.jsonl",
        "test": "test.jsonl",
        "seed": seed,
    }
    (folder / "task.yaml").write_text(json.dumps(spec, ensure_ascii=False), "utf-8")
    report, wall = produce(folder, "task", args.seconds)
    job = {
        "set": name,
        "seed": seed,
        "wall_s": round(wall, 1),
        "agreement": report["estimate"],
        "guessed": report["counts"]["guessed"],
    }
    keys = ("tier", "estimate", "test", "seed_only_test")
    return [job | {key: student[key] for key in keys} for student in report["students"]]


if __name__ == "__main__":
    main()
