"""The Hugging Face Hub protocol, its reading half: ``HF_ENDPOINT=<platform>`` and existing clients work.

Mount the router last: its ``/{namespace}/{name}/resolve/...`` begins with whatever comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from gts.core.errors import Forbidden, Unauthorized
from gts.platform.routes.hub_protocol import (
    HubReader,
    HubRoute,
    file_headers,
    hide,
    matches,
    next_link,
    raw_target,
    reader_of,
)
from gts.registry import documents
from gts.registry.cards import MAX_CARD_BYTES, parse_card
from gts.registry.errors import EntryNotFound, RepositoryNotFound
from gts.registry.registry import Registry
from gts.registry.trees import entries_under
from gts.registry.values import FileEntry, Folder, Repository

_TREE_PAGE = 1000
_EXPANDED_TREE_PAGE = 50
_MAX_MODELS_PAGE = 1000

BlobsQuery = Annotated[bool, Query(description="Add sizes and digests of the files.")]
ExpandQuery = Annotated[list[str] | None, Query(description="Properties to give.")]
CursorQuery = Annotated[str | None, Query(description="Where the page before stopped.")]


def hub_router(registry: Registry, reader: Callable[..., Any]) -> APIRouter:
    """The routes of the Hub protocol.

    Args:
        registry: What is served.
        reader: FastAPI dependency that gives the :class:`HubReader` of a request; may raise
            :class:`Unauthorized` for a bad token.

    Returns:
        A router to include last, without a prefix.
    """

    def remember_reader(request: Request, found: HubReader = Depends(reader)) -> None:
        request.state.hub_reader = found

    router = APIRouter(
        route_class=HubRoute, dependencies=[Depends(remember_reader)], tags=["Hugging Face Hub protocol"]
    )
    hub = _Hub(registry)
    model = "/api/models/{namespace}/{name}"
    routes: list[tuple[str, str, Callable[..., Response]]] = [
        ("GET", "/api/whoami-v2", hub.whoami),
        ("GET", "/api/models", hub.list_models),
        ("GET", model, hub.model_info),
        ("GET", model + "/revision/{revision:path}", hub.model_info_at_revision),
        ("GET", model + "/tree/{revision_and_folder:path}", hub.tree),
        ("POST", model + "/paths-info/{revision:path}", hub.paths_info),
        ("GET", model + "/refs", hub.refs),
        ("GET", model + "/commits/{revision:path}", hub.commits),
        ("GET", model + "/auth-check", hub.auth_check),
        ("GET", model + "/auth-check/write", hub.auth_check_write),
        ("GET", "/{namespace}/{name}/resolve/{revision_and_path:path}", hub.resolve),
    ]
    for method, path, handler in routes:
        router.add_api_route(
            path, handler, methods=[method], response_class=Response, openapi_extra=_raw_parameters(path)
        )
    hidden: list[tuple[list[str], str, Callable[..., Response]]] = [
        (["HEAD"], "/{namespace}/{name}/resolve/{revision_and_path:path}", hub.resolve),
        (["GET"], "/api/models/{rest:path}", hub.unknown),
        (["GET", "HEAD"], "/{name}/resolve/{rest:path}", hub.without_namespace),
        (["POST", "PUT", "DELETE"], "/api/models/{rest:path}", hub.no_uploads),
        (["POST", "PUT", "DELETE"], "/api/repos/{rest:path}", hub.no_uploads),
        (["POST"], "/{namespace}/{name}.git/info/lfs/objects/batch", hub.no_uploads),
    ]
    for methods, path, handler in hidden:
        router.add_api_route(path, handler, methods=methods, include_in_schema=False)
    return router


class _Hub:
    """The handlers. They are plain functions, so the framework runs them in its thread pool."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def whoami(self, request: Request) -> Response:
        """Who the token belongs to, as `hf auth whoami` shows it."""
        found = reader_of(request)
        if found.name is None:
            raise Unauthorized("no token came with the request", mend="send `Authorization: Bearer <token>`")
        token = {"displayName": "gts", "role": "write" if found.may_write else "read"}
        auth = {"type": "access_token", "accessToken": token}
        return JSONResponse({"type": "user", "id": found.name, "name": found.name, "orgs": [], "auth": auth})

    def list_models(
        self,
        request: Request,
        search: Annotated[str | None, Query(description="Part of `namespace/name`.")] = None,
        author: Annotated[str | None, Query(description="The namespace.")] = None,
        filter: Annotated[list[str] | None, Query(description="Tags a model must have, all of them.")] = None,
        pipeline_tag: Annotated[str | None, Query(description="The task.")] = None,
        sort: Annotated[str, Query(description="`createdAt`; anything else means last modified.")] = "",
        limit: Annotated[int, Query(ge=1, description="Length of a page, at most 1000.")] = 100,
        expand: ExpandQuery = None,
        cursor: CursorQuery = None,
    ) -> Response:
        """Models the caller may see, newest first; the header `Link` leads to the next page."""
        page = self._registry.list(
            search,
            author,
            min(limit, _MAX_MODELS_PAGE),
            cursor,
            sort="created_at" if sort == "createdAt" else "updated_at",
        )
        wanted = {*(filter or []), *([pipeline_tag] if pipeline_tag else [])}
        may_read = reader_of(request).may_read
        items = [
            documents.keep_only(documents.list_item(repository), expand or [])
            for repository in page.items
            if may_read(repository) and wanted <= {repository.name, *repository.card.get("tags", [])}
        ]
        return JSONResponse(items, headers=next_link(request, page.cursor))

    def model_info(
        self,
        request: Request,
        namespace: str,
        name: str,
        blobs: BlobsQuery = False,
        expand: ExpandQuery = None,
    ) -> Response:
        """A model at its head: files, task, library, tags and the front matter of its card."""
        return self._model_info(request, namespace, name, "main", blobs, expand)

    def model_info_at_revision(
        self,
        request: Request,
        namespace: str,
        name: str,
        blobs: BlobsQuery = False,
        expand: ExpandQuery = None,
    ) -> Response:
        """A model at a branch, tag, alias or commit, percent-quoted (`feat%2Fx`)."""
        revision, _ = raw_target(request, 4, "revision")
        return self._model_info(request, namespace, name, revision, blobs, expand)

    def tree(
        self,
        request: Request,
        namespace: str,
        name: str,
        recursive: Annotated[bool, Query(description="Go into folders.")] = False,
        expand: Annotated[bool, Query(description="Add the commit that last changed each entry.")] = False,
        cursor: CursorQuery = None,
    ) -> Response:
        """Files and folders at a revision: `tree/{quoted revision}` or `tree/{quoted revision}/{folder}`."""
        revision, folder = raw_target(request, 4, "tree")
        self._repository(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision)
        entries = self._registry.tree(commit, folder.strip("/"), recursive)
        rest = [entry for entry in entries if cursor is None or entry.path > cursor]
        page = rest[: _EXPANDED_TREE_PAGE if expand else _TREE_PAGE]
        changes = self._registry.last_changes(commit) if expand else {}
        return JSONResponse(
            [documents.tree_entry(entry, changes.get(entry.path)) for entry in page],
            headers=next_link(request, page[-1].path if len(page) < len(rest) else None),
        )

    def paths_info(
        self,
        request: Request,
        namespace: str,
        name: str,
        paths: Annotated[list[str], Form(description="Files and folders to look up.")],
        expand: Annotated[bool, Form(description="Add the commit that last changed each entry.")] = False,
    ) -> Response:
        """Facts about some files and folders of a revision; those that do not exist are left out."""
        revision, _ = raw_target(request, 4, "paths-info")
        self._repository(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision)
        files = self._registry.files(commit)
        everything = entries_under(files, "", recursive=True) or ()
        known: dict[str, FileEntry | Folder] = {entry.path: entry for entry in everything}
        changes = self._registry.last_changes(commit) if expand else {}
        found = [known[path] for path in dict.fromkeys(path.strip("/") for path in paths) if path in known]
        return JSONResponse([documents.tree_entry(entry, changes.get(entry.path)) for entry in found])

    def refs(self, request: Request, namespace: str, name: str) -> Response:
        """Branches, tags and aliases (given among the tags)."""
        self._repository(request, namespace, name)
        return JSONResponse(documents.references(self._registry.refs(namespace, name)))

    def commits(self, request: Request, namespace: str, name: str) -> Response:
        """A revision and all before it, newest first."""
        revision, _ = raw_target(request, 4, "commits")
        self._repository(request, namespace, name)
        history = self._registry.history(namespace, name, revision)
        return JSONResponse([documents.commit(commit) for commit in history])

    def auth_check(self, request: Request, namespace: str, name: str) -> Response:
        """Whether the caller may read a model."""
        self._repository(request, namespace, name)
        return JSONResponse({})

    def auth_check_write(self, request: Request, namespace: str, name: str) -> Response:
        """Whether the caller may publish to a model."""
        self._repository(request, namespace, name)
        if not reader_of(request).may_write:
            raise Forbidden("this token may not publish", mend="use one that may write")
        return JSONResponse({})

    def resolve(self, request: Request, namespace: str, name: str) -> Response:
        """A file's bytes: `resolve/{quoted revision}/{path}`, with ranges, ETag and `If-None-Match`."""
        revision, path = raw_target(request, 2, "resolve")
        self._repository(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision)
        file = self._registry.file(commit, path)
        headers = file_headers(commit, file)
        if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        blob = self._registry.blob(file, verify=request.method == "GET")
        return FileResponse(
            blob,
            headers=headers,
            media_type="application/octet-stream" if file.is_lfs else "text/plain; charset=utf-8",
            filename=path.rpartition("/")[2],
            content_disposition_type="inline",
            stat_result=blob.stat(),
        )

    def unknown(self, request: Request, rest: str) -> Response:
        """Models that cannot exist here, and questions about models that this server does not answer."""
        namespace, _, more = rest.partition("/")
        repository = self._repository(request, namespace, more.partition("/")[0])
        raise EntryNotFound(
            f"nothing is known about {rest[:200]!r}",
            mend="the OpenAPI document lists what there is",
            commit=repository.head,
        )

    def without_namespace(self, request: Request, name: str) -> Response:
        """Every model here has a namespace."""
        hide(reader_of(request), "", name)

    def no_uploads(self, request: Request) -> Response:
        """Writing through the Hub protocol is not offered."""
        text = "this registry is filled by its own jobs and takes no uploads through the Hub protocol"
        body = {"error": text, "code": "not_implemented"}
        return JSONResponse(body, status_code=501, headers={"X-Error-Message": text})

    def _repository(self, request: Request, namespace: str, name: str) -> Repository:
        """The repository, if the caller may see it."""
        reader = reader_of(request)
        try:
            repository = self._registry.get(namespace, name)
        except RepositoryNotFound:
            hide(reader, namespace, name)
        if not reader.may_read(repository):
            hide(reader, namespace, name)
        return repository

    def _model_info(
        self,
        request: Request,
        namespace: str,
        name: str,
        revision: str,
        blobs: bool,
        expand: list[str] | None,
    ) -> Response:
        repository = self._repository(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision)
        readme = self._registry.read(commit, "README.md", MAX_CARD_BYTES) or b""
        config = self._registry.read(commit, "config.json") or b"{}"
        document = documents.model_info(
            repository,
            commit,
            self._registry.files(commit),
            parse_card(readme.decode("utf-8")),
            json.loads(config),
            blobs=blobs,
        )
        return JSONResponse(documents.keep_only(document, expand or []))


def _raw_parameters(path: str) -> dict[str, Any]:
    """OpenAPI entries for what handlers read from the raw path themselves."""
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+):path\}", path)
        ]
    }
