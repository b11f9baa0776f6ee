"""Stage ``rows.expect``: how good the student to publish can be expected to be on new rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief
from gts.orchestrator.estimate import CONFIDENCE
from gts.orchestrator.powered import Sample, corrected
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import Floats, Ints, pool_rows
from gts.orchestrator.stages.rows import HELDOUT, POOL, folds_of, read_beliefs
from gts.orchestrator.stages.rows.audit import opinions_of
from gts.orchestrator.stages.rows.crossing import cross_decisions
from gts.orchestrator.stages.rows.distil import ensemble
from gts.tasks.dataset import fair_sample
from gts.tasks.rows import RowTask, load_row_task

STUDENT_OF = "student of "


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Correct the measure on held-out gold by what the teachers believe of the pool.

    Args:
        inputs: ``task``; ``student of K`` and ``student``, fits of stage ``rows.distil``; ``audit`` and ``NAME of K`` of its
            teachers, unless there are none.
        params: ``folds``; ``decision``: thresholds and the like of the student.
        out: Stays empty.
        progress: Progress.

    Returns:
        ``value``, ``low``, ``high`` and ``power`` (see :class:`gts.orchestrator.powered.Corrected`), ``pool``: unlabelled rows that were
        looked at, ``changed``.
    """
    task = load_row_task(inputs["task"])
    craft, folds = craft_of(task.spec.type), params["folds"]
    fold = folds_of(craft, task, folds)
    students = [inputs[f"{STUDENT_OF}{k}"] for k in range(folds)]
    said = opinions_of(craft, task, {f"{STUDENT_OF}{k}": one for k, one in enumerate(students)}, folds)[
        "student"
    ]
    decisions = cross_decisions(craft, task, said, fold)
    known = [read_beliefs(folder / POOL, craft) for folder in (*students, inputs["student"])]
    believed: list[Belief] = [None] * len(said)
    told: list[list[Belief]] = []
    for k in range(folds if "audit" in inputs else 0):
        own = _teachers(inputs, k)
        heldout = ensemble(craft, own, HELDOUT)
        for row, belief in zip(np.flatnonzero(fold == k).tolist(), heldout, strict=True):
            believed[row] = belief
        told.append(ensemble(craft, own))
    rows = reduce(np.intersect1d, (_pool_of(task, len(beliefs)) for beliefs in (*known, *told)))
    *answers, whole = (_part(task, beliefs, rows) for beliefs in known)
    pool = [_part(task, beliefs, rows) for beliefs in told]
    same = [params["decision"]] * len(rows)

    def tally(said: Sequence[Belief], decided: Sequence[Any], true: Sequence[Belief]) -> Floats:
        found = craft.tally(task, said, decided, true)
        if found is None:
            raise ValueError(f"{task.spec.metric} is not made of parts")
        return found

    fair = fair_sample(row.origin for row in task.gold)
    settled = craft.settled(task, whole, same)
    sample = Sample.of(
        tally(said, decisions, [craft.certain(row) for row in task.gold])[fair],
        tally(said, decisions, believed)[fair],
        [tally(own, same, true) for own, true in zip(answers, pool, strict=bool(pool))],
        [1 - _measure(tally(own, same, settled).mean(axis=0)) for own in answers],
    )
    found = corrected(sample, _measure, CONFIDENCE)
    progress(1.0, "estimated")
    return {**asdict(found), "pool": len(rows), "changed": sample.changed}


def _teachers(inputs: Mapping[str, Path], fold: int) -> dict[str, Path]:
    """The audit, and what the teachers of a fold said."""
    end = f" of {fold}"
    said = {
        key: folder for key, folder in inputs.items() if key.endswith(end) and not key.startswith(STUDENT_OF)
    }
    return {"audit": inputs["audit"], **said}


def _pool_of(task: RowTask, count: int) -> Ints:
    """Rows of the pool of which somebody knows so many."""
    return pool_rows(len(task.pool), count, task.spec.seed)


def _part(task: RowTask, beliefs: Sequence[Belief], rows: Ints) -> list[Belief]:
    asked = np.isin(_pool_of(task, len(beliefs)), rows)
    return [belief for belief, is_asked in zip(beliefs, asked, strict=True) if is_asked]


def _measure(means: Floats) -> float:
    """A share that is right, or F1 of findings that are right, made, and there to be made."""
    if len(means) == 1:
        return float(means[0])
    right, made, there = means
    return float(2 * right / (made + there)) if made + there > 0 else 0.0
