"""The page of a job: live while it runs, its report when it is done."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Conflict, NotFound
from gts.orchestrator import events, jobs
from gts.orchestrator.taskstore import get_task
from gts.platform.auth import Reader, Writer
from gts.platform.jobviews import find_job
from gts.platform.pages.languages import language_of
from gts.platform.pages.modelviews import model_path
from gts.platform.pages.render import render
from gts.platform.pages.reports import report_view
from gts.platform.pages.views import job_page
from gts.platform.services import ServicesDep
from gts.platform.submission import accept
from gts.tasks.preview import preview

_NEWEST_EVENTS = 40
# Event kinds the page follows; browsers deliver named events only to listeners of that name.
_EVENT_KINDS = "state progress stage_started stage_finished decision outcome cancel_requested"

router = APIRouter(include_in_schema=False)


@router.get("/jobs/{job_id}")
def show_job(request: Request, services: ServicesDep, user: Reader, job_id: str) -> Response:
    """Progress, stages with forecast and cost, decisions; the report when there is one."""
    language = language_of(request)
    job = find_job(services, user, job_id)
    with services.database.reading() as session:
        # Events before stages: what comes in between is shown by the next look.
        latest = events.after(session, job.id, max(0, job.last_seq - _NEWEST_EVENTS))
        stages, decisions = jobs.stage_runs(session, job.id), jobs.decisions(session, job.id)
    return render(
        request,
        "job.html",
        view=job_page(job, stages, decisions, latest, language),
        job=job,
        report=report_view(job.report, language) if job.report else None,
        model_url=model_path(f"{job.model.namespace}/{job.model.name}") if job.model else None,
        task=_task(services.store, job.task_artifact),
        event_kinds=_EVENT_KINDS,
    )


@router.post("/jobs/{job_id}/cancel")
def cancel_job(services: ServicesDep, user: Writer, job_id: str) -> Response:
    """Ask for the job's end; a job that has ended meanwhile is simply shown."""
    find_job(services, user, job_id)
    with suppress(Conflict), services.database.writing() as session:
        jobs.cancel(session, job_id)
    return _to_job(job_id)


@router.post("/jobs/{job_id}/again")
async def run_again(services: ServicesDep, user: Writer, job_id: str) -> Response:
    """Submit the task of a job once more; stages that had finished are found, not repeated.

    The key makes a double click one job; the job that failed can be run again only through its successor.
    """
    job = await run_in_threadpool(find_job, services, user, job_id)
    data = await run_in_threadpool(get_task, services.store, job.task_artifact)
    again = await accept(services, user, data, f"again-{job.id}")
    return _to_job(again.id)


@lru_cache(maxsize=64)  # the page of a running job is read again and again, its task stays as it is
def _task(store: ArtifactStore, artifact: str) -> dict[str, object] | None:
    try:
        return preview(get_task(store, artifact))
    except NotFound:  # the store was cleaned; the job's own record is enough
        return None


def _to_job(job_id: str) -> Response:
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)
