"""Routes about jobs: submit, list, show, follow, change, cancel, continue, finish."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput, NotFound
from gts.orchestrator import events as event_service
from gts.orchestrator import jobs as job_service
from gts.orchestrator.states import JobState
from gts.platform.auth import GuardedRoute, Reader, Writer
from gts.platform.errors import error_responses
from gts.platform.jobviews import event_view, find_job, job_view
from gts.platform.schemas import EventPage, JobPage, JobView, WishBody
from gts.platform.services import ServicesDep
from gts.platform.sse import follow_job
from gts.platform.steering import cancel_job, change_job, continue_job, finish_job
from gts.platform.submission import accept, read_submission
from gts.platform.task_schemas import Preview
from gts.tasks.preview import preview

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=GuardedRoute)

_EXAMPLE = {
    "name": "support-tickets",
    "type": "classification",
    "labels": {"billing": "charges and refunds", "delivery": "where is my parcel"},
    "examples": [
        {"text": "I was charged twice", "label": "billing"},
        {"text": "please refund my order", "label": "billing"},
        {"text": "my parcel has not arrived", "label": "delivery"},
        {"text": "when will it be here?", "label": "delivery"},
    ],
    "unlabeled": ["the invoice is wrong", "the courier lost it"],
    "budget": {"seconds": 300},
}
_JSON_SCHEMA = {
    "type": "object",
    "required": ["name", "examples"],
    "description": "A task file as JSON, with the rows in place of file names.",
    "properties": {
        "name": {"type": "string", "description": "Name of the task and of its model."},
        "type": {"type": "string", "enum": ["classification"]},
        "labels": {
            "description": "Labels with descriptions, or a list of labels; left out: taken from the examples.",
            "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}}],
        },
        "examples": {"type": "array", "items": {"type": "object"}, "description": "Rows `{text, label}`."},
        "unlabeled": {"type": "array", "items": {"type": "string"}, "description": "Texts without labels."},
        "test": {"type": "array", "items": {"type": "object"}, "description": "Rows no training ever sees."},
        "language": {"type": "string", "description": "ISO 639-1 code."},
        "goal": {"type": "object"},
        "budget": {"type": "object"},
        "student": {"type": "object"},
        "seed": {"type": "integer"},
    },
}
_FILE = {"type": "string", "format": "binary"}
_FORM_SCHEMA = {
    "type": "object",
    "description": "The task file and its data files; fields of the task may also be sent one by one.",
    "properties": {
        "task": {**_FILE, "description": "task.yaml (or JSON), without the names of the data files."},
        "examples": {
            **_FILE,
            "description": "Labelled examples: CSV, TSV, JSONL or Parquet, gzipped or not.",
        },
        "unlabeled": {**_FILE, "description": "Unlabelled texts: the same, or plain text, one a line."},
        "test": {**_FILE, "description": "Labelled texts no training ever sees."},
        "name": {"type": "string", "description": "Name of the task, when no task file is sent."},
    },
}
TASK_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _JSON_SCHEMA, "example": _EXAMPLE},
            "multipart/form-data": {"schema": _FORM_SCHEMA},
        },
    }
}


@router.post(
    "",
    summary="Submit a task",
    status_code=202,
    response_model=JobView,
    openapi_extra=TASK_BODY,
    responses={
        200: {"model": Preview, "description": "With `dry_run`: what was understood; nothing was started."},
        **error_responses(400, 409, 413, 422, 507),
    },
)
async def submit(
    request: Request,
    services: ServicesDep,
    user: Writer,
    dry_run: Annotated[bool, Query(description="Only say what was understood.")] = False,
    idempotency_key: Annotated[
        str | None, Header(description="Submitting twice with one key gives one job.", max_length=255)
    ] = None,
) -> Any:
    """Check a task and its data, store them, and put a job into the queue.

    Send JSON with the rows in it, or a multipart form with files. Errors name file and line. The job is
    accepted (202) once it is committed to the database; it survives the death of any process from then on.
    """
    data = await read_submission(request, services)
    if dry_run:
        return JSONResponse(await run_in_threadpool(preview, data))
    return job_view(await accept(services, user, data, idempotency_key))


@router.get("", summary="List jobs", responses=error_responses(422))
def list_jobs(
    services: ServicesDep,
    user: Reader,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=job_service.MAX_PAGE, description="Most jobs in the answer.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9a-f]{1,32}$", description="`next_cursor` of the page before.")
    ] = None,
) -> JobPage:
    """Your jobs, newest first."""
    with services.database.reading() as session:
        page = job_service.list_jobs(session, owner=user.owner, state=state, limit=limit, cursor=cursor)
    return JobPage(jobs=[job_view(job) for job in page.jobs], next_cursor=page.next_cursor)


@router.get("/{job_id}", summary="Show a job", responses=error_responses(404))
def show_job(services: ServicesDep, user: Reader, job_id: str) -> JobView:
    """State, times, and what came of it."""
    return job_view(find_job(services, user, job_id))


@router.get(
    "/{job_id}/report", summary="The report of a job's newest student", responses=error_responses(404)
)
def show_report(services: ServicesDep, user: Reader, job_id: str) -> dict[str, Any]:
    """Estimate with interval, comparison with seed-only, teachers, stages with forecast and cost, decisions."""
    job = find_job(services, user, job_id)
    if job.report is None:
        raise NotFound(
            f"job {job_id} has no report: it is {job.state}",
            mend="a report is there once the job has published a student",
            state=job.state,
        )
    return job.report


@router.patch("/{job_id}", summary="Change a job's budget or goal", responses=error_responses(404, 409, 422))
def change(services: ServicesDep, user: Writer, job_id: str, body: WishBody) -> JobView:
    """Change what a queued or running job may spend, or when its student is good enough.

    Fields that are left out stay as they are, and null takes a limit away. A running job heeds the change at its next
    decision. Limits are for an attempt, from its start or since it was continued.
    """
    return job_view(change_job(services, user, job_id, body.changes()))


@router.post("/{job_id}/cancel", summary="Cancel a job", responses=error_responses(404, 409))
def cancel(services: ServicesDep, user: Writer, job_id: str) -> JobView:
    """A queued or waiting job ends at once, a running one within seconds.

    Finished stages stay cached, and a student that was published stays.
    """
    return job_view(cancel_job(services, user, job_id))


@router.post(
    "/{job_id}/continue",
    summary="Continue a job",
    status_code=202,
    responses=error_responses(404, 409, 422),
)
def continue_(services: ServicesDep, user: Writer, job_id: str, body: WishBody | None = None) -> JobView:
    """Put a job that has ended, or waits for a person, back into the queue, with other limits if they are given.

    It keeps its id and its history, finds its finished stages again, heeds what people have answered meanwhile, and
    publishes a new revision if its student changed.
    """
    return job_view(continue_job(services, user, job_id, body.changes() if body else None))


@router.post("/{job_id}/finish", summary="Finish a waiting job", responses=error_responses(404, 409))
def finish(services: ServicesDep, user: Writer, job_id: str) -> JobView:
    """Say that the student of a job that waits for answers is good enough: the job has succeeded."""
    return job_view(finish_job(services, user, job_id))


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_model=EventPage,
    responses={
        200: {
            "description": "Server-sent events, or with `after` a JSON page.",
            "content": {"text/event-stream": {"example": 'id: 7\nevent: progress\ndata: {"seq": 7}\n\n'}},
        },
        **error_responses(404, 422),
    },
)
async def events(
    request: Request,
    services: ServicesDep,
    user: Reader,
    job_id: str,
    after: Annotated[int | None, Query(ge=0, lt=2**31, description="Only events after this number.")] = None,
    last_event_id: Annotated[
        str | None, Header(description="Sent by browsers when they take a stream up again.")
    ] = None,
) -> Response:
    """Everything that happens in a job, from the beginning or from where you stopped.

    As server-sent events: each has its number as `id`, its kind as `event`, and an event as JSON as `data`;
    the stream ends when the job has ended or waits for a person. Comments keep the connection alive. With `?after=` and without
    `Accept: text/event-stream` the answer is one JSON page.
    """
    await run_in_threadpool(find_job, services, user, job_id)
    streaming = "text/event-stream" in request.headers.get("accept", "")
    if after is not None and not streaming:
        return JSONResponse(await run_in_threadpool(_event_page, services, job_id, after))
    start = _event_number(last_event_id) if last_event_id else (after or 0)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        follow_job(request, services, job_id, start), media_type="text/event-stream", headers=headers
    )


def _event_page(services: Any, job_id: str, after: int) -> dict[str, Any]:
    with services.database.reading() as session:
        job = job_service.get(session, job_id)  # first: events that come later are only found sooner
        found = [event_view(event) for event in event_service.after(session, job_id, after)]
    next_after = found[-1].seq if found else after
    page = EventPage(events=found, state=job.state, next_after=next_after)
    return page.model_dump(mode="json")


def _event_number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidInput(
            f"Last-Event-ID is {value[:50]!r}", mend="send the number of the last event you have"
        )
    return int(value)
