"""How errors leave the server: one JSON shape for programs, a way to the login form for people."""

from __future__ import annotations

import http
import logging
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gts.core.errors import GTSError, InvalidInput, Unauthorized

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


def error_response(error: GTSError) -> JSONResponse:
    """An error as the answer every interface gives."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {}
    if error.status == http.HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "1"
    return JSONResponse(error.as_json(), status_code=error.status, headers=headers)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the errors a route can answer with."""
    return {
        status: {"model": ErrorBody, "description": http.HTTPStatus(status).phrase}
        for status in (*statuses, 401)
    }


def validation_error(error: RequestValidationError) -> InvalidInput:
    """The first of FastAPI's findings as an :class:`InvalidInput`, the others in its details."""
    problems = [
        {"where": ".".join(str(part) for part in item["loc"]), "problem": str(item["msg"])}
        for item in error.errors()[:20]
    ]
    first = problems[0] if problems else {"where": "request", "problem": "not understood"}
    return InvalidInput(
        f"{first['where']}: {first['problem']}",
        mend="the OpenAPI document at /api/v1/openapi.json describes what is expected",
        problems=problems,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Give every error of an app its one shape, those of the framework included."""
    app.add_exception_handler(GTSError, _gts_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _wants_page(request: Request) -> bool:
    return (
        request.method == "GET"
        and not request.url.path.startswith("/api/")
        and "text/html" in request.headers.get("accept", "")
    )


async def _gts_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GTSError):
        raise error
    if isinstance(error, Unauthorized) and _wants_page(request):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login?" + urlencode({"next": target}), status_code=303)
    return error_response(error)


async def _validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return error_response(validation_error(error))


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error.__cause__, GTSError):  # FastAPI wraps what goes wrong while it reads a body
        return error_response(error.__cause__)
    phrase = http.HTTPStatus(error.status_code).phrase
    said = error.detail if isinstance(error.detail, str) and error.detail != phrase else ""
    messages = {
        404: f"nothing is at {request.url.path[:200]}",
        405: f"{request.method} is not possible at {request.url.path[:200]}",
    }
    body = {
        "code": phrase.lower().replace(" ", "_"),
        "message": said or messages.get(error.status_code, phrase),
        "mend": "the OpenAPI document at /api/v1/openapi.json lists what there is",
        "details": {},
    }
    return JSONResponse({"error": body}, status_code=error.status_code, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, so the server logs it with its traceback.
    return error_response(
        GTSError("the server met an unexpected error", mend="its log has the details; please report it")
    )
