"""Checked tasks in an artifact store: those of jobs, and drafts that wait for a person to confirm them.

Drafts lie in a store of their own. Confirming one puts its task into the store of the jobs; what nobody has
confirmed after a day is removed.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import storage_errors
from gts.core.errors import NotFound
from gts.orchestrator.wishes import PARTS
from gts.tasks.saving import AnyTask, copy_task, load_any_task, save_any_task
from gts.tasks.spec import TaskSpec

DRAFTS_FOR_S = 24 * 3600.0


def put_task(store: ArtifactStore, data: AnyTask) -> str:
    """Store a checked task and return the digest under which :func:`get_task` finds it.

    Raises:
        StorageError: The disk is full; nothing of it remains.
    """
    with store.workspace() as workspace:
        folder = workspace / "task"
        with storage_errors("the task's data"):
            save_any_task(data, folder)
        digest = store.commit(folder)
    os.utime(store.path(digest))  # the same task may have been stored long ago
    return digest


def put_for_stages(store: ArtifactStore, digest: str, spec: TaskSpec) -> str:
    """Store a stored task as stages read it: without its test rows, and without wishes, so that other ones repeat no stage.

    Raises:
        StorageError: The disk is full; nothing of it remains.
    """
    with store.workspace() as workspace:
        folder = workspace / "task"
        with storage_errors("the task's data"):
            copy_task(store.path(digest), folder, _without_wishes(spec))
        return store.commit(folder)


def put_with_wishes(store: ArtifactStore, digest: str, wishes: Mapping[str, Any]) -> str:
    """Store a stored task under other wishes, as people may change them; the digest given where they are its own.

    Args:
        store: Artifacts.
        digest: The task.
        wishes: Budget and goal as JSON, the specification of a job for example; what else is in it does not count.

    Raises:
        NotFound: Nothing is stored under the digest.
        StorageError: The disk is full; nothing of it remains.
    """
    spec = load_any_task(store.path(digest), with_pool=False).spec
    wished = spec.evolve(**{part: wishes[part] for part in PARTS if part in wishes})
    if wished == spec:
        return digest
    with store.workspace() as workspace:
        folder = workspace / "task"
        with storage_errors("the task's data"):
            copy_task(store.path(digest), folder, wished, with_test=True)
        return store.commit(folder)


def put_test(store: ArtifactStore, data: AnyTask) -> str:
    """Store the test rows of a task, with its gold rows and without wishes, for the one stage that may see them."""
    return put_task(store, replace(data, spec=_without_wishes(data.spec), pool=()))


def _without_wishes(spec: TaskSpec) -> TaskSpec:
    """Without budget, goal, tier and models."""
    return spec.evolve(budget={}, goal={}, student={}, planner={}, teachers=(), generators=())


def get_task(store: ArtifactStore, digest: str) -> AnyTask:
    """A stored task.

    Raises:
        NotFound: Nothing is stored under the digest.
        DataError: What is stored is no task.
    """
    try:
        folder = store.path(digest)
    except NotFound as error:
        raise NotFound("the data of this task is not kept any more", mend="fill in the form again") from error
    return load_any_task(folder)


def clean_drafts(drafts: ArtifactStore, older_than_s: float = DRAFTS_FOR_S) -> int:
    """Remove drafts nobody has confirmed in time; returns how many."""
    removed = drafts.clean_temporary(older_than_s)
    for folder in (drafts.root / "files").glob("*/*"):
        with suppress(FileNotFoundError):  # another process may be removing it
            if time.time() - folder.stat().st_mtime > older_than_s:
                shutil.rmtree(folder)
                removed += 1
    return removed
