"""Copies on this machine of blobs that are kept elsewhere: up to a size, those used longest ago go first."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gts.core.blobs import BlobStore
from gts.core.errors import NotFound

_KEPT_FOR_S = 60.0


class BlobCache:
    """A folder of blobs with a bounded size, which several processes may share.

    A file that was handed out is not removed within the next minute, so that whoever asked for it finds time to open it;
    an open file stays readable after it is removed. So the folder may be larger than its bound for a minute.

    Args:
        root: The folder; made if it is not there.
        max_bytes: Bytes that all files may have together.
        kept_for_s: How long a file stays at least after it was handed out.
    """

    def __init__(self, root: Path, max_bytes: int, kept_for_s: float = _KEPT_FOR_S) -> None:
        self.store = BlobStore(root)
        self._max_bytes = max_bytes
        self._kept_for_s = kept_for_s

    def find(self, digest: str) -> Path | None:
        """The copy of a blob; ``None`` if there is none."""
        if digest not in self.store:
            return None
        with self._alone():
            try:
                return _used(self.store.path(digest))
            except (NotFound, FileNotFoundError):
                return None

    def add(self, part: Path, digest: str) -> Path:
        """Take a finished file, which has this digest, as the copy; older ones make room for it."""
        with self._alone():
            path = _used(self.store.adopt(part, digest))
        self._make_room()
        return path

    def drop(self, digest: str) -> None:
        """Forget the copy of a blob."""
        if digest in self.store:
            self.store.path(digest).unlink(missing_ok=True)

    def _make_room(self) -> None:
        files = {blob.digest: blob.size for blob in self.store.stored()}
        excess = sum(files.values()) - self._max_bytes
        if excess <= 0:
            return
        for used_at, digest in sorted((_used_at(self.store.root, digest), digest) for digest in files):
            if excess <= 0 or time.time() - used_at < self._kept_for_s:
                return
            with self._alone():
                if _used_at(self.store.root, digest) == used_at:  # else it was handed out meanwhile
                    self.drop(digest)
                    excess -= files[digest]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread or process hands out or removes a file meanwhile."""
        with (self.store.root / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _used(path: Path) -> Path:
    """Note that a file was handed out now; its other time says when it was written, and stays."""
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    return path


def _used_at(root: Path, digest: str) -> float:
    try:
        return (root / digest[:2] / digest).stat().st_atime
    except FileNotFoundError:  # another process was first
        return 0.0
