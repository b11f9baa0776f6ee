"""The writing half of the Hub protocol within one repository: commits, branches, tags, settings."""

from __future__ import annotations

import base64
from functools import partial

from anyio import CapacityLimiter, from_thread, to_thread
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from gts.core.blobs import Readable
from gts.core.errors import Conflict, InvalidInput, TooLarge
from gts.platform.routes.hub_bodies import BranchBody, PreuploadBody, PreuploadFile, SettingsBody, TagBody
from gts.platform.routes.hub_protocol import base_url, raw_target, user_of, visible
from gts.registry import documents
from gts.registry.contents import check_name, check_start
from gts.registry.hub_commits import read_commit
from gts.registry.ignoring import GITIGNORE, is_ignored, parse_rules
from gts.registry.names import check_path
from gts.registry.registry import Registry
from gts.registry.values import Kind, RefKind, Repository

_MAX_GITIGNORE = 64 << 10
# Clients show it. Whether they have Xet they do not say, and what they say when it fails does not help.
_XET = "gts; this server does not speak Xet: if the upload of a large file fails, set HF_HUB_DISABLE_XET=1"


class Body:
    """A request's body, for code that reads it in a thread."""

    def __init__(self, request: Request) -> None:
        self._blocks = request.stream()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        if not self._rest:
            self._rest = from_thread.run(self._next)
        block, self._rest = self._rest[:size], self._rest[size:]
        return block

    async def _next(self) -> bytes:
        async for block in self._blocks:
            if block:
                return block
        return b""


