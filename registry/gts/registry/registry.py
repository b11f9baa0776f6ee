"""The registry: publish folders as immutable commits, find them again, hand out verified files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import and_, delete, or_, select

from gts.core.blobs import BlobStore
from gts.core.database import Database, now
from gts.core.errors import Conflict, NotFound
from gts.core.fingerprint import canonical_json
from gts.registry import rows
from gts.registry.commits import commit_oid, next_revision
from gts.registry.errors import EntryNotFound, RepositoryNotFound
from gts.registry.manifest import read_folder, store
from gts.registry.names import check_ref, check_repository, check_text
from gts.registry.promotions import LOCAL, Promotions
from gts.registry.tables import CommitRow, FileRow, RefRow, RepositoryRow
from gts.registry.trees import entries_under, last_changes, tree_digest
from gts.registry.values import FileEntry, Folder, Page, Problem, Ref, RefKind, Repository, Revision
from gts.registry.verified import VerifiedBlobs, materialize

_MAX_CARD_CHARS = 64 << 10


class Registry:
    """Model repositories over a database and a blob store.

    Everything it returns is a frozen value. A revision is visible only when all its blobs are stored.

    Args:
        database: Holds repositories, commits, files and references.
        blobs: Holds the bytes.

    Attributes:
        promotions: Moves aliases and keeps their history.
    """

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self.promotions = Promotions(database)
        self._database = database
        self._blobs = VerifiedBlobs(blobs)

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
    ) -> Revision:
        """Make a folder the new head of ``main``; the repository is made if it is not there.

        The same files on the same head give the head that is there already. A job publishes once: a second
        call with its ``job_id`` gives what the first one published. A job that was continued publishes again by
        naming what it had ``published`` before.

        Args:
            namespace: Owner.
            name: Name of the model.
            folder: Its files; links are refused.
            message: What changed, for people.
            author: Who publishes.
            job_id: The job that made it.
            parent: Commit id the head must have, for callers that read it before; None takes any.
            card: Facts to show in listings beside what the files say.
            published: Commit id of what the job had published before it was continued.

        Raises:
            InvalidInput: A name, path or content that may not be published.
            Conflict: The head is not ``parent``, or the job has published elsewhere.
            StorageError: The disk is full; nothing of it is visible.
        """
        check_repository(namespace, name)
        check_text("commit message", message, 10_000)
        check_text("author", author, 200)
        checked = read_folder(Path(folder))
        shown = {**checked.card, **(card or {})}
        check_text("card", canonical_json(shown), _MAX_CARD_CHARS)
        files = store(checked, self._blobs.store)
        tree = tree_digest(files)
        with rows.database_errors(f"{namespace}/{name}"), self._database.writing() as session:
            repository = rows.lock_or_create(session, namespace, name)
            done = rows.published_by(session, repository, job_id) if job_id is not None else None
            if done is not None and done.oid != published:
                return done
            head = rows.head(session, repository)
            # A client that lost our answer repeats its request, still naming the parent it knew.
            if head is not None and head.tree == tree and parent in (None, head.oid, head.parent):
                return head
            if parent is not None and (head is None or head.oid != parent):
                raise Conflict(
                    f"{namespace}/{name} is at {head.oid if head else 'no commit'}, not at {parent[:100]!r}",
                    mend="look at what was published meanwhile and publish on top of it",
                )
            commit = next_revision(
                f"{namespace}/{name}",
                head,
                tree,
                message=message,
                author=author,
                job_id=job_id,
                created_at=now(),
            )
            row = rows.add_commit(session, repository, commit, files)
            rows.point(session, repository, RefKind.BRANCH, rows.MAIN, row)
            repository.card, repository.updated_at = shown, commit.created_at
            return commit

    def published_by(self, namespace: str, name: str, job_id: str) -> Revision | None:
        """What a job has published last; ``None`` where it has published nothing, or there is no such repository."""
        with self._database.reading() as session:
            try:
                repository = rows.repository_row(session, namespace, name)
            except RepositoryNotFound:
                return None
            return rows.published_by(session, repository, job_id)

    def get(self, namespace: str, name: str) -> Repository:
        """A repository.

        Raises:
            RepositoryNotFound: There is none.
        """
        with self._database.reading() as session:
            return rows.listed(session, namespace, name)

    def list(
        self,
        search: str | None = None,
        author: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
        sort: Literal["updated_at", "created_at"] = "updated_at",
    ) -> Page:
        """A page of repositories, newest first.

        Args:
            search: Part of ``namespace/name``, in any case.
            author: The namespace.
            limit: Length of the page.
            cursor: Where the page before stopped.
            sort: What "newest" means.

        Raises:
            InvalidInput: The cursor is not one of ours.
        """
        column = getattr(RepositoryRow, sort)
        query = rows.listing().order_by(column.desc(), RepositoryRow.id.desc()).limit(limit + 1)
        if search:
            full_name = RepositoryRow.namespace + "/" + RepositoryRow.name
            query = query.where(full_name.icontains(search, autoescape=True))
        if author:
            query = query.where(RepositoryRow.namespace == author)
        if cursor:
            at, last_id = rows.parse_cursor(cursor)
            query = query.where(or_(column < at, and_(column == at, RepositoryRow.id < last_id)))
        if not f"{search or ''}{author or ''}".isprintable():
            return Page((), None)  # no name holds such characters, and Postgres cannot be asked for NUL
        with self._database.reading() as session:
            found = session.execute(query).all()
        more = len(found) > limit
        found = found[:limit]
        return Page(
            tuple(rows.repository(row) for row in found),
            rows.cursor_of(found[-1][0], sort) if more else None,
        )

    def resolve(self, namespace: str, name: str, revision: str = rows.MAIN) -> Revision:
        """The commit a branch, tag, alias, commit id or its beginning (7 or more digits) stands for.

        Raises:
            RepositoryNotFound: There is no such repository.
            RevisionNotFound: It has no such revision, or several begin so.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, namespace, name)
            return rows.revision(repository, rows.commit_row(session, repository, revision))

    def files(self, revision: Revision) -> tuple[FileEntry, ...]:
        """All files of a commit, sorted by path."""
        with self._database.reading() as session:
            return rows.file_rows(session, revision.oid)

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
        return rows.file_entry(row)

    def blob(self, file: FileEntry, verify: bool = True) -> Path:
        """Where a file's bytes lie on disk, for reading only.

        Args:
            file: The file.
            verify: Whether its digest must have been checked since it last changed; else only its size is.

        Raises:
            StorageError: The bytes are damaged or gone.
        """
        return self._blobs.path(file.sha256, file.size, verify=verify)

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

    def set_ref(self, namespace: str, name: str, kind: RefKind, ref: str, revision: str) -> Ref:
        """Name a commit. Tags and branches are made once, aliases move (see :attr:`promotions`).

        Raises:
            InvalidInput: The name is malformed.
            Conflict: The name is taken for something else.
            RevisionNotFound: The revision does not exist.
        """
        if kind == RefKind.ALIAS:
            return self.alias(namespace, name, ref, revision)
        check_ref(ref)
        with rows.database_errors(f"the reference {ref!r}"), self._database.writing() as session:
            repository = rows.repository_row(session, namespace, name, lock=True)
            commit = rows.commit_row(session, repository, revision)
            there = session.get(RefRow, (repository.id, ref))
            if there is not None and (there.kind, there.commit_id) != (kind, commit.id):
                raise Conflict(
                    f"{namespace}/{name} has a {there.kind} {ref!r} already",
                    mend="take another name; only aliases can be moved",
                )
            rows.point(session, repository, kind, ref, commit)
            return Ref(kind, ref, commit.oid)

    def alias(self, namespace: str, name: str, alias: str, revision: str, *, by: str = LOCAL) -> Ref:
        """Let a movable name such as ``production`` stand for a revision; see :meth:`Promotions.promote`."""
        moved = self.promotions.promote(namespace, name, alias, revision, by=by)
        return Ref(RefKind.ALIAS, alias, moved.new or "")

    def delete_ref(self, namespace: str, name: str, kind: RefKind, ref: str) -> None:
        """Remove a branch, tag or alias; the commits stay.

        Raises:
            Conflict: It is ``main``.
            NotFound: There is none of that kind and name.
        """
        if kind == RefKind.ALIAS:
            self.promotions.remove(namespace, name, ref, by=LOCAL)
            return
        if kind == RefKind.BRANCH and ref == rows.MAIN:
            raise Conflict("'main' cannot be removed", mend="delete the repository instead")
        with self._database.writing() as session:
            repository = rows.repository_row(session, namespace, name, lock=True)
            there = session.get(RefRow, (repository.id, ref)) if ref.isprintable() else None
            if there is None or there.kind != kind:
                raise NotFound(
                    f"{namespace}/{name} has no {kind} {ref[:200]!r}", mend="look at its references"
                )
            session.delete(there)

    def refs(self, namespace: str, name: str) -> tuple[Ref, ...]:
        """All branches, tags and aliases, sorted by name.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, namespace, name)
            query = select(RefRow, CommitRow.oid).join(CommitRow, CommitRow.id == RefRow.commit_id)
            found = session.execute(query.where(RefRow.repository_id == repository.id)).all()
        return tuple(sorted((rows.ref(row) for row in found), key=lambda ref: ref.name))

    def history(self, namespace: str, name: str, revision: str = rows.MAIN) -> tuple[Revision, ...]:
        """A commit and all before it, newest first.

        Raises:
            RepositoryNotFound: There is no such repository.
            RevisionNotFound: It has no such revision.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, namespace, name)
            start = rows.commit_row(session, repository, revision)
            older = session.scalars(
                select(CommitRow).where(CommitRow.repository_id == repository.id, CommitRow.seq <= start.seq)
            )
            by_oid = {row.oid: row for row in older}
            chain: list[Revision] = []
            oid: str | None = start.oid
            while oid in by_oid:
                chain.append(rows.revision(repository, by_oid[oid]))
                oid = by_oid[oid].parent
            return tuple(chain)

    def last_changes(self, revision: Revision) -> dict[str, Revision]:
        """For every file and folder of a commit, the commit that last changed it."""
        namespace, _, name = revision.repository.partition("/")
        history = self.history(namespace, name, revision.oid)
        contents: dict[str, dict[str, str]] = {commit.oid: {} for commit in history}
        query = select(CommitRow.oid, FileRow.path, FileRow.blob).join(
            FileRow, FileRow.commit_id == CommitRow.id
        )
        query = query.join(RepositoryRow, RepositoryRow.id == CommitRow.repository_id)
        query = query.where(RepositoryRow.namespace == namespace, RepositoryRow.name == name)
        with self._database.reading() as session:
            for oid, path, blob in session.execute(query):
                if oid in contents:
                    contents[oid][path] = blob
        return last_changes(history, contents)

    def set_private(self, namespace: str, name: str, private: bool) -> None:
        """Hide a repository from everyone but its readers, or show it.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.writing() as session:
            rows.repository_row(session, namespace, name, lock=True).private = private

    def delete_repository(self, namespace: str, name: str) -> None:
        """Remove a repository with its commits and references. Blobs stay: others may share them.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.writing() as session:
            row = rows.repository_row(session, namespace, name, lock=True)
            session.execute(delete(RepositoryRow).where(RepositoryRow.id == row.id))

    def materialize(self, namespace: str, name: str, revision: str, target: Path) -> Path:
        """A folder with all files of a revision, for programs that read folders.

        Files are hard links to verified blobs where the file system allows it, so they are for reading
        only. The folder appears complete or not at all, and a second call finds it.

        Args:
            namespace: Owner.
            name: Name of the model.
            revision: Anything :meth:`resolve` understands.
            target: Where such folders are kept.

        Returns:
            ``target/<commit id>``.

        Raises:
            NotFound: There is no such repository or revision.
            StorageError: A blob is damaged, or the disk is full.
        """
        commit = self.resolve(namespace, name, revision)
        return materialize(self.files(commit), self._blobs, Path(target) / commit.oid)

    def verify(self, namespace: str, name: str) -> tuple[Problem, ...]:
        """Check all commits and files of a repository, reading every byte; empty if all is well.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, namespace, name)
            commits = session.scalars(
                select(CommitRow).where(CommitRow.repository_id == repository.id).order_by(CommitRow.seq)
            )
            revisions = [rows.revision(repository, row) for row in commits]
        known = {commit.oid for commit in revisions}
        problems = []
        damaged: dict[str, str] = {}
        for commit in revisions:
            files = self.files(commit)
            if commit.oid != commit_oid(commit) or commit.tree != tree_digest(files):
                problems.append(Problem(commit.oid, "", "the commit does not match its id"))
            if commit.parent is not None and commit.parent not in known:
                problems.append(Problem(commit.oid, "", f"its parent {commit.parent} is missing"))
            for file in files:
                if file.sha256 not in damaged:
                    damaged[file.sha256] = self._blobs.damage(file.sha256, file.size)
                if damaged[file.sha256]:
                    problems.append(Problem(commit.oid, file.path, damaged[file.sha256]))
        return tuple(problems)


def _no_entry(revision: Revision, path: str) -> EntryNotFound:
    return EntryNotFound(
        f"{revision.repository} has no {path[:300]!r} at {revision.oid[:12]}",
        mend="list its files to see what there is",
        commit=revision.oid,
    )
