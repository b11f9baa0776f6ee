"""The task endpoint of Hub clients: ``InferenceClient(model="http://.../models/ns/name").text_classification``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gts.core.errors import GTSError, InvalidInput
from gts.platform.auth import GuardedRoute, Inferrer
from gts.platform.direct import DirectRoute
from gts.platform.errors import error_response, validation_error
from gts.platform.hub_shapes import answer_of, rows_of
from gts.platform.model_schemas import InferenceBody, InferenceParameters, SentencePairs
from gts.platform.services import ServicesDep
from gts.student.layout import StudentManifest


class _HubErrors(GuardedRoute):
    """Errors in the shape that Hub clients read: ``{"error": text}``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_hub_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _in_hub_shape(validation_error(error))
            except GTSError as error:
                return _in_hub_shape(error)

        return with_hub_errors


router = APIRouter(prefix="/models", tags=["inference"], route_class=_HubErrors)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": "An error in the Hub's shape.",
        "content": {"application/json": {"example": {"error": "no model local/tickets"}}},
    }
    for status in (401, 404, 413, 422, 429)
}


@router.post(
    "/{namespace}/{name}",
    summary="Ask a model, for Hub clients",
    response_model=list[Any] | dict[str, Any],
    responses=_RESPONSES,
)
async def infer(
    services: ServicesDep, user: Inferrer, namespace: str, name: str, body: InferenceBody
) -> Response:
    """What the methods of `huggingface_hub.InferenceClient(model=<this URL>)` call: `text_classification`,
    `token_classification`, `sentence_similarity` and `summarization`, each for models of its task.

    A revision can follow the name: `POST /models/ns/name@production`. A classifier answers, for each text, with its
    labels and their probabilities, the likeliest first. Models of relations and events have no method there: they answer
    with the JSON of `/api/v1/models/ns/name/predict`.
    """
    name, _, revision = name.partition("@")
    model, revision = f"{namespace}/{name}", revision or "main"
    inputs = body.inputs.model_dump() if isinstance(body.inputs, SentencePairs) else body.inputs
    parameters = body.parameters or InferenceParameters.model_validate({})

    def rows(manifest: StudentManifest) -> list[dict[str, Any]]:
        if manifest.task.type == "classification" and parameters.function_to_apply is not None:
            _check_function(parameters.function_to_apply, multi_label=manifest.multi_label)
        return rows_of(manifest.task.type, inputs)

    served, answers = await services.students.predict(model, revision, rows)
    if served.manifest.task.type != "classification":
        return JSONResponse(answer_of(served.manifest.task.type, answers, inputs))
    return JSONResponse([answer["scores"][: parameters.top_k] for answer in answers])


def direct() -> list[DirectRoute]:
    """Short ways to routes of this file."""
    return [DirectRoute("/models/{namespace}/{name}", infer, InferenceBody, in_shape=_in_hub_shape)]


def _check_function(asked: str, *, multi_label: bool) -> None:
    gives = "sigmoid" if multi_label else "softmax"
    if asked != gives:
        raise InvalidInput(
            f"`function_to_apply` is {asked[:50]!r}; this model's probabilities come from {gives}",
            mend="leave the parameter out",
        )


def _in_hub_shape(error: GTSError) -> JSONResponse:
    plain = error_response(error)
    headers = {
        key: value for key, value in plain.headers.items() if key in ("retry-after", "www-authenticate")
    }
    return JSONResponse({"error": str(error)}, status_code=error.status, headers=headers)
