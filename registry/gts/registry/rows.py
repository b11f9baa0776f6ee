"""Between database rows and values: the queries that several registry operations share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gts.core.database import database_failure, now
from gts.core.errors import Conflict, InvalidInput
from gts.registry.errors import RepositoryNotFound, RevisionNotFound
from gts.registry.tables import CommitRow, FileRow, RefRow, RepositoryRow
from gts.registry.values import FileEntry, Ref, RefKind, Repository, Revision

MAIN = "main"
_OBJECT_ID_START = re.compile(r"[0-9a-f]{7,40}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def database_errors(what: str) -> Iterator[None]:
    """Say in the registry's words what the database refused.

    Raises:
        Conflict: Someone else wrote the same thing at the same moment.
        StorageError: The database's disk is full.
        Unavailable: The database is busy or cannot be reached.
    """
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"{what} was changed at the same moment by someone else", mend="try again") from error
    except OperationalError as error:
        failure = database_failure(error)
        if failure is None:
            raise
        raise failure from error


def repository_row(session: Session, namespace: str, name: str, *, lock: bool = False) -> RepositoryRow:
    """The row of a repository.

    Raises:
        RepositoryNotFound: There is none.
    """
    query = select(RepositoryRow).where(RepositoryRow.namespace == namespace, RepositoryRow.name == name)
    # NUL cannot even be asked for on Postgres; such a name cannot exist.
    askable = namespace.isprintable() and name.isprintable()
    row = session.scalar(query.with_for_update() if lock else query) if askable else None
    if row is None:
        raise _no_repository(namespace, name)
    return row


def _no_repository(namespace: str, name: str) -> RepositoryNotFound:
    return RepositoryNotFound(
        f"no model {f'{namespace}/{name}'[:200]!r}", mend="`gts models` lists what there is"
    )


def lock_or_create(session: Session, namespace: str, name: str) -> RepositoryRow:
    """The row of a repository, locked until the transaction ends; made if it is not there."""
    try:
        return repository_row(session, namespace, name, lock=True)
    except RepositoryNotFound:
        moment = now()
        row = RepositoryRow(
            namespace=namespace,
            name=name,
            origin=f"{namespace}/{name}",
            card={},
            created_at=moment,
            updated_at=moment,
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another writer made it since we looked
            return repository_row(session, namespace, name, lock=True)
        return row


def head(session: Session, repository: RepositoryRow) -> Revision | None:
    """The commit that ``main`` names, if there is one yet."""
    row = session.scalar(
        select(CommitRow)
        .join(RefRow, RefRow.commit_id == CommitRow.id)
        .where(RefRow.repository_id == repository.id, RefRow.name == MAIN)
    )
    return revision(repository, row) if row else None


def published_by(session: Session, repository: RepositoryRow, job_id: str) -> Revision | None:
    """What a job has published to a repository last, if it has.

    Raises:
        Conflict: It has published to another one.
    """
    row = session.scalar(
        select(CommitRow).where(CommitRow.job_id == job_id).order_by(CommitRow.seq.desc()).limit(1)
    )
    if row is not None and row.repository_id != repository.id:
        raise Conflict(f"job {job_id} has published to another repository", mend="a job publishes one model")
    return revision(repository, row) if row else None


def add_commit(
    session: Session, repository: RepositoryRow, commit: Revision, files: Sequence[FileEntry]
) -> CommitRow:
    """Write a commit and its files."""
    row = CommitRow(
        oid=commit.oid,
        repository_id=repository.id,
        seq=commit.seq,
        parent=commit.parent,
        tree=commit.tree,
        message=commit.message,
        author=commit.author,
        job_id=commit.job_id,
        created_at=commit.created_at,
    )
    session.add(row)
    session.flush()
    values = [
        {
            "commit_id": row.id,
            "path": file.path,
            "blob": file.sha256,
            "size": file.size,
            "git_oid": file.git_oid,
            "is_lfs": file.is_lfs,
        }
        for file in files
    ]
    session.execute(insert(FileRow), values)
    return row


def point(session: Session, repository: RepositoryRow, kind: RefKind, name: str, commit: CommitRow) -> None:
    """Let a reference name a commit, making or moving it."""
    session.merge(
        RefRow(repository_id=repository.id, name=name, kind=kind.value, commit_id=commit.id, updated_at=now())
    )


def commit_row(session: Session, repository: RepositoryRow, revision: str) -> CommitRow:
    """The commit a branch, tag, alias, commit id or its beginning (7 or more digits) stands for.

    Raises:
        RevisionNotFound: None, or more than one.
    """
    kind, short = Ref.parse(revision)
    commits = select(CommitRow).where(CommitRow.repository_id == repository.id)
    if revision.isprintable() and len(revision) <= 255:
        named = commits.join(RefRow, and_(RefRow.commit_id == CommitRow.id, RefRow.name == short))
        named = named.where(RefRow.repository_id == repository.id)
        found = session.scalar(named if kind is None else named.where(RefRow.kind == kind))
        if found is not None:
            return found
        if _OBJECT_ID_START.fullmatch(revision):
            matches = session.scalars(commits.where(CommitRow.oid.startswith(revision)).limit(2)).all()
            if len(matches) == 1:
                return matches[0]
    raise RevisionNotFound(
        f"{repository.namespace}/{repository.name} has no revision {revision[:200]!r}",
        mend="give a branch, tag, alias, or at least 7 digits of one commit's id",
    )


def file_rows(session: Session, oid: str) -> tuple[FileEntry, ...]:
    """All files of a commit, sorted by path."""
    rows = session.scalars(
        select(FileRow).join(CommitRow, CommitRow.id == FileRow.commit_id).where(CommitRow.oid == oid)
    )
    return tuple(sorted((file_entry(row) for row in rows), key=lambda entry: entry.path))


def listing() -> Select[RepositoryRow, str]:
    """Repositories with the commit that ``main`` names."""
    return (
        select(RepositoryRow, CommitRow.oid)
        .join(RefRow, and_(RefRow.repository_id == RepositoryRow.id, RefRow.name == MAIN))
        .join(CommitRow, CommitRow.id == RefRow.commit_id)
    )


def listed(session: Session, namespace: str, name: str) -> Repository:
    """A repository with the commit that ``main`` names.

    Raises:
        RepositoryNotFound: There is none.
    """
    query = listing().where(RepositoryRow.namespace == namespace, RepositoryRow.name == name)
    row = session.execute(query).one_or_none() if f"{namespace}{name}".isprintable() else None
    if row is None:
        raise _no_repository(namespace, name)
    return repository(row)


def repository(row: Row[RepositoryRow, str]) -> Repository:
    """A row of :func:`listing` as a value."""
    found, head = row
    return Repository(
        found.namespace, found.name, found.private, found.card, head, found.created_at, found.updated_at
    )


def revision(repository: RepositoryRow, row: CommitRow) -> Revision:
    """A commit's row as a value."""
    return Revision(
        repository=f"{repository.namespace}/{repository.name}",
        oid=row.oid,
        parent=row.parent,
        seq=row.seq,
        tree=row.tree,
        message=row.message,
        author=row.author,
        job_id=row.job_id,
        created_at=row.created_at,
    )


