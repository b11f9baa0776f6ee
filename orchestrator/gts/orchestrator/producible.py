"""Which tasks a student can be produced for at present."""

from __future__ import annotations

from gts.core.errors import InvalidInput
from gts.tasks.dataset import TaskData
from gts.tasks.saving import AnyTask


def producible(data: AnyTask) -> TaskData:
    """The task, if a student can be produced for it.

    Raises:
        InvalidInput: Its type cannot be produced yet.
    """
    if isinstance(data, TaskData):
        return data
    raise InvalidInput(
        f"tasks of type {data.spec.type} cannot be produced yet", mend="give a task of type classification"
    )
