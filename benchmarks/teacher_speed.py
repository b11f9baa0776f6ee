"""Rows a second of students as they are served, and of the teachers they learnt from, in processor time of one thread.

    python benchmarks/teacher_speed.py --data ../shared/data --out benchmarks/results/teacher_speed.json

The ensemble of a row type is its teachers without a transformer, and the transformer (without an encoder the small trunk) tuned on the gold
rows, as the stages run it. Fitting does not count: a teacher is asked about some rows and about twice as many others, and the difference
is taken. Training is cut short, for how good they are does not matter here. Processor time tells of the work, also beside other work.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["OMP_NUM_THREADS"] = "1"

from few_shot import processor, read_rows
from task_types import CASES, commit, draw

from gts.core import catalogue
from gts.core.threads import machine_name

NAMES = ("conll2003-5", "cluener-5", "semeval", "phee", "cec", "mrpc", "bustm", "dialogsum", "csl_title")
_ROWS, _GOLD, _VISITS = 140, 40, 40


def run(name: str, data: Path) -> dict[str, Any]:
    """One set."""
    import torch

    from gts.orchestrator.crafts import craft_of
    from gts.orchestrator.crafts.protocol import Lesson, Scene
    from gts.orchestrator.stages.rows import STUDENT, package
    from gts.tasks.rows import save_row_task
    from gts.tasks.taskfile import load_task_document

    torch.set_num_threads(1)
    case = CASES[name]
    source = data / case.type / case.folder
    gold, _ = draw(case, source, 0, 0)
    document = {"name": name, "type": case.type, "examples": gold, "test": read_rows(source, "test")}
    task = load_task_document({**document, **case.fields})
    craft, rows = craft_of(task.spec.type), list(task.test[: 3 * _ROWS])
    entry = catalogue.encoder_for(task.spec.language or "")
    encoder = catalogue.locate(entry.id) if entry else None
    bare = Scene(task, list(task.gold[:_GOLD]), [], rows[:1], encoder)
    found: dict[str, Any] = {"case": name, "teachers": {}, "students": {}}

    def asked(teacher: str) -> Callable[[Sequence[Any]], Any]:
        return lambda some: craft.teach(teacher, replace(bare, heldout=some), lambda fraction: None)

    for teacher in craft.teachers(task, encoder is not None):
        found["teachers"][teacher] = milliseconds(asked(teacher), rows, repeats=3)
    for tier in ("mini", "static") if encoder else ("static",):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            scene = bare
            if craft.begins(tier, len(task.gold)):
                (folder / "begin").mkdir()
                craft.begin(tier, bare, folder / "begin", lambda fraction: None)
                scene = replace(bare, start=folder / "begin")
            lessons = [Lesson(row, craft.certain(row)) for row in bare.train]
            craft.train(tier, lessons, scene, _VISITS, folder / "fit" / STUDENT, lambda fraction: None)
            student, start = folder / "fit" / STUDENT, scene.start

            if "tuned" not in found["teachers"]:
                found["teachers"]["tuned"] = milliseconds(
                    partial(_told, craft, tier, student, task, start), rows
                )
            said = craft.predict(tier, student, bare.train, task, start)
            decision = craft.decide(task, bare.train, said)
            save_row_task(task, folder / "task")
            params = {"tier": tier, "encoder": entry.id if entry else None, "decision": decision}
            package.run(
                {"task": folder / "task", "student": folder / "fit"},
                {**params, "machine": machine_name()},
                _made(folder / "package"),
                lambda fraction, message="": None,
            )
            found["students"][tier] = milliseconds(craft.serve(folder / "package"), rows)
    found["teacher"] = round(sum(found["teachers"].values()), 3)
    return found


def milliseconds(ask: Callable[[Sequence[Any]], Any], rows: Sequence[Any], repeats: int = 1) -> float:
    """Processor time of one more row, nothing of it being known from before; of several measurements the least."""
    from gts.orchestrator.crafts.extracts import cut_of

    ask(rows[:2])
    times = []
    for some in (rows[:_ROWS], rows[_ROWS:]):
        took = []
        for _ in range(repeats):
            cut_of.cache_clear()
            started = time.process_time()
            ask(some)
            took.append(time.process_time() - started)
        times.append(min(took))
    return round(1000 * (times[1] - times[0]) / _ROWS, 3)


def _told(craft: Any, tier: str, student: Path, task: Any, start: Path | None, rows: Sequence[Any]) -> Any:
    return craft.predict(tier, student, rows, task, start)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=NAMES, nargs="*", default=list(NAMES))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = []
    for name in args.only:
        runs.append(run(name, args.data))
        print(runs[-1], flush=True)
        if args.out:
            facts = {"date": date.today().isoformat(), "commit": commit(), "machine": processor()}
            args.out.write_text(json.dumps({**facts, "unit": "ms a row", "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
