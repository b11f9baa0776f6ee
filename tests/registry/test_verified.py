"""Blobs are read through before their bytes are handed out, by one of those who want them."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gts.core.blobs import BlobStore
from gts.core.errors import StorageError
from gts.registry.verified import VerifiedBlobs

CONTENT = b"weights" * 1000


class SlowStore(BlobStore):
    """A store that counts how often blobs are read through, which takes a while."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []

    def verified(self, digest: str) -> Path:
        self.reads.append(digest)
        time.sleep(0.05)
        return super().verified(digest)


@pytest.fixture
def store(tmp_path: Path) -> SlowStore:
    return SlowStore(tmp_path)


def ask_at_once(blobs: VerifiedBlobs, digest: str, times: int) -> list[Path | None]:
    """What so many are given who ask together; None for an error."""
    together = threading.Barrier(times)

    def ask(_number: int) -> Path | None:
        together.wait()
        try:
            return blobs.path(digest, len(CONTENT))
        except StorageError:
            return None

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ask, range(times)))


def test_of_many_who_want_a_blob_one_reads_it(store: SlowStore) -> None:
    digest, _ = store.put(io.BytesIO(CONTENT))
    assert ask_at_once(VerifiedBlobs(store), digest, 8) == [store.path(digest)] * 8
    assert store.reads == [digest]


def test_a_damaged_blob_is_handed_to_none_of_many(store: SlowStore) -> None:
    digest, _ = store.put(io.BytesIO(CONTENT))
    store.path(digest).write_bytes(CONTENT[:-1] + b"x")
    assert ask_at_once(VerifiedBlobs(store), digest, 8) == [None] * 8
