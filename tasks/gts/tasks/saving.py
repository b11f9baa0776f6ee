"""Tasks of all types in their file form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gts.core.errors import DataError
from gts.tasks.dataset import TaskData, load_task, save_task
from gts.tasks.rows import ROWS, RowTask, load_row_task, save_row_task
from gts.tasks.spec import TaskSpec

AnyTask = TaskData | RowTask


def save_any_task(data: AnyTask, folder: Path) -> None:
    """Write a checked task into a folder."""
    if isinstance(data, RowTask):
        save_row_task(data, folder)
    else:
        save_task(data, folder)


def load_any_task(folder: Path, with_pool: bool = True) -> AnyTask:
    """Read what :func:`save_any_task` wrote.

    Args:
        folder: The folder.
        with_pool: Whether to read what is unlabelled, which may be much.

    Raises:
        DataError: The folder does not hold a saved task.
    """
    try:
        task_type = json.loads((folder / "task.json").read_text("utf-8"))["spec"].get("type")
    except FileNotFoundError as error:
        raise DataError(f"{folder.name} holds no task.json", mend="submit the task again") from error
    return load_row_task(folder, with_pool) if task_type in ROWS else load_task(folder, with_pool)


def copy_task(source: Path, target: Path, spec: TaskSpec, *, with_test: bool = False) -> None:
    """Copy a saved task with another spec; nothing of it is held in memory.

    Args:
        source: Its folder.
        target: Where the copy goes.
        spec: What the copy asks for; of the same type.
        with_test: Whether its test rows go along.
    """
    target.mkdir(parents=True)
    for file in source.iterdir():
        shutil.copyfile(file, target / file.name)
    document = json.loads((source / "task.json").read_text("utf-8"))
    document["spec"] = spec.model_dump(mode="json")
    (target / "task.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    if not with_test:
        (target / "test.jsonl").write_text("", "utf-8")
