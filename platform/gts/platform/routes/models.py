"""Routes about published models."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gts.platform.auth import GuardedRoute, Inferrer, Reader, Writer
from gts.platform.cascading import ask_cascade
from gts.platform.direct import DirectRoute
from gts.platform.errors import error_responses
from gts.platform.leaving import unless_it_leaves
from gts.platform.model_schemas import (
    IS_TEST,
    AliasBody,
    AliasView,
    ModelDetail,
    ModelPage,
    PredictAnswer,
    PredictBody,
)
from gts.platform.published import describe_model, model_view
from gts.platform.services import ServicesDep
from gts.platform.serving.lines import MEDIA_TYPE, AnsweredLines
from gts.platform.serving.model_openapi import model_document

router = APIRouter(prefix="/models", tags=["models"], route_class=GuardedRoute)


@router.get("", summary="List models", responses=error_responses(422))
def list_models(
    services: ServicesDep,
    user: Reader,
    search: Annotated[str | None, Query(max_length=200, description="Part of `namespace/name`.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most models in the answer.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="From the page before.")] = None,
) -> ModelPage:
    """Published models, the most recently published first."""
    page = services.registry.list(search=search, limit=limit, cursor=cursor)
    return ModelPage(models=[model_view(item) for item in page.items], next_cursor=page.cursor)


@router.get("/{namespace}/{name}", summary="Show a model", responses=error_responses(404))
def show_model(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255, description="Commit, branch or alias.")] = "main",
) -> ModelDetail:
    """One model at a revision: its files with digests, its history, and the report of the job that made it.

    To download it, point any Hugging Face client at this server: `HF_ENDPOINT=<this server>`.
    """
    return describe_model(services, namespace, name, revision)


@router.put(
    "/{namespace}/{name}/aliases/{alias}",
    summary="Point an alias at a revision",
    responses=error_responses(404, 409, 422),
)
def set_alias(
    services: ServicesDep, user: Writer, namespace: str, name: str, alias: str, body: AliasBody
) -> AliasView:
    """A name that moves, such as `production`: whoever asks for it gets the revision it names at that moment."""
    moved = services.registry.promotions.promote(
        namespace, name, alias, body.revision, by=user.who, why=body.why, expect=body.expect
    )
    return AliasView(alias=alias, commit=moved.new or "")


@router.delete(
    "/{namespace}/{name}/aliases/{alias}",
    summary="Remove an alias",
    status_code=204,
    responses=error_responses(404, 409, 422),
)
def remove_alias(
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    alias: str,
    why: Annotated[str, Query(max_length=1000, description="The reason.")] = "",
    expect: Annotated[
        str | None, Query(max_length=40, description="The commit that it must name now; else 409.")
    ] = None,
) -> None:
    """Forget an alias; the revision it named stays, and so does the history."""
    services.registry.promotions.remove(namespace, name, alias, by=user.who, why=why, expect=expect)


@router.post(
    "/{namespace}/{name}/predict",
    summary="Ask a model",
    response_model=PredictAnswer,
    responses=error_responses(403, 404, 413, 422, 429, 503),
)
async def predict(
    services: ServicesDep,
    user: Inferrer,
    request: Request,
    namespace: str,
    name: str,
    body: PredictBody,
) -> Response:
    """What the model says of each text or row, in their order.

    With `max_error` a classifier, or a model that tells whether pairs are alike, answers only where it is sure enough for that
    share of errors; see `cascade` of the answer.
    """
    model, asked, is_traffic = f"{namespace}/{name}", body.asked(), not body.test
    async with unless_it_leaves(request):
        if body.max_error is not None:
            bound = body.max_error, body.fallback
            told = await ask_cascade(services, model, body.revision, asked, *bound, is_traffic=is_traffic)
            return JSONResponse(told)
        served, answers = await services.students.predict(model, body.revision, asked, is_traffic=is_traffic)
    # A response of our own: checking a thousand answers against their model takes longer than making them.
    return JSONResponse({"model": served.model, "commit": served.commit, "predictions": answers})


@router.post(
    "/{namespace}/{name}/predict-lines",
    summary="Ask a model line by line",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "One answer a line."},
        **error_responses(404, 429),
    },
    openapi_extra={
        "requestBody": {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "required": True}
    },
)
async def predict_lines(
    services: ServicesDep,
    user: Inferrer,
    request: Request,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255, description="Commit, branch or alias.")] = "main",
    test: Annotated[bool, Query(description=IS_TEST)] = False,
) -> AnsweredLines:
    """For files of any length: JSON lines in, each a text or a row, and JSON lines out, in their order, while the body still comes.

    The header `X-GTS-Commit` names the commit that answers all of them. A line that cannot be answered gets
    `{"error": {...}, "line": n}` in its place; blank lines get nothing. Read while you send (as `curl -T file` does): the server
    reads about a megabyte ahead of its answers, and no further.
    """
    return AnsweredLines(request, services.students, f"{namespace}/{name}", revision, is_traffic=not test)


@router.get(
    "/{namespace}/{name}/openapi.json",
    summary="Describe a model's requests and answers",
    responses=error_responses(404),
)
async def model_openapi(
    services: ServicesDep,
    user: Inferrer,
    request: Request,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255, description="Commit, branch or alias.")] = "main",
) -> dict[str, Any]:
    """An OpenAPI document for this one model, with its own labels or schema in the shapes of its requests and answers."""
    served = await services.students.find(f"{namespace}/{name}", revision)
    return model_document(served, services.settings.public_url or str(request.base_url).rstrip("/"))


def direct(prefix: str) -> list[DirectRoute]:
    """Short ways to routes of this file, whose paths begin with ``prefix``."""
    return [DirectRoute(prefix + "/models/{namespace}/{name}/predict", predict, PredictBody)]