def file_entry(row: FileRow) -> FileEntry:
    """A file's row as a value."""
    return FileEntry(row.path, row.size, row.blob, row.git_oid, row.is_lfs)


def ref(row: Row[RefRow, str]) -> Ref:
    """A reference's row and its commit id as a value."""
    found, oid = row
    return Ref(RefKind(found.kind), found.name, oid)


def cursor_of(row: Any, column: str) -> str:
    """Where a listing sorted by a time column (newest first, then id) stopped.

    Example:
        >>> from types import SimpleNamespace
        >>> cursor_of(SimpleNamespace(id=7, at=datetime(1970, 1, 2, tzinfo=UTC)), "at")
        '86400000000-7'
    """
    return f"{(getattr(row, column) - _EPOCH) // timedelta(microseconds=1)}-{row.id}"


def parse_cursor(cursor: str) -> tuple[datetime, int]:
    """The time and id in a cursor.

    Raises:
        InvalidInput: It is not one of ours.
    """
    match = re.fullmatch(r"([0-9]{1,17})-([0-9]{1,18})", cursor)
    if match is None:
        raise InvalidInput(
            f"{cursor[:100]!r} is not a cursor", mend="use the cursor of the page before, unchanged"
        )
    return _EPOCH + timedelta(microseconds=int(match[1])), int(match[2])
