"""Blobs that are checked before their bytes are handed out, and folders built from them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from gts.core.blobs import Blobs, StoredBlob, storage_errors, sync_folder
from gts.core.errors import Damaged, NotFound
from gts.registry.values import FileEntry

_Stamp = tuple[int, int, int]
_MEND = "restore it from a backup or publish the model again"


class VerifiedBlobs:
    """A blob store whose blobs are read through once per process, and again whenever they change.

    Args:
        store: Where the blobs are.
    """

    def __init__(self, store: Blobs) -> None:
        self.store = store
        self._verified: dict[str, _Stamp] = {}
        self._reading: dict[str, Lock] = {}

    def path(self, digest: str, size: int) -> Path:
        """Where a blob's bytes lie.

        Args:
            digest: SHA-256 of the bytes.
            size: Their number.

        Raises:
            Damaged: The blob is gone or damaged.
        """
        try:
            path = self.store.path(digest)
            if not self._is_verified(digest, size, _stamp(path)):
                with self._reading.setdefault(digest, Lock()):  # of many who want it at once, one reads it
                    stamp = _stamp(path)
                    if not self._is_verified(digest, size, stamp):
                        path = self.store.verified(digest)
                        self._verified[digest] = (
                            stamp  # taken before reading: a change meanwhile is seen next time
                        )
            found = path.stat().st_size
        except (NotFound, FileNotFoundError):
            raise Damaged(_missing(digest), mend=_MEND) from None
        if found != size:
            raise Damaged(_damaged(digest, found, size), mend=_MEND)
        return path

    def _is_verified(self, digest: str, size: int, stamp: _Stamp) -> bool:
        return stamp[1] == size and self._verified.get(digest) == stamp

    def stat(self, digest: str, size: int) -> StoredBlob:
        """What the store says of a blob, which is neither fetched nor read.

        Raises:
            Damaged: It is gone, or has another size.
        """
        try:
            found = self.store.stat(digest)
        except NotFound:
            raise Damaged(_missing(digest), mend=_MEND) from None
        if found.size != size:
            raise Damaged(_damaged(digest, found.size, size), mend=_MEND)
        return found

    def damage(self, digest: str, size: int) -> str:
        """What is wrong with a blob as it is stored, reading all of it now; empty if nothing is."""
        try:
            found, length = self.store.examine(digest)
        except NotFound:
            return _missing(digest)
        if length != size:
            return _damaged(digest, length, size)
        return "" if found == digest else f"blob {digest} is damaged (its bytes hash to {found})"


def _missing(digest: str) -> str:
    return f"blob {digest} is missing from the store"


def _damaged(digest: str, found: int, size: int) -> str:
    return f"blob {digest} is damaged ({found:,} bytes instead of {size:,})"


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def materialize(files: Sequence[FileEntry], blobs: VerifiedBlobs, folder: Path) -> Path:
    """Build a folder of files from blobs: complete or not at all.

    Args:
        files: What it is to hold.
        blobs: Where the bytes come from.
        folder: The folder to make; if it is there and complete, it is left as it is.

    Returns:
        ``folder``.

    Raises:
        StorageError: A blob is damaged, or the disk is full.
    """
    if _is_complete(folder, files):
        return folder
    with storage_errors(f"the folder {folder.name}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
        try:
            draft.chmod(0o755)
            for file in files:
                target = draft / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(blobs.path(file.sha256, file.size), target)
            _put_in_place(draft, folder, files)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_folder(folder.parent)
    return folder


def _put_in_place(draft: Path, folder: Path, files: Sequence[FileEntry]) -> None:
    if folder.is_dir() and not _is_complete(folder, files):
        shutil.rmtree(folder)  # someone removed files from it
    try:
        os.rename(draft, folder)
    except OSError:
        if not _is_complete(folder, files):  # else: another process was first
            raise


def _is_complete(folder: Path, files: Sequence[FileEntry]) -> bool:
    try:
        return all((folder / file.path).stat().st_size == file.size for file in files)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links; a full disk fails again below
        shutil.copyfile(source, target)
        target.chmod(0o644)
