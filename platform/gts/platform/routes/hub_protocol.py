"""HTTP conventions of the Hugging Face Hub: who asks, how errors look, raw paths, pages and file headers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote, unquote, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gts.core.errors import Forbidden, GTSError, InvalidInput, Unauthorized
from gts.platform.errors import framework_error, validation_error
from gts.registry.errors import EntryNotFound, RepositoryNotFound, RevisionNotFound
from gts.registry.registry import Registry
from gts.registry.values import FileEntry, Kind, Repository, Revision, Sight

_ERROR_CODES: dict[type[GTSError], str] = {
    RepositoryNotFound: "RepoNotFound",
    RevisionNotFound: "RevisionNotFound",
    EntryNotFound: "EntryNotFound",
}
# Published files come from the platform's own origin: a browser must not run what is in them.
_INERT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


@dataclass(frozen=True)
class HubUser:
    """Who asks, as far as the Hub protocol wants to know.

    Attributes:
        name: Their namespace; None for someone without a token.
        sight: The repositories they may see.
        may_write: Whether they may write at all.
        only: Full names of the repositories they may write to; None for all.
        who: What histories call them.
    """

    name: str | None
    sight: Sight
    may_write: bool = False
    only: frozenset[str] | None = None
    who: str = ""

    def require_write(self, full_name: str) -> str:
        """What histories call them, if they may write to a repository.

        Raises:
            Unauthorized: Nobody is known to ask.
            Forbidden: They may not.
        """
        if self.name is None:
            raise Unauthorized("no token came with the request", mend="send `Authorization: Bearer <token>`")
        if not self.may_write:
            raise Forbidden("this token may not write", mend="use one that may: `gts token new NAME`")
        if self.only is not None and full_name not in self.only:
            raise Forbidden(
                f"this token may not write to {full_name[:200]!r}: it is limited to repositories",
                mend=f"make one that may: `gts token new NAME --repo {full_name[:200]}`",
            )
        return self.who or self.name


class Moved(Exception):
    """The repository has another name now; clients are sent there.

    Args:
        old: ``namespace/name`` that was asked for.
        new: The one it has.
    """

    def __init__(self, old: str, new: str) -> None:
        super().__init__(old, new)
        self.old, self.new = old, new


class _HiddenRepository(RepositoryNotFound):
    """To a stranger, a missing repository and a private one look the same."""

    status = 401


class HubRoute(APIRoute):
    """Asks who it is before it reads a body, and gives errors the form that Hub clients understand."""

    find_user: ClassVar[Callable[[Request], HubUser]]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler with the question before it and the translation around it."""
        handle = super().get_route_handler()
        find_user = type(self).find_user

        async def handle_as_hub(request: Request) -> Response:
            try:
                request.state.hub_user = await run_in_threadpool(find_user, request)
                return await handle(request)
            except Moved as moved:
                return _redirect(request, moved)
            except RequestValidationError as error:
                return error_response(validation_error(error))
            except HTTPException as error:
                return error_response(framework_error(request, error))
            except GTSError as error:
                return error_response(error)

        return handle_as_hub


def routes_for(find_user: Callable[[Request], HubUser]) -> type[HubRoute]:
    """The class of routes that ask ``find_user`` who it is."""
    return type("HubRoute", (HubRoute,), {"find_user": staticmethod(find_user)})


def error_response(error: GTSError) -> JSONResponse:
    """An error with the headers by which Hub clients choose their exception, and its text for people."""
    headers = {"X-Error-Message": _header_text(str(error))}
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), None)
    if code:
        headers["X-Error-Code"] = code
    if isinstance(error, EntryNotFound):
        headers["X-Repo-Commit"] = error.details["commit"]  # lets clients remember the absence
    if isinstance(error, Unauthorized):
        # By these very words clients tell a bad token from a hidden repository.
        headers["X-Error-Message"] = "Invalid credentials in Authorization header"
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": str(error), "code": error.code}, status_code=error.status, headers=headers)


def _header_text(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:1000]


