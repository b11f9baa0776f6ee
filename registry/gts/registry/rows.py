"""Between database rows and values: the queries that several registry operations share."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gts.core.database import database_failure, now
from gts.core.errors import Conflict
from gts.registry.conversion import as_file, as_revision
from gts.registry.errors import RepositoryNotFound, RevisionNotFound
from gts.registry.tables import CommitRow, FileRow, RefRow, RenameRow, RepositoryRow, UploadRow
from gts.registry.values import FileEntry, Kind, Ref, RefKind, Revision

MAIN = "main"
_OBJECT_ID_START = re.compile(r"[0-9a-f]{7,40}")


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


def repository_row(
    session: Session, kind: Kind, namespace: str, name: str, *, lock: bool = False
) -> RepositoryRow:
    """The row of a repository, found by its name or by one it had before.

    Raises:
        RepositoryNotFound: There is none.
    """
    # NUL cannot even be asked for on Postgres; such a name cannot exist.
    if namespace.isprintable() and name.isprintable():
        named = select(RepositoryRow).where(
            RepositoryRow.kind == kind, RepositoryRow.namespace == namespace, RepositoryRow.name == name
        )
        renamed = (
            select(RepositoryRow)
            .join(RenameRow, RenameRow.repository_id == RepositoryRow.id)
            .where(RenameRow.kind == kind, RenameRow.namespace == namespace, RenameRow.name == name)
        )
        for query in (named, renamed):
            row = session.scalar(query.with_for_update(of=RepositoryRow) if lock else query)
            if row is not None:
                return row
    what = "model" if kind is Kind.MODEL else "data set"
    raise RepositoryNotFound(
        f"no {what} {f'{namespace}/{name}'[:200]!r}", mend="`gts models` lists what there is"
    )


def is_taken(session: Session, kind: Kind, namespace: str, name: str) -> bool:
    """Whether a repository has this name now."""
    named = RepositoryRow.kind == kind, RepositoryRow.namespace == namespace, RepositoryRow.name == name
    return session.scalar(select(RepositoryRow.id).where(*named)) is not None


def forget_rename(session: Session, kind: Kind, namespace: str, name: str) -> None:
    """Free a name that a repository had before."""
    if (before := session.get(RenameRow, (kind, namespace, name))) is not None:
        session.delete(before)


def add_repository(
    session: Session, kind: Kind, namespace: str, name: str, *, private: bool = False
) -> RepositoryRow:
    """A new repository without any commit; it takes its name from one that had it before.

    Raises:
        IntegrityError: Someone else makes it at this moment.
    """
    moment = now()
    forget_rename(session, kind, namespace, name)
    row = RepositoryRow(
        kind=kind,
        namespace=namespace,
        name=name,
        origin=f"{kind.prefix}{namespace}/{name}",
        private=private,
        card={},
        created_at=moment,
        updated_at=moment,
    )
    with session.begin_nested():
        session.add(row)
    return row


def lock_or_create(session: Session, kind: Kind, namespace: str, name: str) -> RepositoryRow:
    """The row of a repository, locked until the transaction ends; made if it is not there."""
    try:
        return repository_row(session, kind, namespace, name, lock=True)
    except RepositoryNotFound:
        try:
            return add_repository(session, kind, namespace, name)
        except IntegrityError:  # another writer made it since we looked
            return repository_row(session, kind, namespace, name, lock=True)


def branch_head(session: Session, repository: RepositoryRow, branch: str = MAIN) -> Revision | None:
    """The commit that a branch names, if there is one yet."""
    row = session.scalar(
        select(CommitRow)
        .join(RefRow, RefRow.commit_id == CommitRow.id)
        .where(RefRow.repository_id == repository.id, RefRow.name == branch, RefRow.kind == RefKind.BRANCH)
    )
    return as_revision(repository, row) if row else None


def next_seq(session: Session, repository: RepositoryRow) -> int:
    """The place of the next commit in a repository's history, over all branches."""
    last = session.scalar(select(func.max(CommitRow.seq)).where(CommitRow.repository_id == repository.id))
    return (last or 0) + 1


def published_by(session: Session, repository: RepositoryRow, job_id: str) -> Revision | None:
    """What a job has published to a repository last, if it has.

    Raises:
        Conflict: It has published another model. Data sets it may publish several.
    """
    of_job = select(CommitRow).join(RepositoryRow).where(CommitRow.job_id == job_id)
    if repository.kind == Kind.DATASET:
        of_job = of_job.where(CommitRow.repository_id == repository.id)
    else:
        of_job = of_job.where(RepositoryRow.kind == repository.kind)
    row = session.scalar(of_job.order_by(CommitRow.seq.desc()).limit(1))
    if row is not None and row.repository_id != repository.id:
        raise Conflict(f"job {job_id} has published to another repository", mend="a job publishes one model")
    return as_revision(repository, row) if row else None


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
            "content_oid": file.content_oid,
        }
        for file in files
    ]
    if values:
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
    return tuple(sorted((as_file(row) for row in rows), key=lambda entry: entry.path))


def known_blobs(
    session: Session, repository: RepositoryRow, digests: Collection[str]
) -> dict[str, tuple[int, str | None]]:
    """Of some blobs, those that were uploaded to a repository or are in a commit of it: size and content id.

    What other repositories hold does not count: who knows a digest need not have the bytes.
    """
    uploaded = select(UploadRow.blob, UploadRow.size).where(
        UploadRow.repository_id == repository.id, UploadRow.blob.in_(digests)
    )
    committed = (
        select(FileRow.blob, FileRow.size, FileRow.content_oid)
        .join(CommitRow, CommitRow.id == FileRow.commit_id)
        .where(CommitRow.repository_id == repository.id, FileRow.blob.in_(digests))
    )
    found: dict[str, tuple[int, str | None]] = {
        blob: (size, None) for blob, size in session.execute(uploaded)
    }
    for blob, size, content_oid in session.execute(committed):
        found[blob] = (size, content_oid or found.get(blob, (size, None))[1])
    return found


def listing() -> Select[RepositoryRow, str]:
    """Repositories with the commit that ``main`` names."""
    return (
        select(RepositoryRow, CommitRow.oid)
        .join(RefRow, and_(RefRow.repository_id == RepositoryRow.id, RefRow.name == MAIN))
        .join(CommitRow, CommitRow.id == RefRow.commit_id)
    )
