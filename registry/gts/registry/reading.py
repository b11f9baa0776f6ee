"""Reading what is published: revisions, trees, files and their bytes."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlalchemy import select

from gts.registry import rows
from gts.registry.conversion import as_file, as_revision
from gts.registry.errors import EntryNotFound, RepositoryNotFound
from gts.registry.part import Part
from gts.registry.tables import CommitRow, FileRow
from gts.registry.trees import entries_under, last_changes
from gts.registry.values import FileEntry, Folder, Kind, Revision
from gts.registry.verified import materialize


class Reading(Part):
    """Revisions and files."""

    def resolve(
        self, namespace: str, name: str, revision: str = rows.MAIN, *, kind: Kind = Kind.MODEL
    ) -> Revision:
        """The commit a branch, tag, alias, commit id or its beginning (7 or more digits) stands for.

        Raises:
            RepositoryNotFound: There is no such repository.
            RevisionNotFound: It has no such revision, or several begin so.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            return as_revision(repository, rows.commit_row(session, repository, revision))

    def published_by(
        self, namespace: str, name: str, job_id: str, *, kind: Kind = Kind.MODEL
    ) -> Revision | None:
        """What a job has published last; ``None`` where it has published nothing, or there is no such repository."""
        with self._database.reading() as session:
            try:
                repository = rows.repository_row(session, kind, namespace, name)
            except RepositoryNotFound:
                return None
            return rows.published_by(session, repository, job_id)

    def files(self, revision: Revision) -> tuple[FileEntry, ...]:
        """All files of a commit, sorted by path."""
        with self._database.reading() as session:
            return rows.file_rows(session, revision.oid)

    def paths(self, commits: Collection[str]) -> dict[str, list[str]]:
        """The paths of the files of several commits, sorted, by commit id."""
        query = select(CommitRow.oid, FileRow.path).join(FileRow, FileRow.commit_id == CommitRow.id)
        found: dict[str, list[str]] = {oid: [] for oid in commits}
        with self._database.reading() as session:
            for oid, path in session.execute(query.where(CommitRow.oid.in_(found)).order_by(FileRow.path)):
                found[oid].append(path)
        return found

    def tree(
        self, revision: Revision, folder: str = "", recursive: bool = False
    ) -> tuple[FileEntry | Folder, ...]:
        """What lies in a folder of a commit, sorted by path.

        Raises:
            EntryNotFound: There is no such folder.
        """
        entries = entries_under(self.files(revision), folder, recursive=recursive)
        if entries is None:
            raise _no_entry(revision, folder)
        return entries

    def file(self, revision: Revision, path: str) -> FileEntry:
        """One file of a commit.

        Raises:
            EntryNotFound: There is no such file.
        """
        query = select(FileRow).join(CommitRow, CommitRow.id == FileRow.commit_id)
        query = query.where(CommitRow.oid == revision.oid, FileRow.path == path)
        with self._database.reading() as session:
            row = session.scalar(query) if path.isprintable() else None
        if row is None:
            raise _no_entry(revision, path)
        return as_file(row)

    def blob(self, file: FileEntry) -> Path:
        """Where a file's bytes lie on this machine, for reading only and soon; checked since they last changed.

        Raises:
            StorageError: The bytes are damaged or gone.
            Unavailable: They are kept elsewhere, and that does not answer.
        """
        return self._blobs.path(file.sha256, file.size)

    def status(self, file: FileEntry) -> os.stat_result:
        """Size and time of a file's bytes, without reading them or fetching them from where they are.

        Raises:
            StorageError: They are gone, or not as many as there should be.
        """
        blob = self._blobs.stat(file.sha256, file.size)
        return os.stat_result((0o100644, 0, 0, 1, 0, 0, blob.size, *[blob.written_at] * 3))

    def stored(self, files: Sequence[FileEntry]) -> tuple[FileEntry, ...]:
        """Those of some files whose bytes are there."""
        missing = self._blobs.store.missing({file.sha256 for file in files})
        return tuple(file for file in files if file.sha256 not in missing)

    def read(self, revision: Revision, path: str, limit: int = 1 << 20) -> bytes | None:
        """The bytes of a small file; None if the commit has no such file or it is over ``limit`` bytes.

        Raises:
            StorageError: The bytes are damaged or gone.
        """
        try:
            file = self.file(revision, path)
        except EntryNotFound:
            return None
        return self.blob(file).read_bytes() if file.size <= limit else None

    def history(
        self, namespace: str, name: str, revision: str = rows.MAIN, *, kind: Kind = Kind.MODEL
    ) -> tuple[Revision, ...]:
        """A commit and all before it, newest first.

        Raises:
            RepositoryNotFound: There is no such repository.
            RevisionNotFound: It has no such revision.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            start = rows.commit_row(session, repository, revision)
            older = session.scalars(
                select(CommitRow).where(CommitRow.repository_id == repository.id, CommitRow.seq <= start.seq)
            )
            by_oid = {row.oid: row for row in older}
            chain: list[Revision] = []
            oid: str | None = start.oid
            while oid in by_oid:
                chain.append(as_revision(repository, by_oid[oid]))
                oid = by_oid[oid].parent
            return tuple(chain)

    def last_changes(self, revision: Revision) -> dict[str, Revision]:
        """For every file and folder of a commit, the commit that last changed it."""
        namespace, _, name = revision.repository.partition("/")
        history = self.history(namespace, name, revision.oid, kind=revision.kind)
        contents: dict[str, dict[str, str]] = {commit.oid: {} for commit in history}
        query = select(CommitRow.oid, FileRow.path, FileRow.blob).join(
            FileRow, FileRow.commit_id == CommitRow.id
        )
        with self._database.reading() as session:
            repository = rows.repository_row(session, revision.kind, namespace, name)
            for oid, path, blob in session.execute(query.where(CommitRow.repository_id == repository.id)):
                if oid in contents:
                    contents[oid][path] = blob
        return last_changes(history, contents)

    def materialize(
        self, namespace: str, name: str, revision: str, target: Path, *, kind: Kind = Kind.MODEL
    ) -> Path:
        """A folder with all files of a revision, for programs that read folders.

        Files are hard links to verified blobs where the file system allows it, so they are for reading
        only. The folder appears complete or not at all, and a second call finds it.

        Args:
            namespace: Owner.
            name: Name of the model.
            revision: Anything :meth:`resolve` understands.
            target: Where such folders are kept.
            kind: What the repository holds.

        Returns:
            ``target/<commit id>``.

        Raises:
            NotFound: There is no such repository or revision.
            StorageError: A blob is damaged, or the disk is full.
        """
        commit = self.resolve(namespace, name, revision, kind=kind)
        return materialize(self.files(commit), self._blobs, Path(target) / commit.oid)


def _no_entry(revision: Revision, path: str) -> EntryNotFound:
    return EntryNotFound(
        f"{revision.repository} has no {path[:300]!r} at {revision.oid[:12]}",
        mend="list its files to see what there is",
        commit=revision.oid,
    )
