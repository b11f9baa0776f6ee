"""Tasks of all types in their file form."""

from __future__ import annotations

import json
from pathlib import Path

from gts.core.errors import DataError
from gts.tasks.dataset import TaskData, load_task, save_task
from gts.tasks.rows import ROWS, RowTask, load_row_task, save_row_task

AnyTask = TaskData | RowTask


def save_any_task(data: AnyTask, folder: Path) -> None:
    """Write a checked task into a folder."""
    if isinstance(data, RowTask):
        save_row_task(data, folder)
    else:
        save_task(data, folder)


def load_any_task(folder: Path) -> AnyTask:
    """Read what :func:`save_any_task` wrote.

    Raises:
        DataError: The folder does not hold a saved task.
    """
    try:
        task_type = json.loads((folder / "task.json").read_text("utf-8"))["spec"].get("type")
    except FileNotFoundError as error:
        raise DataError(f"{folder.name} holds no task.json", mend="submit the task again") from error
    return load_row_task(folder) if task_type in ROWS else load_task(folder)
