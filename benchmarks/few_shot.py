"""Few-shot classification: students, seed-only and peers on banking77, AG News and TREC-6.

    python benchmarks/few_shot.py --data ../shared/data --out benchmarks/results/few_shot.json
    python benchmarks/few_shot.py --only trec6 --seeds 0

Eight shots a label; the rest of train without labels is the pool (up to 6,000 texts); accuracy on the whole test
set. Each job is one `gts produce` in a process of its own, without the test set; both tiers come from the same job. A
second `gts produce` of the same task with the test set finds all stages finished and adds the evaluation.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

SETS = ("banking77", "ag_news", "trec6")


def read_rows(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / f"{name}.jsonl"
    text = (
        path.read_text("utf-8")
        if path.exists()
        else gzip.decompress(Path(f"{path}.gz").read_bytes()).decode()
    )
    return [json.loads(line) for line in text.splitlines()]


def few_shot(
    rows: list[dict[str, str]], shots: int, seed: int, pool: int
) -> tuple[list[dict[str, str]], list[str]]:
    """Draw the gold rows, and the texts of the others as pool."""
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    counts: dict[str, int] = {}
    gold, rest, seen = [], [], set()
    for row in rows:
        text = " ".join(row["text"].casefold().split())
        if counts.get(row["label"], 0) < shots and text not in seen:
            counts[row["label"]] = counts.get(row["label"], 0) + 1
            seen.add(text)
            gold.append(row)
        else:
            rest.append(row["text"])
    return gold, rest[:pool]


def write_task(folder: Path, name: str, data: Path, seed: int, shots: int, pool: int) -> None:
    source = data / "classification" / name
    gold, texts = few_shot(read_rows(source, "train"), shots, seed, pool)
    files = {"gold": gold, "pool": [{"text": text} for text in texts], "test": read_rows(source, "test")}
    for file, rows in files.items():
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
    fields = (
        f"name: {name}\ntype: classification\nexamples: gold.jsonl\nunlabeled: pool.jsonl\nseed: {seed}\n"
    )
    (folder / "task.yaml").write_text(fields)
    (folder / "tested.yaml").write_text(f"{fields}test: test.jsonl\n")


def produce(folder: Path, task: str, seconds: float | None, suffix: str = ".yaml") -> tuple[dict, float]:
    """One `gts produce`: its report, and its wall time from start to exit."""
    gts = str(Path(sys.executable).with_name("gts"))
    command = [gts, "produce", str(folder / f"{task}{suffix}"), "-o", str(folder / f"{task}.model")]
    command += ["--data-dir", str(folder / "home"), "--json"]
    if seconds:
        command += ["--seconds", str(seconds)]
    environment = {**os.environ, "GOMP_SPINCOUNT": "10000"}
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    wall = time.monotonic() - started
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.strip().splitlines()[-1]), wall


def run_gts(name: str, data: Path, seed: int, args: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_task(folder, name, data, seed, args.shots, args.pool)
        _, wall = produce(folder, "task", args.seconds)
        report, _ = produce(folder, "tested", args.seconds)
    return {
        "set": name,
        "seed": seed,
        "wall_s": round(wall, 1),
        "published": [report["tier"], report["published"]],
        "estimate": report["estimate"],
        "test": report["test"],
        "students": {s["tier"]: s for s in report["students"]},
        "teachers": {t["name"]: [t["value"], t["weight"]] for t in report["teachers"]},
        "decisions": report["decisions"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=SETS, nargs="*", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--pool", type=int, default=6000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    machine = {"processor": processor(), "cores": os.cpu_count()}
    facts = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": machine,
        "command": [a for a in sys.argv[1:] if "/" not in a],
    }
    runs: list[dict] = []
    for seed in args.seeds:
        for name in args.only:
            run = run_gts(name, args.data, seed, args)
            runs.append(run)
            scores = {tier: (s["test"], s["seed_only_test"]) for tier, s in run["students"].items()}
            print(name, seed, f"{run['wall_s']} s", scores, run["published"], flush=True)
            if args.out:
                args.out.parent.mkdir(parents=True, exist_ok=True)
                args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


def processor() -> str:
    """The processor's name, and which of the instructions that matter here it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
    return ", ".join(
        [facts.get("model name", "?"), *(flag for flag in known if flag in facts.get("flags", "").split())]
    )


if __name__ == "__main__":
    main()
