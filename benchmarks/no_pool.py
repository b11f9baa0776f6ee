"""What generated texts are worth where there is no unlabelled text: 8 labelled texts a label and nothing else.

    python benchmarks/causal.py --data ../shared/data --set ag_news --out MODEL    # a small language model, once
    python benchmarks/no_pool.py --data ../shared/data --model MODEL

Per set and draw, the same task with the same budget: without generator, with the one made of the user's own text, and with a
local language model tuned by LoRA on the labelled texts. Writes benchmarks/results/no_pool.json; runs of other sets and draws that
are there already stay, so that a part can be measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from few_shot import few_shot, processor, produce, read_rows

SETS = ("ag_news", "trec6")
WRITERS = {"none": "[]", "embedded": "[embedded]", "tuned model": "[own]"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--model", type=Path, required=True, help="folder of a causal model")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--tiers", nargs="*", default=["mini", "static"])
    parser.add_argument("--seconds", type=float, default=400.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "no_pool.json")
    args = parser.parse_args()
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    training = json.loads((args.model / "training.json").read_text())
    result = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "model": training,
        "seconds": args.seconds,
        "runs": kept(args),
    }
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary) / "models.yaml"
        models.write_text(
            f"models:\n  - {{name: own, kind: transformers, model: {args.model.absolute()}, chat: false, tune: {{steps: 60}}}}\n"
        )
        os.environ["GTS_MODELS"] = str(models)
        for seed in args.seeds:
            for name in args.only:
                folder = Path(temporary) / f"{name}-{seed}"
                folder.mkdir()
                for run in runs(folder, name, args, seed, commit):
                    print(json.dumps(run), flush=True)
                    result["runs"].append(run)
                    args.out.write_text(json.dumps(result, indent=1) + "\n")


def kept(args: argparse.Namespace) -> list[dict]:
    """Runs that are there and are not to be measured now."""
    if not args.out.exists():
        return []
    known = json.loads(args.out.read_text())["runs"]
    again = {(name, seed, tier) for name in args.only for seed in args.seeds for tier in args.tiers}
    return [run for run in known if (run["set"], run["seed"], run["tier"]) not in again]


def runs(folder: Path, name: str, args: argparse.Namespace, seed: int, commit: str):
    source = args.data / "classification" / name
    gold, _ = few_shot(read_rows(source, "train"), 8, seed, 0)
    for file, rows in {"gold": gold, "test": read_rows(source, "test")}.items():
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
    for tier in args.tiers:
        for writer, generators in WRITERS.items():
            task = f"{tier}-{writer.split()[0]}"
            (folder / f"{task}.yaml").write_text(
                f"name: {name}\ntype: classification\nexamples: gold.jsonl\ntest: test.jsonl\nseed: {seed}\n"
                f"student: {{tier: {tier}}}\ngenerators: {generators}\n"
            )
            report, wall = produce(folder, task, args.seconds)
            student = next(s for s in report["students"] if s["tier"] == tier)
            yield {
                "set": name,
                "seed": seed,
                "commit": commit,
                "tier": tier,
                "writer": writer,
                "wall_s": round(wall, 1),
                "test_accuracy": student["test"],
                "estimate": student["estimate"],
                "generators": [
                    {key: row[key] for key in ("name", "used", "reason", "accepted", "rejected")}
                    for row in report["generators"]
                ],
                "note": report["generation_note"],
            }


if __name__ == "__main__":
    main()
