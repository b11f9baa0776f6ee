"""A check of the whole registry: history against its ids, references against commits, every blob against its digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gts.core.blobs import StoredBlob
from gts.core.errors import NotFound
from gts.registry import rows
from gts.registry.blob_lock import own_blobs
from gts.registry.blob_rows import Place, named, named_among, places_of
from gts.registry.checking import history_problems
from gts.registry.part import Part
from gts.registry.tables import CommitRow, RefRow, RepositoryRow
from gts.registry.values import Kind

_READERS = 4
NOWHERE = Place("", "", "")


class Fault(StrEnum):
    """What can be wrong."""

    DAMAGED = "damaged"
    MISSING = "missing"
    HISTORY = "history"
    DANGLING = "dangling"


@dataclass(frozen=True)
class Finding:
    """Something wrong, and where.

    Attributes:
        fault: Of what kind.
        place: Where; all empty for a blob that nothing names.
        message: What was found, for people.
        blob: Digest of the blob, if it is about one.
    """

    fault: Fault
    place: Place
    message: str
    blob: str = ""


@dataclass(frozen=True)
class Checkup:
    """What a check of the whole registry found.

    Attributes:
        findings: All that is wrong.
        orphans: Whole blobs that nothing names; no fault.
        quarantined: Digest of each blob that was moved away to where it is now.
        repositories: How many were checked.
        blobs: How many were read.
        bytes: How much was read.
    """

    findings: tuple[Finding, ...]
    orphans: tuple[StoredBlob, ...]
    quarantined: Mapping[str, str]
    repositories: int
    blobs: int
    bytes: int


class Scrubbing(Part):
    """The check of everything."""

    def fsck(self, *, quarantine: bool = True) -> Checkup:
        """Check all repositories and read every stored blob through, while others use the registry.

        Args:
            quarantine: Whether to move damaged blobs to where they are kept, but never served.

        Raises:
            StorageError: The store cannot be used.
            Unavailable: The store or the database does not answer.
        """
        with self._database.reading() as session:
            _hold_still(session)
            repositories = session.scalars(select(RepositoryRow)).all()
            findings = [finding for row in repositories for finding in _history(session, row)]
            findings += _dangling(session)
            wanted = named(session)
        stored = {blob.digest: blob for blob in self._blobs.store.stored()}  # what is named was stored before
        found = self._examined(wanted | stored.keys())
        damaged = {digest: seen for digest, seen in found.items() if seen and seen[0] != digest}
        moved = self._moved(stored[digest] for digest in damaged if digest in stored) if quarantine else {}
        if quarantine:  # the others were written again since they were read
            damaged = {digest: seen for digest, seen in damaged.items() if digest in moved}
        missing = self._blobs.store.missing(digest for digest, seen in found.items() if seen is None)
        with self._database.reading() as session:  # a repository may have gone with its blobs
            places = places_of(session, damaged.keys() | missing)
            wanted = named_among(session, stored)
        for digest, (hashed, size) in sorted(damaged.items()):
            message = f"blob {digest} is damaged: its {size:,} bytes hash to {hashed}"
            for place in places[digest] or [NOWHERE]:
                findings.append(Finding(Fault.DAMAGED, place, message, digest))
        for digest in sorted(missing):
            for place in places[digest]:
                findings.append(Finding(Fault.MISSING, place, f"blob {digest} is missing", digest))
        return Checkup(
            tuple(findings),
            tuple(blob for blob in stored.values() if blob.digest not in wanted | damaged.keys()),
            moved,
            len(repositories),
            len(stored),
            sum(blob.size for blob in stored.values()),
        )

    def _examined(self, digests: Iterable[str]) -> dict[str, tuple[str, int] | None]:
        """What each blob's bytes are in fact; ``None`` where there are none."""
        ordered = sorted(digests)

        def examine(digest: str) -> tuple[str, int] | None:
            try:
                return self._blobs.store.examine(digest)
            except NotFound:
                return None

        with ThreadPoolExecutor(_READERS) as pool:
            return dict(zip(ordered, pool.map(examine, ordered), strict=True))

    def _moved(self, blobs: Iterable[StoredBlob]) -> dict[str, str]:
        moved = {}
        for blob in blobs:
            with rows.database_errors("the check"), self._database.writing() as session:
                own_blobs(session)
                if where := self._blobs.store.quarantine(blob):
                    moved[blob.digest] = where
        return moved


def _hold_still(session: Session) -> None:
    """Let a whole session see the database as it is now; on SQLite every session does."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _full_name(row: RepositoryRow) -> str:
    return f"{Kind(row.kind).prefix}{row.namespace}/{row.name}"


def _history(session: Session, row: RepositoryRow) -> list[Finding]:
    problems, _ = history_problems(session, row)
    return [
        Finding(Fault.HISTORY, Place(_full_name(row), problem.revision, problem.path), problem.message)
        for problem in problems
    ]


def _dangling(session: Session) -> list[Finding]:
    """References without a commit of their repository, and repositories without a head."""
    to_commits = (
        select(RefRow, RepositoryRow)
        .join(RepositoryRow, RepositoryRow.id == RefRow.repository_id)
        .outerjoin(CommitRow, CommitRow.id == RefRow.commit_id)
        .where(CommitRow.id.is_(None) | (CommitRow.repository_id != RefRow.repository_id))
    )
    findings = [
        Finding(
            Fault.DANGLING,
            Place(_full_name(row), ref.name, ""),
            f"the {ref.kind} {ref.name!r} names no commit of its repository",
        )
        for ref, row in session.execute(to_commits)
    ]
    has_head = select(RefRow).where(RefRow.repository_id == RepositoryRow.id, RefRow.name == rows.MAIN)
    headless = select(RepositoryRow).where(~has_head.exists())
    return findings + [
        Finding(Fault.DANGLING, Place(_full_name(row), rows.MAIN, ""), "it has no branch 'main'")
        for row in session.scalars(headless)
    ]
