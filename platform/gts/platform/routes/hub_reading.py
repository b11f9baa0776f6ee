"""The reading half of the Hub protocol: listings, facts, trees and the bytes of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from fastapi import Form, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from gts.platform.routes.hub_protocol import (
    file_headers,
    matches,
    next_link,
    raw_target,
    user_of,
    visible,
)
from gts.registry import documents
from gts.registry.cards import MAX_CARD_BYTES, parse_card
from gts.registry.errors import EntryNotFound
from gts.registry.listing import Wanted
from gts.registry.registry import Registry
from gts.registry.trees import entries_under
from gts.registry.values import FileEntry, Folder, Kind, Repository

_TREE_PAGE = 1000
_EXPANDED_TREE_PAGE = 50
_MAX_PAGE = 1000

BlobsQuery = Annotated[bool, Query(description="Add sizes and digests of the files.")]
ExpandQuery = Annotated[list[str] | None, Query(description="Properties to give.")]
CursorQuery = Annotated[str | None, Query(description="Where the page before stopped.")]


class _BlobResponse(FileResponse):
    """A file of which parts are read in fewer turns; a whole one the connection sends by itself."""

    chunk_size = 512 << 10


class HubReading:
    """The handlers for one kind of repository; plain functions, so the framework runs them in its thread pool."""

    def __init__(self, registry: Registry, kind: Kind) -> None:
        self._registry = registry
        self._kind = kind

    def listing(
        self,
        request: Request,
        search: Annotated[list[str] | None, Query(description="Parts of `namespace/name`.")] = None,
        author: Annotated[str | None, Query(description="The namespace.")] = None,
        filter: Annotated[list[str] | None, Query(description="Tags it must have, all of them.")] = None,
        pipeline_tag: Annotated[str | None, Query(description="The task.")] = None,
        sort: Annotated[str, Query(description="`createdAt`; anything else means last modified.")] = "",
        direction: Annotated[int, Query(description="1: the oldest first.")] = -1,
        limit: Annotated[int, Query(ge=1, description="Length of a page, at most 1000.")] = 100,
        full: Annotated[bool, Query(description="Name the files.")] = False,
        expand: ExpandQuery = None,
        cursor: CursorQuery = None,
    ) -> Response:
        """Repositories that the caller may see, newest first; the header `Link` leads to the next page."""
        wanted = Wanted(
            kind=self._kind,
            search=tuple(search or ()),
            author=author,
            tags=frozenset([*(filter or []), *([pipeline_tag] if pipeline_tag else [])]),
            sight=user_of(request).sight,
            sort="created_at" if sort == "createdAt" else "updated_at",
            ascending=direction == 1,
        )
        page = self._registry.select(wanted, min(limit, _MAX_PAGE), cursor)
        named = full or "siblings" in (expand or [])
        paths = self._registry.paths([item.head for item in page.items]) if named else {}
        items = [documents.list_item(item, paths.get(item.head)) for item in page.items]
        return JSONResponse(
            [documents.keep_only(item, expand or []) for item in items],
            headers=next_link(request, page.cursor),
        )

    def info(
        self,
        request: Request,
        namespace: str,
        name: str,
        blobs: BlobsQuery = False,
        expand: ExpandQuery = None,
    ) -> Response:
        """A repository at its head: files, tags and the front matter of its card."""
        return self._info(request, namespace, name, "main", blobs, expand)

    def info_at_revision(
        self,
        request: Request,
        namespace: str,
        name: str,
        blobs: BlobsQuery = False,
        expand: ExpandQuery = None,
    ) -> Response:
        """A repository at a branch, tag, alias or commit, percent-quoted (`feat%2Fx`)."""
        revision, _ = raw_target(request, "revision")
        return self._info(request, namespace, name, revision, blobs, expand)

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
        revision, folder = raw_target(request, "tree")
        self._visible(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision, kind=self._kind)
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
        revision, _ = raw_target(request, "paths-info")
        self._visible(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision, kind=self._kind)
        files = self._registry.files(commit)
        everything = entries_under(files, "", recursive=True) or ()
        known: dict[str, FileEntry | Folder] = {entry.path: entry for entry in everything}
        changes = self._registry.last_changes(commit) if expand else {}
        found = [known[path] for path in dict.fromkeys(path.strip("/") for path in paths) if path in known]
        return JSONResponse([documents.tree_entry(entry, changes.get(entry.path)) for entry in found])

    def refs(self, request: Request, namespace: str, name: str) -> Response:
        """Branches, tags and aliases (given among the tags)."""
        self._visible(request, namespace, name)
        return JSONResponse(documents.references(self._registry.refs(namespace, name, kind=self._kind)))

    def commits(self, request: Request, namespace: str, name: str) -> Response:
        """A revision and all before it, newest first."""
        revision, _ = raw_target(request, "commits")
        self._visible(request, namespace, name)
        history = self._registry.history(namespace, name, revision, kind=self._kind)
        return JSONResponse([documents.commit(commit) for commit in history])

    def auth_check(self, request: Request, namespace: str, name: str) -> Response:
        """Whether the caller may read a repository."""
        self._visible(request, namespace, name)
        return JSONResponse({})

    def auth_check_write(self, request: Request, namespace: str, name: str) -> Response:
        """Whether the caller may publish to a repository."""
        user_of(request).require_write(self._visible(request, namespace, name).full_name)
        return JSONResponse({})

    def resolve(self, request: Request, namespace: str, name: str) -> Response:
        """A file's bytes: `resolve/{quoted revision}/{path}`, with ranges, ETag and `If-None-Match`."""
        revision, path = raw_target(request, "resolve", self._kind)
        self._visible(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision, kind=self._kind)
        file = self._registry.file(commit, path)
        headers = file_headers(commit, file)
        if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":  # bytes that are kept elsewhere are not fetched for this
            blob, status = Path(path), self._registry.status(file)
        else:
            blob = self._registry.blob(file)
            status = blob.stat()
        return _BlobResponse(
            blob,
            headers=headers,
            media_type="application/octet-stream" if file.is_lfs else "text/plain; charset=utf-8",
            filename=path.rpartition("/")[2],
            content_disposition_type="inline",
            stat_result=status,
        )

    def unknown(self, request: Request, rest: str) -> Response:
        """Repositories that cannot exist here, and questions about them that this server does not answer."""
        namespace, _, more = rest.partition("/")
        repository = self._visible(request, namespace, more.partition("/")[0])
        mend = "the OpenAPI document lists what there is"
        if "/xet-" in rest:
            mend = "large files are sent without Xet: set HF_HUB_DISABLE_XET=1 for the upload"
        raise EntryNotFound(f"nothing is known about {rest[:200]!r}", mend=mend, commit=repository.head)

    def _visible(self, request: Request, namespace: str, name: str) -> Repository:
        return visible(self._registry, request, self._kind, namespace, name)

    def _info(
        self,
        request: Request,
        namespace: str,
        name: str,
        revision: str,
        blobs: bool,
        expand: list[str] | None,
    ) -> Response:
        repository = self._visible(request, namespace, name)
        commit = self._registry.resolve(namespace, name, revision, kind=self._kind)
        readme = self._registry.read(commit, "README.md", MAX_CARD_BYTES) or b""
        config = self._registry.read(commit, "config.json") if self._kind is Kind.MODEL else None
        document = documents.repository_info(
            repository,
            commit,
            self._registry.files(commit),
            parse_card(readme.decode("utf-8")),
            json.loads(config or b"{}"),
            blobs=blobs,
        )
        return JSONResponse(documents.keep_only(document, expand or []))
