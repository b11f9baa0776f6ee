"""Removing blobs that nothing names, while others commit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from gts.core.blobs import StoredBlob
from gts.registry import rows
from gts.registry.blob_lock import own_blobs
from gts.registry.blob_rows import named_among
from gts.registry.part import Part

GRACE = timedelta(days=1)
_PARTS_FOR_S = 3600.0
_BATCH = 50
_REMOVERS = 8
_PAUSE_S = 0.02


@dataclass(frozen=True)
class Collected:
    """What a collection removed, or would remove.

    Attributes:
        blobs: Number of blobs.
        bytes: Bytes that they had together.
        parts: Unfinished files and uploads that dead processes had left.
    """

    blobs: int
    bytes: int
    parts: int


class Collecting(Part):
    """The collection of garbage."""

    def collect_garbage(self, older_than: timedelta = GRACE, *, dry_run: bool = False) -> Collected:
        """Remove blobs that no commit and no pending upload names, and what was left unfinished.

        Safe at any time and with any grace: a commit looks whether its blobs are stored in the transaction that names
        them, and none is removed before it ends. The grace spares uploads whose commit is under way their repetition.

        Args:
            older_than: How long ago a blob must have been written.
            dry_run: Only look for blobs; parts are not counted.

        Raises:
            StorageError: The store cannot be used.
            Unavailable: The store or the database does not answer.
        """
        until = time.time() - older_than.total_seconds()
        old = [blob for blob in self._blobs.store.stored() if blob.written_at <= until]
        with self._database.reading() as session:
            named = named_among(session, {blob.digest for blob in old})
        unused = [blob for blob in old if blob.digest not in named]
        if dry_run:
            return Collected(len(unused), sum(blob.size for blob in unused), 0)
        removed: list[StoredBlob] = []
        for start in range(0, len(unused), _BATCH):
            removed += self._remove_unused(unused[start : start + _BATCH])
            time.sleep(_PAUSE_S)  # others who write to the database have their turn
        parts = self._blobs.store.clean_temporary(max(older_than.total_seconds(), _PARTS_FOR_S))
        return Collected(len(removed), sum(blob.size for blob in removed), parts)

    def _remove_unused(self, blobs: Sequence[StoredBlob]) -> list[StoredBlob]:
        with rows.database_errors("the collection of garbage"), self._database.writing() as session:
            own_blobs(session)
            named = named_among(session, {blob.digest for blob in blobs})
            unused = [blob for blob in blobs if blob.digest not in named]
            with ThreadPoolExecutor(_REMOVERS) as pool:
                went = list(pool.map(self._blobs.store.remove, unused))
        return [blob for blob, gone in zip(unused, went, strict=True) if gone]
