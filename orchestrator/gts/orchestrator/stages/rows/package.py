"""Stage ``rows.package``: give a trained student its published form and measure it as it will be served."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Row
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS
from gts.orchestrator.stages.reference import write_reference
from gts.orchestrator.stages.rows import STUDENT
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.opening import open_student
from gts.tasks.rows import RowTask, load_row_task

_ROWS, _BATCH = 256, 32
_BUDGET_S = 0.7


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Package a student.

    Args:
        inputs: ``task``, ``student`` (a fit on all gold of stage ``rows.distil``).
        params: ``tier``, ``encoder`` (catalogue id or None), ``decision`` (its thresholds), ``taught`` (pool rows that
            students learnt from), ``machine``.
        out: Gets the student folder.
        progress: Progress.

    Returns:
        ``texts_per_second`` (rows), ``latency_ms``, ``parameters``, ``bytes``, ``serving``, ``int8_agreement``.
    """
    task = load_row_task(inputs["task"])
    craft = craft_of(task.spec.type)
    entry = catalogue.find(params["encoder"]) if params["encoder"] else None
    spec = task.spec
    manifest = StudentManifest(
        task=TaskInfo(name=spec.name, type=spec.type, language=spec.language),
        tier=params["tier"],
        looks_for=spec.extraction,
        entities_given=bool(spec.entities_given),
        scale=spec.scale,
        length=spec.length,
        decision=params["decision"],
        base_model=entry.id if entry else None,
        licence=entry.licence if entry else "apache-2.0",
        max_length=MOST_TOKENS,
    )
    progress(0.1, "writing and exporting the student")
    facts = craft.package(manifest, inputs["student"] / STUDENT, task, out)
    progress(0.7, "measuring speed in the serving path")
    summary = _speed(craft.serve(out), _typical_rows(task))
    served = open_student(out).info
    summary |= {"parameters": served["parameters"], "bytes": served["bytes"], **facts}
    progress(0.9, "showing it the rows that it was made from")
    write_reference(out, task, params["taught"])
    progress(1.0, "packaged")
    return summary


def _typical_rows(task: RowTask) -> list[Row]:
    rows = [*task.pool, *task.gold]
    order = np.random.default_rng(task.spec.seed).permutation(len(rows))[:_ROWS]
    return [rows[i] for i in order]


def _speed(answer: Callable[[Sequence[Row]], list[Belief]], rows: list[Row]) -> dict[str, Any]:
    """``texts_per_second`` in batches and ``latency_ms`` of one row, in about two seconds."""
    answer(rows[:_BATCH])
    done, started = 0, perf_counter()
    while (elapsed := perf_counter() - started) < _BUDGET_S:
        at = done % len(rows)
        done += len(answer(rows[at : at + _BATCH]))
    times = []
    stop = perf_counter() + _BUDGET_S
    for row in rows:
        begun = perf_counter()
        answer([row])
        times.append(perf_counter() - begun)
        if begun > stop:
            break
    return {
        "texts_per_second": round(done / elapsed, 1),
        "latency_ms": round(1000 * statistics.median(times), 4),
    }
