"""Which blobs the database names, and by what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from gts.registry.tables import CommitRow, FileRow, RepositoryRow, UploadRow
from gts.registry.values import Kind

_MOST_IN_A_QUERY = 500


@dataclass(frozen=True)
class Place:
    """Where a blob belongs.

    Attributes:
        repository: Full name of the repository.
        revision: Commit id; empty for an upload that no commit names yet.
        path: Path of the file; empty for such an upload.
    """

    repository: str
    revision: str
    path: str


def named(session: Session) -> set[str]:
    """Every blob that a commit or a pending upload names."""
    return set(session.scalars(union(select(FileRow.blob), select(UploadRow.blob))))


def named_among(session: Session, digests: Collection[str]) -> set[str]:
    """Of some blobs, those that a commit or a pending upload names."""
    found: set[str] = set()
    for some in _portions(digests):
        files = select(FileRow.blob).where(FileRow.blob.in_(some))
        uploads = select(UploadRow.blob).where(UploadRow.blob.in_(some))
        found.update(session.scalars(union(files, uploads)))
    return found


def places_of(session: Session, digests: Collection[str]) -> dict[str, list[Place]]:
    """Where some blobs belong, by repository, age and path."""
    found: dict[str, list[Place]] = {digest: [] for digest in digests}
    names = (RepositoryRow.kind, RepositoryRow.namespace, RepositoryRow.name)
    files = (
        select(FileRow.blob, *names, CommitRow.oid, FileRow.path)
        .join(CommitRow, CommitRow.id == FileRow.commit_id)
        .join(RepositoryRow, RepositoryRow.id == CommitRow.repository_id)
        .order_by(*names, CommitRow.seq, FileRow.path)
    )
    uploads = select(UploadRow.blob, *names).join(RepositoryRow, RepositoryRow.id == UploadRow.repository_id)
    for some in _portions(digests):
        for blob, kind, namespace, name, oid, path in session.execute(files.where(FileRow.blob.in_(some))):
            found[blob].append(Place(f"{Kind(kind).prefix}{namespace}/{name}", oid, path))
        for blob, kind, namespace, name in session.execute(uploads.where(UploadRow.blob.in_(some))):
            found[blob].append(Place(f"{Kind(kind).prefix}{namespace}/{name}", "", ""))
    return found


def _portions(digests: Collection[str]) -> list[list[str]]:
    ordered = sorted(digests)
    return [ordered[start : start + _MOST_IN_A_QUERY] for start in range(0, len(ordered), _MOST_IN_A_QUERY)]
