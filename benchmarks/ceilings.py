"""Students of the row types trained on whole training sets: what heads and training can do where labels are no limit.

    python benchmarks/ceilings.py --data ../shared/data --out benchmarks/results/ceilings.json
    python benchmarks/ceilings.py --only phee --tiers mini

The stages are those of a job: one student of `rows.distil`, on all but a twentieth of train, where its thresholds and the like are found;
`rows.package`; `rows.evaluate`. What `--out` already holds is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from few_shot import processor, read_rows
from task_types import CASES, commit

from gts.core import catalogue
from gts.core.threads import available_cores, limit_threads, machine_name

VISITS = {
    ("conll2003", "mini"): 13_000,
    ("conll2003", "static"): 26_000,
    ("cluener", "static"): 30_000,
    ("semeval2010_task8", "mini"): 8000,
    ("semeval2010_task8", "static"): 24_000,
    ("sanwen", "static"): 24_000,
    ("phee", "mini"): 8000,
    ("phee", "static"): 12_000,
    ("cec", "static"): 12_000,
    ("mrpc", "mini"): 11_000,
    ("mrpc", "static"): 11_000,
    ("csl_title", "static"): 2000,
    ("dialogsum", "static"): 12_000,
}
"""Lessons seen, with repetition, by set and tier."""


_FOLDS = 20


def run(name: str, tier: str, data: Path) -> dict[str, Any]:
    """Train, package and measure one student."""
    from gts.orchestrator.crafts import craft_of
    from gts.orchestrator.stages.rows import HELDOUT, begin, distil, evaluate, folds_of, package, read_beliefs
    from gts.tasks.rows import load_row_task, save_row_task
    from gts.tasks.taskfile import load_task_document

    case = next(case for case in CASES.values() if case.folder == name)
    source = data / case.type / name
    document = {"name": name, "type": case.type, "examples": read_rows(source, "train")}
    task = load_task_document({**document, "test": read_rows(source, "test"), **case.fields})
    craft = craft_of(task.spec.type)
    entry = catalogue.encoder_for(task.spec.language or "")
    encoder = entry.id if entry else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_row_task(task, folder / "task")
        inputs = {"task": folder / "task"}
        params = {"fold": 0, "folds": _FOLDS, "pool": 0, "encoder": encoder, "tier": tier, "seed_only": True}
        cpu, wall = time.process_time(), time.monotonic()
        if craft.begins(tier, len(task.gold)):
            begin.run(inputs, params, _made(folder / "begin"), _silent)
            inputs["begin"] = folder / "begin"
        params["visits"] = VISITS[name, tier]
        distil.run(inputs, params, _made(folder / "fit"), _silent)
        took = {"cpu_s": round(time.process_time() - cpu), "wall_s": round(time.monotonic() - wall)}
        task = load_row_task(folder / "task")
        held = [row for row, fold in zip(task.gold, folds_of(craft, task, _FOLDS), strict=True) if fold == 0]
        decision = craft.decide(task, held, read_beliefs(folder / "fit" / HELDOUT, craft))
        said = {"tier": tier, "encoder": encoder, "decision": decision, "machine": machine_name()}
        facts = package.run({**inputs, "student": folder / "fit"}, said, _made(folder / "package"), _silent)
        asked = {"test": folder / "task", "package": folder / "package", "seed_only": folder / "fit"}
        decisions = {"tier": tier, "decision": decision, "seed_only_decision": decision}
        test = evaluate.run(asked, decisions, folder, _silent)["student"]
    rows = len(task.gold) - len(held)
    done = {"set": name, "tier": tier, "commit": commit(), "rows": rows, "visits": VISITS[name, tier]}
    return {**done, **took, "metric": task.spec.metric, "test": test, **facts}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _silent(fraction: float, message: str = "") -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=sorted({name for name, _ in VISITS}), nargs="*")
    parser.add_argument("--tiers", choices=("mini", "static"), nargs="*", default=["mini", "static"])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    limit_threads()
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    done = {(run["set"], run["tier"]) for run in runs}
    for name, tier in VISITS:
        if (name, tier) in done or tier not in args.tiers or (args.only and name not in args.only):
            continue
        runs.append(run(name, tier, args.data))
        print(runs[-1], flush=True)
        if args.out:
            machine = {"processor": processor(), "cores": available_cores()}
            facts = {"date": date.today().isoformat(), "machine": machine}
            args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
