"""Errors as pages: what happened and what to do, in the style of every other page."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import GTSError, Unauthorized
from gts.platform.pages.render import render

_TITLES = {
    401: "Please sign in",
    403: "This is not allowed",
    404: "Nothing is here",
    405: "This is not possible here",
    409: "This cannot be done now",
    413: "This is too much at once",
    422: "This was not understood",
    429: "One moment, please",
    507: "The disk is full",
}


def error_page(request: Request, error: GTSError, status: int | None = None) -> Response:
    """An error as a page; who is not signed in is led to the form.

    Args:
        request: The request that went wrong.
        error: What went wrong.
        status: HTTP status; the error's own by default.
    """
    if isinstance(error, Unauthorized):
        return RedirectResponse("/login?" + urlencode({"next": _return_to(request)}), status_code=303)
    status = status or error.status
    title = _TITLES.get(status, "Something went wrong")
    return render(request, "error.html", status=status, title=title, error=error, code=status)


def _return_to(request: Request) -> str:
    if request.method != "GET":
        return "/new" if request.url.path == "/new" else "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
