"""Content-addressed blobs on a local folder: written once, named by SHA-256, checked on the way in."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from gts.core.errors import InvalidInput, NotFound, StorageError

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = ".part-"
_UNFINISHED_FOR_S = 24 * 3600.0


def clean_parts(folder: Path, older_than_s: float) -> int:
    """Remove the parts of files that dead processes left in a folder; returns how many."""
    removed = 0
    for part in folder.glob(f"{_PART}*"):
        with suppress(FileNotFoundError):  # another process may be removing it
            if time.time() - part.stat().st_mtime > older_than_s:
                part.unlink()
                removed += 1
    return removed


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn a full disk or quota into a :class:`StorageError` that says what was being written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError(
                f"no space left while writing {what}",
                mend="free some disk space; the job goes on from its last finished stage when it is run again",
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename into it survives power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(path.name):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PART)
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        sync_folder(path.parent)


class Readable(Protocol):
    """Anything bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


class BlobStore:
    """Blobs under ``root/ab/abcdef...``.

    A blob appears only when it is complete: bytes go to a temporary file, are flushed, and the file is
    renamed to its digest. Writing the same bytes twice stores them once.

    Args:
        root: Folder of the store; made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where a blob lies.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"{digest!r} is not a SHA-256 digest", mend="use 64 lower-case hex digits")
        path = self.root / digest[:2] / digest
        if not path.is_file():
            raise NotFound(
                f"no blob {digest}", mend="the store may have been cleaned; publish the files again"
            )
        return path

    def __contains__(self, digest: str) -> bool:
        return bool(_DIGEST.fullmatch(digest)) and (self.root / digest[:2] / digest).is_file()

    def put(self, source: Readable, expected: str | None = None) -> tuple[str, int]:
        """Store a stream; returns its digest and size in bytes.

        Args:
            source: Gives the bytes.
            expected: Digest that they must have; None for any.

        Raises:
            InvalidInput: The bytes have another digest; nothing of the blob remains.
            StorageError: The disk is full; nothing of the blob remains.
        """
        with storage_errors("a blob"):
            handle, name = tempfile.mkstemp(dir=self.root, prefix=_PART)
            try:
                hasher, size = hashlib.sha256(), 0
                with os.fdopen(handle, "wb") as target:
                    while block := source.read(_BLOCK_BYTES):
                        hasher.update(block)
                        target.write(block)
                        size += len(block)
                    target.flush()
                    os.fsync(target.fileno())
                digest = hasher.hexdigest()
                if expected not in (None, digest):
                    raise InvalidInput(
                        f"the bytes have the SHA-256 {digest}, not {expected}", mend="send them again"
                    )
                folder = self.root / digest[:2]
                folder.mkdir(exist_ok=True)
                os.chmod(name, 0o644)
                os.replace(name, folder / digest)
                sync_folder(folder)
                return digest, size
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                raise

    def put_file(self, path: Path) -> tuple[str, int]:
        """Store a file's bytes; returns digest and size."""
        with path.open("rb") as source:
            return self.put(source)

    def clean_temporary(self, older_than_s: float = _UNFINISHED_FOR_S) -> int:
        """Remove the parts of blobs that dead processes left; returns how many.

        A part that is being written is young: every block makes it so.
        """
        return clean_parts(self.root, older_than_s)

    def verified(self, digest: str) -> Path:
        """The blob's path, after reading it through and comparing its digest.

        Raises:
            NotFound: No such blob.
            StorageError: The stored bytes are damaged.
        """
        path = self.path(digest)
        with path.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        if found != digest:
            raise StorageError(
                f"blob {digest} is damaged on disk (its bytes hash to {found})",
                mend="restore it from a backup or publish the model again",
            )
        return path
