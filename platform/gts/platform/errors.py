"""How errors leave the server: one JSON shape for programs, a page for people."""

from __future__ import annotations

import http
import json
import logging
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gts.core.database import database_failure
from gts.core.errors import GTSError, InvalidInput, NotFound, StorageError, TooLarge, Unauthorized

logger = logging.getLogger("gts.platform")


class ErrorDetail(BaseModel):
    """What went wrong, for people and programs."""

    code: str = Field(description="Stable name of the kind of error.", examples=["not_found"])
    message: str = Field(description="What was given and what was expected.", examples=["no job 7"])
    mend: str = Field(description="What to do next; may be empty.", examples=["`gts jobs` lists the jobs"])
    details: dict[str, Any] = Field(description="Facts for programs, such as file and line.")


class ErrorBody(BaseModel):
    """The body of every error answer."""

    error: ErrorDetail


class _AsciiJSON(JSONResponse):
    """What was given may hold halves of surrogate pairs, which UTF-8 cannot; escaped they can be said."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":"), default=str).encode("ascii")


def error_response(error: GTSError, status: int | None = None) -> JSONResponse:
    """An error as the answer every interface gives; ``status`` overrules the error's own."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {}
    if error.status in (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = "1"
    return _AsciiJSON(error.as_json(), status_code=status or error.status, headers=headers)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the errors a route can answer with."""
    return {
        status: {"model": ErrorBody, "description": http.HTTPStatus(status).phrase}
        for status in (*statuses, 401)
    }


def validation_error(error: RequestValidationError) -> InvalidInput:
    """The first of FastAPI's findings as an :class:`InvalidInput`, the others in its details."""
    problems = [
        {
            "where": ".".join(str(part) for part in item["loc"]),
            "problem": "there is no such field"
            if item["type"] == "extra_forbidden"
            else str(item["msg"]).removeprefix("Value error, "),
        }
        for item in error.errors()[:20]
    ]
    first = problems[0] if problems else {"where": "request", "problem": "not understood"}
    mend = "the OpenAPI document at /api/v1/openapi.json describes what is expected"
    if first["where"] == "body":
        mend = f"send a JSON object with the header `Content-Type: application/json`; {mend}"
    return InvalidInput(f"{first['where']}: {first['problem']}", mend=mend, problems=problems)


class ErrorAnswer(Protocol):
    """Answers a request with an error."""

    def __call__(self, request: Request, error: GTSError, status: int | None = None) -> Response:
        """The answer; ``status`` overrules the error's own."""
        ...


def for_people_and_programs(page: ErrorAnswer) -> ErrorAnswer:
    """JSON for programs, and for browsers outside the API a page."""

    def answer(request: Request, error: GTSError, status: int | None = None) -> Response:
        accepted = request.headers.get("accept", "")
        wants_page = "text/html" in accepted and not request.scope["path"].startswith("/api/")
        return page(request, error, status) if wants_page else error_response(error, status)

    return answer


def install_error_handlers(app: FastAPI, answer: ErrorAnswer) -> None:
    """Answer every error of an app in one way, those of the framework included."""

    async def on_gts_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, GTSError):
            raise error
        if isinstance(error, StorageError):  # whoever runs the server has to know
            logger.error("%s %s: %s", request.method, request.url.path[:200], error)
        return answer(request, error)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return answer(request, validation_error(error))

    async def on_http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        told = framework_error(request, error)
        response = answer(request, told, None if told is error.__cause__ else error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def on_database_error(request: Request, error: Exception) -> Response:
        failure = database_failure(error) if isinstance(error, OperationalError) else None
        if failure is None:
            raise error
        return answer(request, failure)

    async def on_leaving(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it

    async def on_unexpected(request: Request, error: Exception) -> Response:
        # Starlette raises the error again after this answer, so the server logs it with its traceback.
        mend = "its log has the details; please report it"
        return answer(request, GTSError("the server met an unexpected error", mend=mend))

    app.add_exception_handler(GTSError, on_gts_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(OperationalError, on_database_error)
    app.add_exception_handler(ClientDisconnect, on_leaving)
    app.add_exception_handler(Exception, on_unexpected)


class MethodNotAllowed(GTSError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


_FRAMEWORK_ERRORS: dict[int, type[GTSError]] = {404: NotFound, 405: MethodNotAllowed, 413: TooLarge}


def framework_error(request: Request, error: HTTPException) -> GTSError:
    """What the framework refused, as an error of ours."""
    if isinstance(error.__cause__, GTSError):  # FastAPI wraps what goes wrong while it reads a body
        return error.__cause__
    path = request.url.path[:200]
    messages = {404: f"nothing is at {path}", 405: f"{request.method} is not possible at {path}"}
    message = messages.get(error.status_code) or str(error.detail)
    kind = _FRAMEWORK_ERRORS.get(error.status_code, InvalidInput if error.status_code < 500 else GTSError)
    return kind(message, mend="the OpenAPI document at /api/v1/openapi.json lists what there is")
