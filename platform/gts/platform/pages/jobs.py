"""The page of a job: live while it runs, its report when it is done, and what people do with it."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.orchestrator import asking, events, jobs
from gts.orchestrator.records import Job
from gts.orchestrator.taskstore import get_task
from gts.platform.auth import Reader, Writer
from gts.platform.jobviews import find_job
from gts.platform.pages.languages import language_of
from gts.platform.pages.limits import LimitsDep, LimitsForm, changes_of, limits_form
from gts.platform.pages.modelviews import model_path
from gts.platform.pages.render import render
from gts.platform.pages.reports import report_view
from gts.platform.pages.views import job_page
from gts.platform.services import Services, ServicesDep
from gts.platform.steering import cancel_job, change_job, continue_job, finish_job
from gts.tasks.preview import preview

_NEWEST_EVENTS = 40
# Event kinds the page follows; browsers deliver named events only to listeners of that name.
_EVENT_KINDS = "state progress stage_started stage_finished decision outcome cancel_requested changed"

router = APIRouter(include_in_schema=False)


@router.get("/jobs/{job_id}")
def show_job(
    request: Request,
    services: ServicesDep,
    user: Reader,
    job_id: str,
    limits: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Progress, stages with forecast and cost, decisions; the report when there is one.

    With ``limits`` the form of its limits is open, and the page stands still without scripts, too.
    """
    job = find_job(services, user, job_id)
    form = limits_form(job, language_of(request))
    return _page(request, services, job, form, is_open=bool(limits))


def _page(request: Request, services: Services, job: Job, limits: LimitsForm, *, is_open: bool) -> Response:
    language = language_of(request)
    with services.database.reading() as session:
        # Events before stages: what comes in between is shown by the next look.
        latest = events.after(session, job.id, max(0, job.last_seq - _NEWEST_EVENTS))
        stages, decisions = jobs.stage_runs(session, job.id), jobs.decisions(session, job.id)
        asked = asking.counts(session, job.id)
    return render(
        request,
        "job.html",
        view=job_page(job, stages, decisions, latest, language),
        job=job,
        report=report_view(job.report, language) if job.report else None,
        model_url=model_path(f"{job.model.namespace}/{job.model.name}") if job.model else None,
        task=_task(services.store, job.task_artifact),
        event_kinds=_EVENT_KINDS,
        status=limits.problem.status if limits.problem else 200,
        limits=limits,
        limits_open=is_open,
        asked=asked,
    )


@router.post("/jobs/{job_id}/cancel")
def cancel(services: ServicesDep, user: Writer, job_id: str) -> Response:
    """Ask for the job's end; a job that has ended meanwhile is simply shown."""
    with suppress(Conflict):
        cancel_job(services, user, job_id)
    return _to_job(job_id)


@router.post("/jobs/{job_id}/finish")
def finish(services: ServicesDep, user: Writer, job_id: str) -> Response:
    """The student is good enough; a job that does not wait any more is simply shown."""
    with suppress(Conflict):
        finish_job(services, user, job_id)
    return _to_job(job_id)


@router.post("/jobs/{job_id}/continue")
def continue_(services: ServicesDep, user: Writer, job_id: str) -> Response:
    """Put the job back into the queue as it is; one that is there already is simply shown."""
    with suppress(Conflict):
        continue_job(services, user, job_id)
    return _to_job(job_id)


@router.post("/jobs/{job_id}/limits")
def change_limits(
    request: Request,
    services: ServicesDep,
    user: Writer,
    job_id: str,
    typed: LimitsDep,
    go_on: Annotated[str, Form(max_length=1)] = "",
) -> Response:
    """Change the limits of a job that is queued or runs, or with ``go_on`` those of one at rest, which goes on with them."""
    job = find_job(services, user, job_id)
    act = continue_job if go_on else change_job
    try:
        act(services, user, job_id, changes_of(job, typed))
    except (InvalidInput, Conflict) as error:
        job = find_job(services, user, job_id)
        form = limits_form(job, language_of(request), typed, error)
        return _page(request, services, job, form, is_open=True)
    return _to_job(job_id)


@lru_cache(maxsize=64)  # the page of a running job is read again and again, its task stays as it is
def _task(store: ArtifactStore, artifact: str) -> dict[str, object] | None:
    try:
        return preview(get_task(store, artifact))
    except NotFound:  # the store was cleaned; the job's own record is enough
        return None


def _to_job(job_id: str) -> Response:
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)
