"""Errors as pages: what happened and what to do, in the style of every other page."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from gts.core.errors import Damaged, GTSError, Unauthorized
from gts.platform.pages.languages import language_of, mark
from gts.platform.pages.render import address_of, render

_TITLES = {
    401: mark("Please sign in"),
    403: mark("This is not allowed"),
    404: mark("Nothing is here"),
    405: mark("This is not possible here"),
    409: mark("This cannot be done now"),
    413: mark("This is too much at once"),
    422: mark("This was not understood"),
    429: mark("One moment, please"),
    507: mark("The disk is full"),
}


def error_page(request: Request, error: GTSError, status: int | None = None) -> Response:
    """An error as a page; who is not signed in is led to the form.

    Args:
        request: The request that went wrong.
        error: What went wrong.
        status: HTTP status; the error's own by default.
    """
    if isinstance(error, Unauthorized):
        return RedirectResponse("/login?" + urlencode({"next": address_of(request)}), status_code=303)
    status = status or error.status
    title = _TITLES.get(status, mark("Something went wrong"))
    if isinstance(error, Damaged):
        title = mark("A stored file is damaged")
    title = language_of(request).text(title)
    return render(request, "error.html", status=status, title=title, error=error, code=status)
