"""The task endpoint of Hub clients: ``InferenceClient(model="http://.../models/ns/name").text_classification``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gts.core.errors import GTSError, InvalidInput
from gts.platform.auth import GuardedRoute, Inferrer
from gts.platform.errors import error_response, validation_error
from gts.platform.predictions import Prediction
from gts.platform.schemas import InferenceBody, ScoreView
from gts.platform.services import ServicesDep


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


@router.post("/{namespace}/{name}", summary="Classify, for Hub clients", responses=_RESPONSES)
async def classify(
    services: ServicesDep, user: Inferrer, namespace: str, name: str, body: InferenceBody
) -> list[list[ScoreView]]:
    """What `huggingface_hub.InferenceClient(model=<this URL>).text_classification(text)` calls.

    A revision can follow the name: `POST /models/ns/name@production`. The answer holds, for each text, its
    labels with their probabilities, the likeliest first.
    """
    name, _, revision = name.partition("@")
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    if not texts:
        raise InvalidInput("`inputs` holds no text", mend="send a string or a list of strings")
    parameters = body.parameters
    served, predictions = await services.students.predict(f"{namespace}/{name}", revision or "main", texts)
    if parameters is not None and parameters.function_to_apply is not None:
        _check_function(parameters.function_to_apply, multi_label=served.student.manifest.multi_label)
    top_k = parameters.top_k if parameters is not None else None
    return [_scores(prediction, top_k) for prediction in predictions]


def _scores(prediction: Prediction, top_k: int | None) -> list[ScoreView]:
    return [ScoreView(label=item.label, score=item.score) for item in prediction.scores[:top_k]]


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
