"""Stages of the task types whose rows are no single labelled text; what they share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.orchestrator.crafts.protocol import Belief, Craft, Scene
from gts.orchestrator.stages.common import Ints, fold_of_gold, pool_rows
from gts.tasks.rows import RowTask, load_row_task

HELDOUT, POOL, STUDENT = "heldout.jsonl", "pool.jsonl", "student"


def folds_of(craft: Craft, task: RowTask, folds: int) -> Ints:
    """Which fold holds out each gold row."""
    return fold_of_gold(craft.strata(task), folds, task.spec.seed)


def load_scene(craft: Craft, inputs: Mapping[str, Path], params: Mapping[str, Any]) -> Scene:
    """The fold that a stage's parameters name: ``fold`` (None: all gold), ``folds``, ``pool``, ``encoder``."""
    task = load_row_task(inputs["task"])
    rows = np.arange(len(task.gold))
    train, heldout = rows, rows[:0]
    if params["fold"] is not None:
        fold = folds_of(craft, task, params["folds"])
        train, heldout = rows[fold != params["fold"]], rows[fold == params["fold"]]
    pool = pool_rows(len(task.pool), params["pool"], task.spec.seed)
    encoder = catalogue.locate(params["encoder"]) if params["encoder"] else None
    return Scene(
        task,
        [task.gold[i] for i in train],
        [task.gold[i] for i in heldout],
        [task.pool[i] for i in pool],
        encoder,
        inputs.get("begin"),
        inputs["twin"] / STUDENT if "twin" in inputs else None,
    )


def write_beliefs(path: Path, craft: Craft, beliefs: Sequence[Belief]) -> None:
    """Write beliefs as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        for belief in beliefs:
            handle.write(json.dumps(craft.dump(belief), ensure_ascii=False) + "\n")


def read_beliefs(path: Path, craft: Craft) -> list[Belief]:
    """Read what :func:`write_beliefs` wrote."""
    with path.open(encoding="utf-8") as handle:
        return [craft.load(json.loads(line)) for line in handle]
