"""Publishing a whole folder, and making a repository that is filled later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.core.errors import Conflict
from gts.registry import rows
from gts.registry.blob_lock import stored_again
from gts.registry.conversion import as_repository
from gts.registry.landing import Landing, Writer
from gts.registry.manifest import check_files, list_folder, store
from gts.registry.names import check_repository
from gts.registry.staging import Staging
from gts.registry.values import Kind, Repository, Revision

_FIRST_FILES = {
    ".gitattributes": "".join(
        f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("onnx", "parquet", "safetensors")
    )
}


class Publishing(Landing):
    """Whole folders and new repositories."""

    def publish(
        self,
        namespace: str,
        name: str,
        folder: Path,
        message: str,
        author: str,
        job_id: str | None = None,
        parent: str | None = None,
        card: Mapping[str, Any] | None = None,
        published: str | None = None,
        *,
        kind: Kind = Kind.MODEL,
    ) -> Revision:
        """Make a folder the new head of ``main``; the repository is made if it is not there.

        The same files on the same head give the head that is there already. A job publishes once: a second
        call with its ``job_id`` gives what the first one published. A job that was continued publishes again by
        naming what it had ``published`` before.

        Args:
            namespace: Owner.
            name: Name of the repository.
            folder: Its files; links are refused.
            message: What changed, for people.
            author: Who publishes.
            job_id: The job that made it.
            parent: Commit id the head must have, for callers that read it before; None takes any.
            card: Facts to show in listings beside what the files say.
            published: Commit id of what the job had published before it was continued.
            kind: What the folder holds.

        Raises:
            InvalidInput: A name, path or content that may not be published.
            Conflict: The head is not ``parent``, or the job has published elsewhere.
            StorageError: The disk is full; nothing of it is visible.
        """
        check_repository(namespace, name)
        writer = Writer(author, message, job_id).check()
        paths = list_folder(Path(folder))
        check_files(paths)

        def land() -> Revision:
            files = store(paths, self._blobs.store)
            with rows.database_errors(f"{namespace}/{name}"), self._database.writing() as session:
                repository = rows.lock_or_create(session, kind, namespace, name)
                done = rows.published_by(session, repository, job_id) if job_id is not None else None
                if done is not None and done.oid != published:
                    return done
                return self._land(
                    session,
                    repository,
                    rows.MAIN,
                    lambda _before, _head: files,
                    writer,
                    parent=parent,
                    facts=card or {},
                )

        return stored_again(land)

    def create(
        self, namespace: str, name: str, author: str, *, private: bool = False, kind: Kind = Kind.MODEL
    ) -> Repository:
        """Make a repository; its first commit says which files are large.

        Raises:
            InvalidInput: The name breaks the rules.
            Conflict: It exists already.
        """
        check_repository(namespace, name)
        writer = Writer(author, "initial commit").check()

        def land() -> Repository:
            with Staging(self._blobs.store.root) as staging:
                paths = {path: staging.write([text.encode()]) for path, text in _FIRST_FILES.items()}
                files = store(paths, self._blobs.store)
            with rows.database_errors(f"{namespace}/{name}"), self._database.writing() as session:
                if rows.is_taken(session, kind, namespace, name):
                    raise Conflict(
                        f"there is a {kind} {namespace}/{name} already", mend="use it, or choose another name"
                    )
                repository = rows.add_repository(session, kind, namespace, name, private=private)
                head = self._land(session, repository, rows.MAIN, lambda _before, _head: files, writer)
                return as_repository(repository, head.oid)

        return stored_again(land)
