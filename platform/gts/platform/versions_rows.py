"""The labelled rows that two revisions are asked about: given with the request, or kept by the job that made one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gts.core.errors import NotFound, TooLarge
from gts.orchestrator import jobs
from gts.platform.auth import User
from gts.platform.datafiles import LabelledFile, read_test
from gts.platform.services import Services
from gts.platform.versions_sides import Side
from gts.registry.values import Revision
from gts.student.layout import StudentManifest
from gts.tasks.dataset import Example
from gts.tasks.rows import texts_of
from gts.tasks.saving import AnyTask, load_any_task
from gts.tasks.source import Source

MOST_ROWS = 5000
"""Most rows that may be given."""
_MOST_STORED = 2000

Origin = Literal["given", "test", "gold"]


@dataclass(frozen=True)
class AskedRows:
    """Labelled rows that both are asked about.

    Attributes:
        rows: The rows, and what they are asked as.
        origin: ``given`` with the request; ``test`` or ``gold`` of the job that made one of the two.
        notes: What one must know of them.
    """

    rows: LabelledFile
    origin: Origin
    notes: tuple[str, ...] = ()


def given(source: Source, judge: StudentManifest) -> AskedRows:
    """Rows that came with the request.

    Raises:
        DataError: One is not of the students' task.
        TooLarge: There are too many.
    """
    rows = read_test(source, judge)
    if len(rows.rows) > MOST_ROWS:
        raise TooLarge(
            f"{len(rows.rows):,} rows; two revisions are asked about {MOST_ROWS:,} at most",
            mend="send a part of them, drawn at random",
        )
    return AskedRows(rows, "given")


def stored(services: Services, user: User, sides: Sequence[Side], judge: StudentManifest) -> AskedRows | None:
    """Rows of the jobs that made the two, the newer first: test rows, else those that students learnt from."""
    tasks = [
        task for side in reversed(sides) if (task := _task_of(services, user, side.revision)) is not None
    ]
    tasks = [task for task in tasks if _fits(task, judge)]
    learnt = {_key(row) for task in tasks for row in task.gold}
    for task in tasks:
        if task.test:
            unseen = [row for row in task.test if _key(row) not in learnt]
            left_out = len(task.test) - len(unseen)
            said = f"{left_out} test rows that one of the two has learnt from are left out"
            if unseen:
                return _some(unseen, "test", (said,) if left_out else ())
    note = "the students have learnt from these rows: they show what changed, not which of the two is better"
    for task in tasks:
        if task.gold:
            return _some(task.gold, "gold", (note,))
    return None


def _some(rows: Sequence[Any], origin: Origin, notes: tuple[str, ...]) -> AskedRows:
    """The first rows where there are many: the answer is waited for."""
    if len(rows) > _MOST_STORED:
        notes = (*notes, f"the first {_MOST_STORED:,} of {len(rows):,} rows are asked about")
    return AskedRows(LabelledFile(rows[:_MOST_STORED]), origin, notes)


def _task_of(services: Services, user: User, revision: Revision) -> AnyTask | None:
    if revision.job_id is None:
        return None
    try:
        with services.database.reading() as session:
            job = jobs.get(session, revision.job_id, owner=user.owner)
        return load_any_task(services.store.path(job.task_artifact), with_pool=False)
    except NotFound:  # another person's job, or its data is not kept any more
        return None


def _fits(task: AnyTask, judge: StudentManifest) -> bool:
    spec = task.spec
    return (spec.type, bool(spec.multi_label), spec.scale, bool(spec.entities_given)) == (
        judge.task.type,
        judge.multi_label,
        judge.scale,
        judge.entities_given,
    ) and set(spec.labels) <= set(judge.labels)


def _key(row: Any) -> tuple[str, ...]:
    return (row.text,) if isinstance(row, Example) else texts_of(row)
