"""Changing some files of a branch, as clients of the Hub do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete

from gts.core.errors import InvalidInput
from gts.registry import rows
from gts.registry.blob_lock import stored_again
from gts.registry.changes import Change, Put, Remove, changed
from gts.registry.errors import RevisionNotFound
from gts.registry.landing import Landing, Writer
from gts.registry.manifest import check_count, check_file, check_files, lfs_entry, store
from gts.registry.staging import AddFile, AddUpload, Delete, Operation, Staging
from gts.registry.tables import UploadRow
from gts.registry.values import FileEntry, Kind, Ref, RefKind, Revision


class Committing(Landing):
    """Commits that add and delete single files."""

    def staging(self) -> Staging:
        """A place for files on their way into a commit, on the disk of the blobs."""
        return Staging(self._blobs.store.root)

    def commit(
        self,
        namespace: str,
        name: str,
        operations: Sequence[Operation],
        message: str,
        author: str,
        *,
        branch: str = rows.MAIN,
        parent: str | None = None,
        kind: Kind = Kind.MODEL,
    ) -> Revision:
        """Change files of a branch; all of it happens or nothing.

        Operations that change nothing make no commit, and a request that is repeated because its answer was
        lost gives the commit that it made. Without a ``parent`` they apply to whatever the branch holds.

        Args:
            namespace: Owner.
            name: Name of the repository.
            operations: What to do, in this order.
            message: What changed, for people.
            author: Who commits.
            branch: The branch that moves, by its short name or as ``refs/heads/...``.
            parent: Commit id, or its beginning, that the branch must be at; None takes any.
            kind: What the repository holds.

        Returns:
            The commit that the branch names afterwards.

        Raises:
            InvalidInput: A path or content that may not be published, or an object that was not uploaded.
            RepositoryNotFound: There is no such repository.
            RevisionNotFound: It has no such branch.
            EntryNotFound: What is to be deleted is not there.
            HeadMoved: The branch is not at ``parent``.
            StorageError: The disk is full; nothing of it is visible.
        """
        writer = Writer(author, message).check()
        ref_kind, branch = Ref.parse(branch)
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            if ref_kind not in (None, RefKind.BRANCH):
                raise RevisionNotFound(
                    f"{ref_kind} {branch[:200]!r} of {namespace}/{name} is no branch", mend="name a branch"
                )
            named = {operation.sha256 for operation in operations if isinstance(operation, AddUpload)}
            known = rows.known_blobs(session, repository, named) if named else {}

        def land() -> Revision:
            changes = self._stored(operations, known)
            with rows.database_errors(f"{namespace}/{name}"), self._database.writing() as session:
                repository = rows.repository_row(session, kind, namespace, name, lock=True)
                commit = self._land(
                    session,
                    repository,
                    branch,
                    lambda before, head: changed(before, changes, head),
                    writer,
                    parent=parent,
                )
                waiting = UploadRow.repository_id == repository.id
                session.execute(delete(UploadRow).where(waiting, UploadRow.blob.in_(named)))
                return commit

        return stored_again(land)

    def _stored(
        self, operations: Sequence[Operation], known: Mapping[str, tuple[int, str | None]]
    ) -> list[Change]:
        """The operations as changes, once every file has passed the checks and lies in the blob store."""
        check_count(len(operations))
        uploaded: dict[AddUpload, FileEntry] = {}
        for operation in operations:
            if isinstance(operation, AddFile):
                check_files({operation.path: operation.content})
            elif isinstance(operation, AddUpload):
                uploaded[operation] = self._checked(operation, known)
        changes: list[Change] = []
        for operation in operations:
            match operation:
                case AddFile(path, content):
                    changes += [Put(file) for file in store({path: content}, self._blobs.store)]
                case AddUpload():
                    changes.append(Put(uploaded[operation]))
                case Delete(path, folder):
                    changes.append(Remove(path.rstrip("/") if folder else path, folder))
        return changes

    def _checked(self, operation: AddUpload, known: Mapping[str, tuple[int, str | None]]) -> FileEntry:
        size, content_oid = known.get(operation.sha256, (None, None))
        stored = size is not None and operation.sha256 in self._blobs.store
        if size is None or not stored or operation.size not in (None, size):
            raise InvalidInput(
                f"the object {operation.sha256} of {operation.path[:300]!r} was not uploaded to this repository",
                mend="upload it first",
            )
        with self._blobs.path(operation.sha256, size).open("rb") as handle:
            check_file(operation.path, handle)
        return lfs_entry(operation.path, operation.sha256, size, content_oid)
