"""All pages in one router; it is included before the Hub's routes, whose paths begin with whatever comes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from gts.orchestrator import events, jobs
from gts.platform.auth import Reader, local_path
from gts.platform.pages.comparing import router as comparing_router
from gts.platform.pages.datasets import router as dataset_router
from gts.platform.pages.generated import router as generated_router
from gts.platform.pages.jobs import router as job_router
from gts.platform.pages.languages import LANGUAGE_COOKIE, language_of, languages
from gts.platform.pages.models import router as model_router
from gts.platform.pages.modelviews import model_line
from gts.platform.pages.new import router as new_router
from gts.platform.pages.questions import router as question_router
from gts.platform.pages.render import render, static_file
from gts.platform.pages.traffic import router as traffic_router
from gts.platform.pages.versions import router as version_router
from gts.platform.pages.views import job_line
from gts.platform.services import ServicesDep

_JOBS_A_PAGE = 20
_MODELS_SHOWN = 6
_NEWEST_EVENTS = 20
_COOKIE_SECONDS = 365 * 24 * 3600

pages_router = APIRouter(include_in_schema=False)


@pages_router.get("/")
def home(
    request: Request,
    services: ServicesDep,
    user: Reader,
    before: Annotated[str | None, Query(pattern="^[0-9a-f]{1,32}$")] = None,
) -> Response:
    """Jobs and models, or, when there are none yet, what this is and how to begin."""
    language = language_of(request)
    with services.database.reading() as session:
        page = jobs.list_jobs(session, owner=user.owner, limit=_JOBS_A_PAGE, cursor=before)
        lines = [
            job_line(job, events.after(session, job.id, max(0, job.last_seq - _NEWEST_EVENTS)), language)
            for job in page.jobs
        ]
    models = services.registry.list(limit=_MODELS_SHOWN + 1).items
    return render(
        request,
        "home.html",
        jobs=lines,
        older=page.next_cursor,
        is_first_page=before is None,
        models=[model_line(item, language) for item in models[:_MODELS_SHOWN]],
        has_more_models=len(models) > _MODELS_SHOWN,
        is_live=any(job.state.is_active for job in page.jobs),
    )


@pages_router.get("/login")
def login(
    request: Request,
    failed: str = "",
    target: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    """Where to find the token, and a form to give it; the form goes to ``POST /login``."""
    return render(request, "login.html", failed=bool(failed), target=local_path(target))


@pages_router.get("/language")
def choose_language(
    request: Request,
    to: Annotated[str, Query(max_length=20)],
    target: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    """Keep the language somebody chose in a cookie, and lead back to the page; an unknown one is forgotten."""
    response = RedirectResponse(local_path(target), status_code=303)
    if to in languages():
        response.set_cookie(
            LANGUAGE_COOKIE,
            to,
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    else:
        response.delete_cookie(LANGUAGE_COOKIE, httponly=True, samesite="lax")
    return response


@pages_router.get("/static/{name}")
def static(name: str, v: str = "") -> Response:
    """Style sheet and scripts; URLs that pages give change with their content, those of modules' imports do not."""
    found = static_file(name)
    kept = "public, max-age=31536000, immutable" if v == found.digest else "no-cache"
    headers = {"Cache-Control": kept, "ETag": f'"{found.digest}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


@pages_router.get("/favicon.ico")
def favicon() -> Response:
    """For browsers that ask without being told."""
    found = static_file("icon.svg")
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": "max-age=86400"})


for _router in (
    new_router,
    job_router,
    generated_router,
    question_router,
    model_router,
    dataset_router,
    version_router,
    comparing_router,
    traffic_router,
):
    pages_router.include_router(_router)
