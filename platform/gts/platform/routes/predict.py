"""The task endpoint of Hub clients: ``InferenceClient(model="http://.../models/ns/name").text_classification``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gts.core.errors import InvalidInput
from gts.platform.auth import Inferrer
from gts.platform.direct import DirectRoute
from gts.platform.hub_shapes import answer_of, rows_of
from gts.platform.leaving import unless_it_leaves
from gts.platform.model_schemas import InferenceBody, InferenceParameters, SentencePairs
from gts.platform.services import ServicesDep
from gts.platform.shaped import ShapedRoute, text_error
from gts.student.layout import StudentManifest

router = APIRouter(prefix="/models", tags=["inference"], route_class=ShapedRoute)

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
    services: ServicesDep,
    user: Inferrer,
    request: Request,
    namespace: str,
    name: str,
    body: InferenceBody,
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

    async with unless_it_leaves(request):
        served, answers = await services.students.predict(model, revision, rows)
    if served.manifest.task.type != "classification":
        return JSONResponse(answer_of(served.manifest.task.type, answers, inputs))
    return JSONResponse([answer["scores"][: parameters.top_k] for answer in answers])


def direct() -> list[DirectRoute]:
    """Short ways to routes of this file."""
    return [DirectRoute("/models/{namespace}/{name}", infer, InferenceBody, in_shape=text_error)]


def _check_function(asked: str, *, multi_label: bool) -> None:
    gives = "sigmoid" if multi_label else "softmax"
    if asked != gives:
        raise InvalidInput(
            f"`function_to_apply` is {asked[:50]!r}; this model's probabilities come from {gives}",
            mend="leave the parameter out",
        )
