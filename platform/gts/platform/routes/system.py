"""Routes that are public on purpose: health, version, and the form that trades a token for a cookie."""

from __future__ import annotations

import http
from importlib.metadata import version as installed_version
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gts.core.errors import Unauthorized
from gts.platform.auth import cookie_name, local_path, set_cookie
from gts.platform.schemas import Health, Version
from gts.platform.services import ServicesDep

router = APIRouter(tags=["system"])
session_router = APIRouter(include_in_schema=False)


@router.get("/health", summary="Is the server well?")
def health(services: ServicesDep, response: Response) -> Health:
    """For load balancers and for people; needs no token. 503 while the database is away."""
    try:
        with services.database.reading() as session:
            session.execute(text("select 1"))
    except SQLAlchemyError:
        response.status_code = http.HTTPStatus.SERVICE_UNAVAILABLE
        return Health(status="degraded", database=False)
    return Health(status="ok", database=True)


@router.get("/version", summary="What is running here?")
def version() -> Version:
    """The version of the software and of the API; needs no token."""
    return Version(version=installed_version("gts"), api="v1")


@session_router.post("/login")
def log_in(
    request: Request,
    services: ServicesDep,
    token: Annotated[str, Form(max_length=500)],
    target: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> RedirectResponse:
    """Trade a token for a cookie; the page with the form is at ``GET /login``."""
    target = local_path(target)
    try:
        services.tokens.verify(token.strip())
    except Unauthorized:
        return RedirectResponse("/login?" + urlencode({"failed": "1", "next": target}), status_code=303)
    response = RedirectResponse(target, status_code=303)
    set_cookie(response, request, token.strip())
    return response


@session_router.post("/logout")
def log_out(request: Request) -> RedirectResponse:
    """Forget the cookie; the token itself stays valid."""
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict")
    return response
