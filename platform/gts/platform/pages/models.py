"""The pages of models: the list, and one model with its try-it box."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gts.core.errors import GTSError, InvalidInput
from gts.platform.auth import Inferrer, Reader
from gts.platform.pages.answers import answer_view
from gts.platform.pages.languages import language_of
from gts.platform.pages.modelpage import render_model, view_of
from gts.platform.pages.modelviews import model_line, model_path
from gts.platform.pages.render import render
from gts.platform.services import ServicesDep

_MODELS_A_PAGE = 30

router = APIRouter(include_in_schema=False)


@router.get("/models")
def list_models(
    request: Request,
    services: ServicesDep,
    user: Reader,
    search: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Published models, newest first."""
    page = services.registry.list(search=search.strip() or None, limit=_MODELS_A_PAGE, cursor=cursor)
    return render(
        request,
        "models.html",
        models=[model_line(item, language_of(request)) for item in page.items],
        search=search,
        cursor=page.cursor,
    )


@router.get("/models/{namespace}/{name}")
def show_model(
    request: Request,
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255)] = "main",
) -> Response:
    """One model: what it is, how good, how to use it, its files and revisions."""
    return render_model(request, services, view_of(request, services, namespace, name, revision))


@router.post("/models/{namespace}/{name}/try")
async def try_model(
    request: Request,
    services: ServicesDep,
    user: Inferrer,
    namespace: str,
    name: str,
    text: Annotated[str, Form()] = "",
    other: Annotated[str, Form()] = "",
    revision: Annotated[str, Form(max_length=255)] = "main",
) -> Response:
    """The same page with the model's answer."""
    model = await run_in_threadpool(view_of, request, services, namespace, name, revision)
    found, problem = None, None
    try:
        if not text.strip() or (model.type == "similarity" and not other.strip()):
            raise InvalidInput("there is no text", mend="write one")
        # Form fields come with line ends of two characters, which no text of the user's had.
        row = {"text": text.replace("\r\n", "\n").strip()}
        if model.type == "similarity":
            row = {"text_a": row["text"], "text_b": other.strip()}
        _, answers = await services.students.predict(model.id, model.commit, [row])
        found = answer_view(model.type, row, answers[0], language_of(request))
    except GTSError as error:
        problem = error
    address = f"{model_path(model.id)}?{urlencode({'revision': revision})}"
    show = partial(render_model, request, services, model, address=address, problem=problem)
    return await run_in_threadpool(show, text=text, other=other, answer=found, tried=True)