class HubWriting:
    """The handlers for one kind of repository.

    Args:
        registry: Where to.
        kind: What the repositories hold.
        inline_bytes: Largest file that clients send inside a commit.
        max_bytes: Largest file there may be.
        receivers: Threads that may wait for bytes of clients; they are not taken from those that answer the others.
    """

    def __init__(
        self, registry: Registry, kind: Kind, *, inline_bytes: int, max_bytes: int, receivers: CapacityLimiter
    ) -> None:
        self._registry = registry
        self._kind = kind
        self._inline_bytes = inline_bytes
        self._max_bytes = max_bytes
        self._receivers = receivers

    def settings(self, request: Request, namespace: str, name: str, body: SettingsBody) -> Response:
        """Hide a repository or show it."""
        self._writable(request, namespace, name)
        if body.gated:
            raise InvalidInput(
                "access to repositories is not granted one by one here",
                mend="make the repository private and give out tokens for it",
            )
        if (private := body.hidden()) is not None:
            self._registry.set_private(namespace, name, private, kind=self._kind)
        return JSONResponse({})

    def preupload(self, request: Request, namespace: str, name: str, body: PreuploadBody) -> Response:
        """How to send each file; what may not be published is refused before it is sent."""
        revision, _ = raw_target(request, "preupload")
        self._writable(request, namespace, name)
        _refuse_pull_request(request)
        commit = self._registry.resolve(namespace, name, revision, kind=self._kind)
        known = {file.path: file for file in self._registry.files(commit)}
        ignoring = body.gitIgnore
        if ignoring is None:
            there = self._registry.read(commit, GITIGNORE, _MAX_GITIGNORE) or b""
            ignoring = there.decode("utf-8", "replace")
        rules = parse_rules(ignoring)
        stored = self._registry.stored([known[file.path] for file in body.files if file.path in known])
        unchanged = {file.path: file for file in stored}  # what went lost is to be sent again
        answers = []
        for file in body.files:
            ignored = file.path not in known and is_ignored(file.path, rules)
            if not ignored:
                self._check(file)
            inline = file.size <= self._inline_bytes and not _is_removed_early(request, file.path)
            there_now = unchanged.get(file.path)
            answers.append(documents.upload_mode(file.path, inline=inline, ignored=ignored, known=there_now))
        large = any(answer["uploadMode"] == "lfs" for answer in answers)
        return JSONResponse({"files": answers}, headers={"X-HF-Warning": _XET} if large else {})

    def _check(self, file: PreuploadFile) -> None:
        check_path(file.path)
        check_name(file.path)
        if file.size > self._max_bytes:
            raise TooLarge(
                f"{file.path!r} has {file.size:,} bytes; the limit is {self._max_bytes:,}",
                mend="split it, or raise `max_hub_upload_bytes`",
            )
        try:
            start = base64.b64decode(file.sample)
        except ValueError:
            raise InvalidInput(f"the sample of {file.path!r} is not base64", mend="send it again") from None
        check_start(file.path, start)

    async def commit(self, request: Request, namespace: str, name: str) -> Response:
        """Add and delete files: JSON lines, a header and then one operation a line."""
        work = partial(self._commit, request, Body(request), namespace, name)
        return await to_thread.run_sync(work, limiter=self._receivers)

    def _commit(self, request: Request, body: Readable, namespace: str, name: str) -> Response:
        revision, _ = raw_target(request, "commit")
        author = self._writable(request, namespace, name)
        _refuse_pull_request(request)
        with self._registry.staging() as staging:
            asked = read_commit(body, staging)
            commit = self._registry.commit(
                namespace,
                name,
                asked.operations,
                asked.message,
                author,
                branch=revision,
                parent=asked.parent,
                kind=self._kind,
            )
        return JSONResponse(documents.committed(commit, base_url(request)))

    def create_branch(self, request: Request, namespace: str, name: str, body: BranchBody) -> Response:
        """Make a branch, at `main` or at a revision."""
        branch, _ = raw_target(request, "branch")
        return self._create_ref(request, namespace, name, RefKind.BRANCH, branch, body.startingPoint)

    def create_tag(self, request: Request, namespace: str, name: str, body: TagBody) -> Response:
        """Tag a revision."""
        revision, _ = raw_target(request, "tag")
        return self._create_ref(request, namespace, name, RefKind.TAG, body.tag, revision)

    def delete_branch(self, request: Request, namespace: str, name: str) -> Response:
        """Remove a branch; its commits stay."""
        branch, _ = raw_target(request, "branch")
        return self._delete_ref(request, namespace, name, RefKind.BRANCH, branch)

    def delete_tag(self, request: Request, namespace: str, name: str) -> Response:
        """Remove a tag; its commit stays."""
        tag, _ = raw_target(request, "tag")
        return self._delete_ref(request, namespace, name, RefKind.TAG, tag)

    def _create_ref(
        self, request: Request, namespace: str, name: str, ref_kind: RefKind, ref: str, revision: str | None
    ) -> Response:
        self._writable(request, namespace, name)
        if any(there.name == ref for there in self._registry.refs(namespace, name, kind=self._kind)):
            raise Conflict(f"{namespace}/{name} has a reference {ref!r} already", mend="take another name")
        made = self._registry.set_ref(namespace, name, ref_kind, ref, revision or "main", kind=self._kind)
        return JSONResponse({"ref": made.full_name, "targetCommit": made.oid})

    def _delete_ref(
        self, request: Request, namespace: str, name: str, ref_kind: RefKind, ref: str
    ) -> Response:
        self._writable(request, namespace, name)
        self._registry.delete_ref(namespace, name, ref_kind, ref, kind=self._kind)
        return JSONResponse({})

    def _writable(self, request: Request, namespace: str, name: str) -> str:
        """Who writes, if they may see the repository and write to it."""
        repository: Repository = visible(self._registry, request, self._kind, namespace, name)
        return user_of(request).require_write(repository.full_name)


def _is_removed_early(request: Request, path: str) -> bool:
    """Whether the client removes its file before the commit, so that it has to be uploaded before it too.

    `Dataset.push_to_hub` does so with its shards.
    """
    return request.headers.get("user-agent", "").startswith("datasets/") and path.endswith(".parquet")


def _refuse_pull_request(request: Request) -> None:
    if request.query_params.get("create_pr") not in (None, "", "0"):
        raise InvalidInput(
            "pull requests are not kept here", mend="make a branch and commit to it: `revision=...`"
        )
