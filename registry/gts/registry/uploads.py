"""Large files that are uploaded before the commit that names them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete

from gts.core.blobs import Readable
from gts.core.database import now
from gts.core.errors import InvalidInput
from gts.registry import rows
from gts.registry.blob_lock import require_stored
from gts.registry.contents import check_start
from gts.registry.part import Part
from gts.registry.tables import UploadRow
from gts.registry.values import Kind

KEPT_FOR = timedelta(days=7)


class Uploads(Part):
    """Blobs that wait for a commit."""

    def uploaded(
        self, namespace: str, name: str, digests: Collection[str], *, kind: Kind = Kind.MODEL
    ) -> frozenset[str]:
        """Of some blobs, those that a commit to the repository may name without sending them again.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            known = rows.known_blobs(session, repository, digests)
        return frozenset(known) - self._blobs.store.missing(known)

    def receive(
        self,
        namespace: str,
        name: str,
        digest: str,
        size: int,
        content: Readable,
        *,
        kind: Kind = Kind.MODEL,
    ) -> None:
        """Store a blob for a later commit to a repository.

        Args:
            namespace: Owner.
            name: Name of the repository.
            digest: SHA-256 that the bytes must have.
            size: Number of bytes there must be.
            content: Gives the bytes.
            kind: What the repository holds.

        Raises:
            InvalidInput: The bytes are others, or those of a pickle; nothing of them remains.
            RepositoryNotFound: There is no such repository.
            Conflict: It went from the store before it was noted.
            StorageError: The disk is full.
        """
        self._blobs.store.put(_Expected(content, digest, size), digest)
        with rows.database_errors("the upload"), self._database.writing() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            require_stored(session, self._blobs.store, {digest: digest})
            session.merge(UploadRow(repository_id=repository.id, blob=digest, size=size, created_at=now()))

    def clean_uploads(self, older_than: timedelta = KEPT_FOR) -> int:
        """Forget uploads that no commit came for; returns how many."""
        with self._database.writing() as session:
            old = delete(UploadRow).where(UploadRow.created_at < now() - older_than)
            return len(session.scalars(old.returning(UploadRow.blob)).all())


class _Expected:
    """Hands bytes on as long as they can be those that were announced."""

    def __init__(self, content: Readable, digest: str, size: int) -> None:
        self._content, self._digest, self._left = content, digest, size
        self._start: bytes | None = b""

    def read(self, size: int, /) -> bytes:
        block = self._content.read(size)
        self._left -= len(block)
        if self._left < 0 or (not block and self._left > 0):
            raise InvalidInput(
                f"the object {self._digest} has {'more' if self._left < 0 else 'fewer'} bytes than were announced",
                mend="upload it again",
            )
        if self._start is not None:
            self._start += block
            if len(self._start) >= 8 or not block:
                check_start(self._digest, self._start[:8])
                self._start = None
        return block
