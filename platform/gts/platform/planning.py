"""Plans for requests."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool

from gts.orchestrator.taskstore import put_task
from gts.platform.processes import ask_process
from gts.platform.services import Services
from gts.tasks.saving import AnyTask

_PATIENCE_S = 300.0
_two_at_a_time = asyncio.Semaphore(2)


async def plan_of(services: Services, data: AnyTask) -> dict[str, Any]:
    """The plan of a task as JSON values (see :class:`gts.orchestrator.plan.Plan`); takes seconds.

    Raises:
        Unavailable: It takes too long.
        GTSError: Whatever is wrong with the task on this machine.
    """
    digest = await run_in_threadpool(put_task, services.store, data)
    arguments = ["-m", "gts.orchestrator.planning", str(services.store.root), digest]
    return await ask_process(arguments, "the plan", _PATIENCE_S, _two_at_a_time)
