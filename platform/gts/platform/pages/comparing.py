"""The page that holds two revisions of a model against each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gts.core.errors import GTSError
from gts.platform.auth import Reader, User
from gts.platform.pages.comparisonviews import comparison_view
from gts.platform.pages.languages import language_of
from gts.platform.pages.modelpage import view_of
from gts.platform.pages.render import render
from gts.platform.pages.versionviews import choices_of
from gts.platform.services import Services, ServicesDep
from gts.platform.versions_compare import compare
from gts.tasks.source import Source, TextSource

Revision = Annotated[str, Form(max_length=255)]

router = APIRouter(prefix="/models/{namespace}/{name}/compare", include_in_schema=False)


@router.get("")
async def show(
    request: Request,
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    old: Annotated[str, Query(alias="from", max_length=255)] = "",
    new: Annotated[str, Query(alias="to", max_length=255)] = "",
) -> Response:
    """Two revisions, on the rows of the job that made one of them; without two the form alone."""
    return await _page(request, services, user, (namespace, name), old, new, None)


@router.post("")
async def on_rows(
    request: Request,
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    old: Annotated[str, Form(alias="from", max_length=255)] = "",
    new: Annotated[str, Form(alias="to", max_length=255)] = "",
    rows: Annotated[str, Form()] = "",
) -> Response:
    """The same, on rows that a person pasted."""
    source = TextSource(rows.replace("\r\n", "\n")) if rows.strip() else None
    return await _page(request, services, user, (namespace, name), old, new, source, rows)


async def _page(
    request: Request,
    services: Services,
    user: User,
    model: tuple[str, str],
    old: str,
    new: str,
    source: Source | None,
    typed: str = "",
) -> Response:
    language = language_of(request)
    shown = await run_in_threadpool(view_of, request, services, *model, "main")
    choices = choices_of(shown)
    found, problem = None, None
    if old and new:
        try:
            result = await compare(services, user, model, old, new, source=source)
            found = comparison_view(result, language)
        except GTSError as error:
            problem = error
    return render(
        request,
        "compare.html",
        status=problem.status if problem else 200,
        address=None if request.method == "GET" else request.url.path,
        model=shown,
        choices=choices,
        old=found.old.commit if found else old or choices[min(1, len(choices) - 1)].commit,
        new=found.new.commit if found else new or shown.commit,
        found=found,
        problem=problem,
        typed=typed,
    )
