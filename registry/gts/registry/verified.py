"""Blobs that are checked before their bytes are handed out, and folders built from them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gts.core.blobs import BlobStore, storage_errors, sync_folder
from gts.core.errors import NotFound, StorageError
from gts.registry.values import FileEntry

_Stamp = tuple[int, int, int]


class VerifiedBlobs:
    """A blob store whose blobs are read through once per process, and again whenever they change.

    Args:
        store: Where the blobs are.
    """

    def __init__(self, store: BlobStore) -> None:
        self.store = store
        self._verified: dict[str, _Stamp] = {}

    def path(self, digest: str, size: int, *, verify: bool = True) -> Path:
        """Where a blob's bytes lie.

        Args:
            digest: SHA-256 of the bytes.
            size: Their number.
            verify: Whether the digest must have been checked; else only the size is.

        Raises:
            StorageError: The blob is gone or damaged.
        """
        try:
            path = self.store.path(digest)
            stamp = _stamp(path)
        except (NotFound, FileNotFoundError):
            raise StorageError(
                f"blob {digest} is missing from the store",
                mend="restore it from a backup or publish the model again",
            ) from None
        if stamp[1] != size:
            raise StorageError(
                f"blob {digest} is damaged on disk ({stamp[1]:,} bytes instead of {size:,})",
                mend="restore it from a backup or publish the model again",
            )
        if verify and self._verified.get(digest) != stamp:
            self.store.verified(digest)
            self._verified[digest] = stamp  # taken before reading: a change meanwhile is seen next time
        return path

    def damage(self, digest: str, size: int) -> str:
        """What is wrong with a blob, reading all of it now; empty if nothing is."""
        self._verified.pop(digest, None)
        try:
            self.path(digest, size)
        except StorageError as error:
            return error.message
        return ""


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
