"""Limits on what a request may bring, applied while its body is read."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gts.core.errors import TooLarge
from gts.platform.errors import ErrorAnswer
from gts.platform.settings import Settings

_UPLOADS = ("/api/v1/jobs", "/api/v1/plans", "/new")
_LINES = "/predict-lines"
_PREDICTIONS = ("/api/v1/models/", "/models/", "/v2/", "/v1/")
_HUB_UPLOADS = re.compile(r"/api/(?:(?:models|datasets)/[^/]+/[^/]+/commit/.*|lfs/[^/]+)", re.DOTALL)


class BodyLimit:
    """ASGI middleware that bounds request bodies.

    A ``Content-Length`` over the limit is answered with 413 before a byte is read; a body without one is
    counted while it comes. Uploads (multipart forms) where tasks are handed in have a limit of their own, as have files
    from Hub clients, which go to disk while they come, and predictions, whose JSON becomes many times its size in memory. Lines
    that are answered while they come have none.

    Args:
        app: What stands behind it.
        settings: Hold the limits.
        answer: Says it to who asked.
    """

    def __init__(self, app: ASGIApp, settings: Settings, answer: ErrorAnswer) -> None:
        self._app = app
        self._settings = settings
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope["path"], headers)
        if limit is None:
            await self._app(scope, receive, send)
            return
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            response = self._answer(Request(scope, receive), too_large(limit))
            response.headers["Connection"] = "close"  # the rest of the body is not worth reading
            await response(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise too_large(limit)
            return message

        await self._app(scope, counted, send)

    def _limit(self, path: str, headers: Headers) -> int | None:
        if path.startswith(_PREDICTIONS[0]) and path.endswith(_LINES):
            return None
        if path.startswith(_PREDICTIONS):
            return self._settings.max_predict_bytes
        if _HUB_UPLOADS.fullmatch(path):
            return self._settings.max_hub_upload_bytes
        multipart = headers.get("content-type", "").lower().startswith("multipart/form-data")
        uploads = multipart and path in _UPLOADS
        return self._settings.max_upload_bytes if uploads else self._settings.max_body_bytes


def too_large(limit_bytes: int) -> TooLarge:
    """The error for a body over ``limit_bytes``."""
    return TooLarge(
        f"the request is larger than the limit of {limit_bytes:,} bytes",
        mend="send less, compress the files with gzip, or raise `max_upload_bytes`, `max_hub_upload_bytes`, "
        "`max_predict_bytes` or `max_body_bytes`",
        limit_bytes=limit_bytes,
    )
