"""Database rows as the values that the registry hands out."""

from __future__ import annotations

from gts.registry.tables import CommitRow, FileRow, RefRow, RepositoryRow
from gts.registry.values import FileEntry, Kind, Ref, RefKind, Repository, Revision


def as_repository(found: RepositoryRow, head: str) -> Repository:
    """A repository's row, and the commit that ``main`` names, as a value."""
    return Repository(
        Kind(found.kind),
        found.namespace,
        found.name,
        found.private,
        found.card,
        head,
        found.created_at,
        found.updated_at,
    )


def as_revision(repository: RepositoryRow, row: CommitRow) -> Revision:
    """A commit's row as a value."""
    return Revision(
        kind=Kind(repository.kind),
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


def as_file(row: FileRow) -> FileEntry:
    """A file's row as a value."""
    return FileEntry(row.path, row.size, row.blob, row.git_oid, row.is_lfs, row.content_oid)


def as_ref(found: RefRow, oid: str) -> Ref:
    """A reference's row, and the id of the commit that it names, as a value."""
    return Ref(RefKind(found.kind), found.name, oid)
