"""Routes whose clients read errors as another protocol has them: ``{"error": text}``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gts.core.errors import GTSError
from gts.platform.auth import GuardedRoute
from gts.platform.errors import error_response, framework_error, validation_error

_KEPT = ("retry-after", "www-authenticate")


def text_error(error: GTSError, status: int | None = None) -> JSONResponse:
    """An error as one text; ``status`` overrules the error's own."""
    headers = {key: value for key, value in error_response(error).headers.items() if key in _KEPT}
    return JSONResponse({"error": str(error)}, status_code=status or error.status, headers=headers)


class ShapedRoute(GuardedRoute):
    """A guarded route whose errors have a shape of their own, whoever raised them."""

    @staticmethod
    def prepared(request: Request) -> Request:
        """The request as the framework is to read it."""
        return request

    @staticmethod
    def explained(request: Request, error: RequestValidationError | HTTPException) -> GTSError:
        """What the framework has found wrong with a request."""
        if isinstance(error, RequestValidationError):
            return validation_error(error)
        return framework_error(request, error)

    @staticmethod
    def in_shape(error: GTSError) -> Response:
        """The answer that tells an error."""
        return text_error(error)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The guarded handler, with its errors told in shape."""
        handle = super().get_route_handler()

        async def shaped(request: Request) -> Response:
            try:
                return await handle(self.prepared(request))
            except (RequestValidationError, HTTPException) as error:
                return self.in_shape(self.explained(request, error))
            except GTSError as error:
                return self.in_shape(error)

        return shaped
