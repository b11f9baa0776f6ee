"""What a packaged student saw in the rows it was made for, kept in its ``gts.json`` (see :mod:`gts.student.reference`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core.threads import available_cores
from gts.orchestrator.stages.common import pool_rows
from gts.student.layout import read_manifest, write_manifest
from gts.student.observing import reference_of
from gts.tasks.dataset import Example
from gts.tasks.row_forms import as_given
from gts.tasks.rows import Row
from gts.tasks.saving import AnyTask

LEAST_ROWS = 100


def write_reference(folder: Path, task: AnyTask, taught: int) -> None:
    """Show a packaged student unlabelled rows that it has not learnt from, and write down what it saw.

    Where these are fewer than 100, it is shown what it has learnt from, and only what is measured on the text is kept.

    Args:
        folder: The student.
        task: What it was made of.
        taught: How many of the unlabelled rows students may have learnt from.
    """
    fair = len(task.pool) - task.picked
    new = np.setdiff1d(np.arange(fair), pool_rows(len(task.pool), taught, task.spec.seed))
    learnt = len(new) < LEAST_ROWS
    pool = task.pool[:fair] if learnt else [task.pool[i] for i in new]
    rows = [_asked(row, task.spec.type) for row in pool or task.gold]
    threads = available_cores()
    reference = reference_of(folder, rows, learnt=learnt, seed=task.spec.seed, threads=threads)
    write_manifest(folder, read_manifest(folder).model_copy(update={"reference": reference}))


def _asked(row: str | Example | Row, task_type: str) -> Mapping[str, Any]:
    if isinstance(row, str):
        return {"text": row}
    return {"text": row.text} if isinstance(row, Example) else as_given(row, task_type)
