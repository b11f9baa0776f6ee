"""The Open Inference Protocol, version 2, which KServe, Triton, MLServer and their clients speak."""

from __future__ import annotations

import http
from importlib.metadata import version as installed_version
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from gts.core.errors import GTSError, InvalidInput
from gts.platform.auth import Inferrer
from gts.platform.direct import DirectRoute
from gts.platform.leaving import unless_it_leaves
from gts.platform.services import Services, ServicesDep
from gts.platform.serving.oip import InferRequest, metadata, response, rows_of, wanted_of
from gts.platform.serving.values import Served
from gts.platform.shaped import ShapedRoute, text_error
from gts.student.layout import StudentManifest

_BINARY = "inference-header-content-length"


def _in_protocol_shape(error: GTSError) -> JSONResponse:
    wrong = isinstance(error, InvalidInput) and error.status == InvalidInput.status
    return text_error(error, http.HTTPStatus.BAD_REQUEST if wrong else None)


class _ProtocolRoute(ShapedRoute):
    """Bodies are JSON whatever they are called, and 400 is the answer to whatever is wrong with the request."""

    in_shape = staticmethod(_in_protocol_shape)

    @staticmethod
    def prepared(request: Request) -> Request:
        """The request with a body that is called JSON."""
        # Triton's client names no type, and curl names forms. Requests of other sites are the gatekeeper's business.
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
        scope = {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}
        return Request(scope, request.receive)

    @staticmethod
    def explained(request: Request, error: RequestValidationError | HTTPException) -> GTSError:
        """That the binary extension is not spoken, where that is what the framework could not read."""
        return _binary_tensors() if _BINARY in request.headers else ShapedRoute.explained(request, error)


def _binary_tensors() -> InvalidInput:
    return InvalidInput(
        "the request holds binary tensors; this server reads JSON",
        mend="with Triton's client: set_data_from_numpy(..., binary_data=False)",
    )


public_router = APIRouter(prefix="/v2", tags=["open inference protocol"])
router = APIRouter(prefix="/v2/models", tags=["open inference protocol"], route_class=_ProtocolRoute)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": "An error in the protocol's shape.",
        "content": {"application/json": {"example": {"error": "no model local/tickets"}}},
    }
    for status in (400, 401, 404, 413, 429)
}
_MODEL = "/{namespace}/{name}"
_VERSION = _MODEL + "/versions/{version:path}"
Version = Annotated[str, Path(max_length=255, description="Commit, branch or alias.")]


@public_router.get("", summary="What is this server?")
async def server() -> dict[str, Any]:
    """Name, version and extensions of the protocol; needs no token."""
    return {"name": "gts", "version": installed_version("gts"), "extensions": []}


@public_router.get("/health/live", summary="Does the server run?")
async def live() -> dict[str, bool]:
    """Always, where it answers; needs no token."""
    return {"live": True}


@public_router.get("/health/ready", summary="Does the server take requests?")
def ready(services: ServicesDep, answer: Response) -> dict[str, bool]:
    """503 while the database is away; needs no token."""
    try:
        with services.database.reading() as session:
            session.execute(text("select 1"))
    except SQLAlchemyError:
        answer.status_code = http.HTTPStatus.SERVICE_UNAVAILABLE
        return {"ready": False}
    return {"ready": True}


# Versions come first: their paths also look like models in the routes without.
@router.get(_VERSION + "/ready", summary="Is a version of a model ready?", responses=_RESPONSES)
async def version_ready(
    services: ServicesDep, user: Inferrer, namespace: str, name: str, version: Version
) -> dict[str, Any]:
    """Loads it if need be: once this is answered, it is warm."""
    return await _ready(services, namespace, name, version)


@router.get(_MODEL + "/ready", summary="Is a model ready?", responses=_RESPONSES)
async def model_ready(services: ServicesDep, user: Inferrer, namespace: str, name: str) -> dict[str, Any]:
    """Loads its newest revision if need be: once this is answered, it is warm."""
    return await _ready(services, namespace, name, "main")


@router.post(_VERSION + "/infer", summary="Ask a version of a model", responses=_RESPONSES)
async def infer_version(
    services: ServicesDep,
    user: Inferrer,
    request: Request,
    namespace: str,
    name: str,
    version: Version,
    body: InferRequest,
) -> Response:
    """As without a version, of the commit, branch or alias that is named."""
    return await _infer(services, request, namespace, name, version, body)


@router.post(_MODEL + "/infer", summary="Ask a model in tensors", responses=_RESPONSES)
async def infer(
    services: ServicesDep, user: Inferrer, request: Request, namespace: str, name: str, body: InferRequest
) -> Response:
    """Inputs and outputs are those of the model's metadata. `model_version` of the answer is the commit it came from.

    Texts are `BYTES` as JSON strings; the binary extension is not spoken.
    """
    return await _infer(services, request, namespace, name, "main", body)


@router.get(_VERSION, summary="Describe a version of a model", responses=_RESPONSES)
async def describe_version(
    services: ServicesDep, user: Inferrer, namespace: str, name: str, version: Version
) -> dict[str, Any]:
    """As without a version, of the commit, branch or alias that is named."""
    return _described(await _found(services, namespace, name, version))


@router.get(_MODEL, summary="Describe a model", responses=_RESPONSES)
async def describe(services: ServicesDep, user: Inferrer, namespace: str, name: str) -> dict[str, Any]:
    """Its inputs and outputs. The slash in its name may also be sent as `%2F`."""
    return _described(await _found(services, namespace, name, "main"))


def direct() -> list[DirectRoute]:
    """Short ways to routes of this file."""
    path = router.prefix + _MODEL + "/infer"
    return [DirectRoute(path, infer, InferRequest, in_shape=_in_protocol_shape, any_type=True)]


async def _found(services: Services, namespace: str, name: str, version: str) -> Served:
    return await services.students.find(f"{namespace}/{name}", version)


async def _ready(services: Services, namespace: str, name: str, version: str) -> dict[str, Any]:
    served = await _found(services, namespace, name, version)
    return {"name": served.model, "version": served.commit, "ready": True}


def _described(served: Served) -> dict[str, Any]:
    return metadata(served.model, served.commit, served.manifest)


async def _infer(
    services: Services, request: Request, namespace: str, name: str, version: str, body: InferRequest
) -> Response:
    if _BINARY in request.headers:
        raise _binary_tensors()

    def rows(manifest: StudentManifest) -> list[dict[str, Any]]:
        wanted_of(body, manifest)  # a wrong name is told before the work is done
        return rows_of(body, manifest)

    async with unless_it_leaves(request):
        served, answers = await services.students.predict(f"{namespace}/{name}", version, rows)
    return JSONResponse(response(body, served.model, served.commit, served.manifest, answers))
