"""Routes about the texts that generators wrote for a job, and what a person says of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gts.platform.auth import GuardedRoute, Reader, Writer
from gts.platform.errors import error_responses
from gts.platform.generated import Wanted
from gts.platform.jobviews import find_job
from gts.platform.reviewing import generated_page, review_text, take_back
from gts.platform.schemas import GeneratedPage, GeneratedView, ReviewBody
from gts.platform.services import ServicesDep

MAX_CURSOR = 2**53  # what every JSON reader holds exactly

router = APIRouter(prefix="/jobs/{job_id}/generated", tags=["generated texts"], route_class=GuardedRoute)


@router.get("", summary="List the generated texts of a job", responses=error_responses(404, 422, 507))
def list_generated(
    services: ServicesDep,
    user: Reader,
    job_id: str,
    generator: Annotated[
        str | None, Query(max_length=200, description="Only texts of this generator, as the report names it.")
    ] = None,
    label: Annotated[
        str | None, Query(max_length=200, description="Only texts made for this label, alone or with others.")
    ] = None,
    kept: Annotated[
        bool | None, Query(description="`true`: only what passed the filters; `false`: only the dropped.")
    ] = None,
    cursor: Annotated[
        int, Query(ge=0, lt=MAX_CURSOR, description="`next_cursor` of the page before, same filters.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="Most texts in the answer.")] = 50,
) -> GeneratedPage:
    """Every text a generator wrote for a finished job, also those the filters dropped, each with the reason.

    A text comes with the labels it was made for, your texts it was made from (`seeds`), the generator's own
    measures (`scores`), and what a person said of it (`review`). A job that generated nothing has an empty
    list; `generation_note` in its report says why.
    """
    job = find_job(services, user, job_id)
    return generated_page(services, job, Wanted(generator, label, kept), cursor, limit)


@router.put(
    "/{text_id}", summary="Veto or edit a generated text", responses=error_responses(404, 413, 422, 507)
)
def review(services: ServicesDep, user: Writer, job_id: str, text_id: str, body: ReviewBody) -> GeneratedView:
    """Say that a text shall not be trained on, or put another text or other labels in its place.

    `{"verdict": "veto"}`, or `{"verdict": "edit", "text": "...", "labels": ["..."]}`. It takes the place of
    what was said of the text before, and holds for the model, not only for this job: the model that is
    published stays as it is, and the next job of the same name respects it.
    """
    return review_text(services, user, find_job(services, user, job_id), text_id, body)


@router.delete(
    "/{text_id}", summary="Take a veto or an edit back", status_code=204, responses=error_responses(404)
)
def take_review_back(services: ServicesDep, user: Writer, job_id: str, text_id: str) -> None:
    """Forget what was said of a text; the next job treats it like any other."""
    take_back(services, find_job(services, user, job_id), text_id)
