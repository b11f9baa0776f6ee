"""The route about plans: what a job would do, take and promise, before anything is spent."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gts.platform.auth import GuardedRoute, Writer
from gts.platform.errors import error_responses
from gts.platform.planning import plan_of
from gts.platform.routes.jobs import TASK_BODY
from gts.platform.services import ServicesDep
from gts.platform.submission import read_submission
from gts.platform.task_schemas import PlanView

router = APIRouter(prefix="/plans", tags=["jobs"], route_class=GuardedRoute)


@router.post(
    "",
    summary="Plan a task",
    response_model=PlanView,
    openapi_extra=TASK_BODY,
    responses=error_responses(400, 413, 422, 501, 503, 507),
)
async def plan(request: Request, services: ServicesDep, user: Writer) -> Any:
    """Say what a job of this task would do step by step, with the time, tokens and money it takes and the measure it promises.

    The body is that of `POST /api/v1/jobs`. Nothing is started, and no language model is asked: the data is counted and this
    machine is timed, which takes some seconds.
    """
    data = await read_submission(request, services)
    return await plan_of(services, data)
