"""A short way for requests that ask models: what a web framework does for each takes longer than a fast student."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, NoMatchFound, compile_path
from starlette.types import Message, Receive, Scope, Send

from gts.core.errors import GTSError
from gts.platform.auth import identified, require
from gts.platform.services import get_services
from gts.platform.tokens import Scope as TokenScope

InShape = Callable[[GTSError], Response]
"""Says an error as the clients of a route read it."""

_PASSED_ON = "gts.passed_on"


class DirectRoute(BaseRoute):
    """Stands before a documented route and calls its function itself, where token and body are as they should be.

    To be found first among an app's routes. It asks for the token before it reads the body, as guarded routes do. A body that is not
    what the function takes goes on to the documented route, which says what is wrong with it.

    Args:
        path: Path of the documented route, with ``{namespace}`` and ``{name}``.
        endpoint: Its function, of which parameters are ``services``, ``user``, ``request``, ``body`` and those of the path.
        body: What the body has to be.
        in_shape: Answers with errors; default: as the app does.
        any_type: Whether the body is JSON whatever it is called.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Awaitable[Response]],
        body: type[BaseModel],
        *,
        in_shape: InShape | None = None,
        any_type: bool = False,
    ) -> None:
        self.path, self.methods = path, {"POST"}
        self._pattern, self.path_format, _ = compile_path(path)
        self._endpoint = endpoint
        self._body = body
        self._in_shape = in_shape
        self._any_type = any_type

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request may go the short way."""
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or scope.get("root_path")
            or _PASSED_ON in scope
        ):
            return Match.NONE, {}
        found = self._pattern.match(scope["path"])
        return (Match.FULL, {"path_params": found.groupdict()}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or leave it to the documented route."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except GTSError as error:
            if self._in_shape is None:
                raise
            response = self._in_shape(error)
        if response is not None:
            await response(scope, receive, send)
        else:
            scope[_PASSED_ON] = True
            await scope["router"](scope, _again(await request.body(), receive), send)

    def url_path_for(self, name: str, /, **path_params: object) -> NoReturn:
        """The documented route has the name."""
        raise NoMatchFound(name, path_params)

    async def _answer(self, request: Request) -> Response | None:
        services = get_services(request)
        user = require(request, await identified(request, services), TokenScope.INFER)
        content = await request.body()
        if not self._any_type and not _says_json(request.headers.get("content-type", "")):
            return None
        try:
            body = self._body.model_validate_json(content)
        except ValidationError:
            return None
        return await self._endpoint(
            services=services, user=user, request=request, body=body, **request.path_params
        )


def _says_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _again(body: bytes, receive: Receive) -> Receive:
    """What receives a body that was read already."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again