def _redirect(request: Request, moved: Moved) -> Response:
    path = request.scope["raw_path"].partition(b"?")[0].decode("ascii", "replace")
    if f"/{moved.old}" not in path:
        return error_response(
            InvalidInput("the path quotes the name of a repository", mend="send names as they are")
        )
    query = request.scope["query_string"].decode("ascii", "replace")
    # Relative: another host would cost the client its token. 307: the method and the body stay.
    target = path.replace(f"/{moved.old}", f"/{moved.new}", 1) + (f"?{query}" if query else "")
    return Response(status_code=307, headers={"Location": target})


def user_of(request: Request) -> HubUser:
    """Who asks; the route has put it there."""
    found: HubUser = request.state.hub_user
    return found


def visible(registry: Registry, request: Request, kind: Kind, namespace: str, name: str) -> Repository:
    """The repository that a request names, if the caller may see it.

    Raises:
        RepositoryNotFound: There is none that they may see.
        Moved: It has another name now.
    """
    user = user_of(request)
    try:
        repository = registry.get(namespace, name, kind=kind)
    except RepositoryNotFound:
        hide(user, kind, namespace, name)
    if not user.sight.covers(repository.full_name, private=repository.private):
        hide(user, kind, namespace, name)
    if (asked := f"{namespace}/{name}") != repository.id:
        raise Moved(asked, repository.id)
    return repository


def hide(user: HubUser, kind: Kind, namespace: str, name: str) -> NoReturn:
    """Refuse a repository in the same way whether it is missing or may not be seen.

    Raises:
        RepositoryNotFound: Always; with status 401 for someone without a token.
    """
    error = _HiddenRepository if user.name is None else RepositoryNotFound
    raise error(
        f"no {kind} {f'{namespace}/{name}'[:200]!r} that you may see",
        mend="check its name" if user.name else "check its name, or send a token that may read it",
    )


def raw_target(request: Request, keyword: str, kind: Kind | None = None) -> tuple[str, str]:
    """The revision behind ``keyword`` and the path behind the revision, both unquoted once.

    The framework unquotes before it routes, so ``feat%2Fx`` and ``feat/x`` look alike to it; only the raw
    path says where the revision ends.

    Args:
        request: The request.
        keyword: The part of the path behind the repository's name.
        kind: Kind of repository for paths of files (``/namespace/name/...``); None for those of the API.
    """
    before = "/api/models/namespace/name" if kind is None else f"/{kind.prefix}namespace/name"
    position = before.count("/")
    parts = raw_path(request).split("/")[1:]
    if len(parts) <= position + 1 or parts[position] != keyword:
        raise InvalidInput(
            f"the path {request.url.path[:200]!r} quotes a part that must be plain",
            mend="quote only the revision and what follows it",
        )
    return unquote(parts[position + 1]), "/".join(unquote(part) for part in parts[position + 2 :])


def raw_path(request: Request) -> str:
    """The path of a request as it was sent, without what the server is mounted under."""
    raw: bytes = request.scope["raw_path"]
    return (
        raw.partition(b"?")[0]
        .decode("ascii", "replace")
        .removeprefix(quote(request.scope.get("root_path", "")))
    )


def base_url(request: Request) -> str:
    """The address under which the client reached the server, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header that leads to the page behind ``cursor``; none at the end."""
    if cursor is None:
        return {}
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    target = f"{base_url(request)}{raw_path(request)}?{urlencode([*query, ('cursor', cursor)])}"
    return {"Link": f'<{target}>; rel="next"'}


def file_headers(commit: Revision, file: FileEntry) -> dict[str, str]:
    """What a file's HEAD and GET say about it beside its length."""
    headers = {
        "X-Repo-Commit": commit.oid,
        "ETag": f'"{file.etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        **_INERT,
    }
    if file.is_lfs:
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(file.size)}
    return headers


def matches(if_none_match: str, etag: str) -> bool:
    """Whether an ``If-None-Match`` header names an ETag.

    Example:
        >>> matches('W/"a", "b"', '"a"'), matches("", '"a"')
        (True, False)
    """
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in given or "*" in given
