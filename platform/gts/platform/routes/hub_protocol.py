"""HTTP conventions of the Hugging Face Hub: who asks, how errors look, raw paths, pages and file headers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlencode

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from gts.core.errors import GTSError, InvalidInput, Unauthorized
from gts.registry.errors import EntryNotFound, RepositoryNotFound, RevisionNotFound
from gts.registry.values import FileEntry, Repository, Revision

_ERROR_CODES: dict[type[GTSError], str] = {
    RepositoryNotFound: "RepoNotFound",
    RevisionNotFound: "RevisionNotFound",
    EntryNotFound: "EntryNotFound",
}
# Published files come from the platform's own origin: a browser must not run what is in them.
_INERT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


@dataclass(frozen=True)
class HubReader:
    """Who asks, as far as the Hub protocol wants to know.

    Attributes:
        name: Their name; None for someone without a token.
        may_read: Whether they may see a repository.
        may_write: Whether they may publish.
    """

    name: str | None
    may_read: Callable[[Repository], bool]
    may_write: bool = False


class _HiddenRepository(RepositoryNotFound):
    """To a stranger, a missing repository and a private one look the same."""

    status = 401


class HubRoute(APIRoute):
    """Gives errors the form that Hub clients understand, those of dependencies included."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler with the translation around it."""
        handle = super().get_route_handler()

        async def handle_with_hub_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except GTSError as error:
                return error_response(error)

        return handle_with_hub_errors


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


def reader_of(request: Request) -> HubReader:
    """Who asks; the router's dependency has put it there."""
    found: HubReader = request.state.hub_reader
    return found


def hide(reader: HubReader, namespace: str, name: str) -> NoReturn:
    """Refuse a repository in the same way whether it is missing or may not be seen.

    Raises:
        RepositoryNotFound: Always; with status 401 for someone without a token.
    """
    kind = _HiddenRepository if reader.name is None else RepositoryNotFound
    raise kind(
        f"no model {f'{namespace}/{name}'[:200]!r} that you may see",
        mend="check its name" if reader.name else "check its name, or send a token that may read it",
    )


def raw_target(request: Request, position: int, keyword: str) -> tuple[str, str]:
    """The revision behind ``keyword`` and the path behind the revision, both unquoted once.

    The framework unquotes before it routes, so ``feat%2Fx`` and ``feat/x`` look alike to it; only the raw
    path says where the revision ends.
    """
    parts = _raw_path(request).split("/")[1:]
    if len(parts) <= position + 1 or parts[position] != keyword:
        raise InvalidInput(
            f"the path {request.url.path[:200]!r} quotes a part that must be plain",
            mend="quote only the revision and what follows it",
        )
    return unquote(parts[position + 1]), "/".join(unquote(part) for part in parts[position + 2 :])


def _raw_path(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    return (
        raw.partition(b"?")[0]
        .decode("ascii", "replace")
        .removeprefix(quote(request.scope.get("root_path", "")))
    )


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header that leads to the page behind ``cursor``; none at the end."""
    if cursor is None:
        return {}
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    root = str(request.base_url).rstrip("/")
    return {"Link": f'<{root}{_raw_path(request)}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}


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
