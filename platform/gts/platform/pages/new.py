"""A new task in two steps: the form, then what was understood of it, and only then a job."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from gts.core.errors import InvalidInput, TooLarge
from gts.core.llm.entries import entries
from gts.orchestrator.taskstore import get_task, put_task
from gts.platform.auth import Writer
from gts.platform.pages.answers import shown_row
from gts.platform.pages.charts import curve_chart
from gts.platform.pages.example import example_fields
from gts.platform.pages.forms import EMPTY_FORM, faulty_form, form_of, read_form
from gts.platform.pages.forms import Form as FormValues
from gts.platform.pages.languages import language_of
from gts.platform.pages.moments import planned_moments
from gts.platform.pages.render import render
from gts.platform.planning import plan_of
from gts.platform.services import Services, ServicesDep
from gts.platform.submission import accept
from gts.platform.uploads import receive_upload
from gts.tasks.preview import preview

router = APIRouter(include_in_schema=False)


@router.get("/new")
def show_form(
    request: Request, services: ServicesDep, user: Writer, example: str = "", draft: str = ""
) -> Response:
    """The form: empty, filled with the example, or with a draft that is to be changed."""
    form = EMPTY_FORM
    if example:
        form = FormValues(example_fields(), {}, {})
    elif draft:
        form = form_of(get_task(services.drafts, draft), language_of(request))
    return _form_page(request, services, form)


@router.post("/new")
async def check_form(request: Request, services: ServicesDep, user: Writer) -> Response:
    """Read and check the form, keep what was understood, and lead to the page that shows it."""
    with services.store.workspace() as folder:
        upload = await receive_upload(request, folder)
        try:
            data = await run_in_threadpool(read_form, upload)
        except TooLarge:
            raise
        except InvalidInput as error:
            return _form_page(request, services, faulty_form(upload, error, language_of(request)), status=422)
    digest = await run_in_threadpool(put_task, services.drafts, data)
    return RedirectResponse(f"/new/{digest}", status_code=303)


@router.get("/new/{digest}")
def show_draft(request: Request, services: ServicesDep, user: Writer, digest: str) -> Response:
    """What was understood, before anything is started."""
    data = get_task(services.drafts, digest)
    task, language = preview(data), language_of(request)
    is_rows = data.spec.type != "classification"
    return render(
        request,
        "check.html",
        task=task,
        shown=[shown_row(row, language) for row in task["examples"]] if is_rows else [],
        spec=data.spec,
        digest=digest,
        key=secrets.token_hex(16),
    )


@router.get("/new/{digest}/plan")
async def show_plan(request: Request, services: ServicesDep, user: Writer, digest: str) -> Response:
    """What a job of the draft would do, take and promise; made while the reader waits some seconds."""
    data = await run_in_threadpool(get_task, services.drafts, digest)
    found = await plan_of(services, data)
    moments = planned_moments(found)
    chart = curve_chart(moments, found["seconds"], language_of(request)) if moments else ""
    return render(request, "plan.html", task=data.spec, digest=digest, plan=found, chart=chart)


@router.post("/new/{digest}")
async def submit_draft(
    services: ServicesDep,
    user: Writer,
    digest: str,
    key: Annotated[str, Form(pattern="^[0-9a-f]{32}$")],
) -> Response:
    """Put the task into the queue; sending the same page twice gives one job."""
    data = await run_in_threadpool(get_task, services.drafts, digest)
    job = await accept(services, user, data, f"page-{key}")
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


def _form_page(request: Request, services: Services, form: FormValues, status: int = 200) -> Response:
    return render(
        request,
        "new.html",
        status=status,
        form=form,
        max_bytes=services.settings.max_upload_bytes,
        models=entries(),
    )
