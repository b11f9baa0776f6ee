"""Content-addressed blobs: written once, named by SHA-256, checked on the way in; and their store on a local folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gts.core.errors import Damaged, InvalidInput, NotFound, StorageError

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = ".part-"
QUARANTINE = "quarantine"
UNFINISHED_FOR_S = 24 * 3600.0


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


@dataclass(frozen=True)
class StoredBlob:
    """A blob as its store lists it, without having read it.

    Attributes:
        digest: SHA-256 that its bytes should have.
        size: Their number.
        written_at: When it was last written, in seconds since 1970.
    """

    digest: str
    size: int
    written_at: float


class Blobs(Protocol):
    """A store of blobs. Several processes may use one at the same time.

    A blob is there whole or not at all, and writing the same bytes twice stores them once.
    """

    @property
    def root(self) -> Path:
        """A folder of this machine, where files may wait on their way into the store."""
        ...

    def __contains__(self, digest: str) -> bool: ...

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Of some blobs, those that are not stored."""
        ...

    def stat(self, digest: str) -> StoredBlob:
        """What the store says of a blob.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
        """
        ...

    def path(self, digest: str) -> Path:
        """Where a blob's bytes lie on this machine, for reading only and soon.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
            StorageError: The bytes are damaged; not every store looks.
        """
        ...

    def verified(self, digest: str) -> Path:
        """The blob's path, after reading it through and comparing its digest.

        Raises:
            NotFound: No such blob.
            StorageError: The stored bytes are damaged.
        """
        ...

    def put(self, source: Readable, expected: str | None = None) -> tuple[str, int]:
        """Store a stream; returns its digest and size in bytes.

        Args:
            source: Gives the bytes.
            expected: Digest that they must have; None for any.

        Raises:
            InvalidInput: The bytes have another digest; nothing of the blob remains.
            StorageError: The disk is full; nothing of the blob remains.
        """
        ...

    def clean_temporary(self, older_than_s: float = UNFINISHED_FOR_S) -> int:
        """Remove the parts of blobs that dead processes left; returns how many."""
        ...

    def stored(self) -> Iterator[StoredBlob]:
        """Every blob of the store."""
        ...

    def examine(self, digest: str) -> tuple[str, int]:
        """Digest and size that the stored bytes have in fact; reads all of them.

        Raises:
            NotFound: No such blob.
        """
        ...

    def remove(self, blob: StoredBlob) -> bool:
        """Remove a blob, unless it was written again since it was listed; says whether."""
        ...

    def quarantine(self, blob: StoredBlob) -> str | None:
        """Move a damaged blob to where it is kept but never read, unless it was written again since; says where to."""
        ...


@contextmanager
def received(folder: Path, source: Readable, expected: str | None = None) -> Iterator[tuple[Path, str, int]]:
    """A stream as a finished part in a folder, with its digest and size; what is still there at the end goes.

    Raises:
        InvalidInput: The bytes have another digest than ``expected``.
        StorageError: The disk is full.
    """
    with storage_errors("a blob"):
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PART)
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
            yield Path(name), digest, size
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)


def check_digest(digest: str) -> str:
    """A digest, if it is one.

    Raises:
        NotFound: It is malformed, so no blob can have it.
    """
    if not is_digest(digest):
        raise NotFound(f"{digest!r} is not a SHA-256 digest", mend="use 64 lower-case hex digits")
    return digest


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 digest as blobs are named by."""
    return _DIGEST.fullmatch(text) is not None


def no_blob(digest: str) -> NotFound:
    """The error for a blob that is not stored."""
    return NotFound(f"no blob {digest}", mend="the store may have been cleaned; publish the files again")


class BlobStore:
    """Blobs under ``root/ab/abcdef...`` of a local folder; see :class:`Blobs`.

    Bytes go to a temporary file, are flushed, and the file is renamed to its digest.

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
        path = self._place(check_digest(digest))
        if not path.is_file():
            raise no_blob(digest)
        return path

    def __contains__(self, digest: str) -> bool:
        return is_digest(digest) and self._place(digest).is_file()

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Of some blobs, those that are not stored."""
        return frozenset(digest for digest in digests if digest not in self)

    def stat(self, digest: str) -> StoredBlob:
        """Size and time of a blob.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
        """
        try:
            return _listed(digest, self.path(digest).stat())
        except FileNotFoundError:  # removed since
            raise no_blob(digest) from None

    def put(self, source: Readable, expected: str | None = None) -> tuple[str, int]:
        """Store a stream; returns its digest and size in bytes. See :meth:`Blobs.put`."""
        with received(self.root, source, expected) as (part, digest, size):
            self.adopt(part, digest)
            return digest, size

    def put_file(self, path: Path) -> tuple[str, int]:
        """Store a file's bytes; returns digest and size."""
        with path.open("rb") as source:
            return self.put(source)

    def adopt(self, part: Path, digest: str) -> Path:
        """Take a finished file of the store's disk, which has this digest, as the blob."""
        place = self._place(digest)
        place.parent.mkdir(exist_ok=True)
        part.chmod(0o644)
        os.replace(part, place)
        sync_folder(place.parent)
        return place

    def clean_temporary(self, older_than_s: float = UNFINISHED_FOR_S) -> int:
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
        found, _ = self.examine(digest)
        if found != digest:
            raise Damaged(
                f"blob {digest} is damaged on disk (its bytes hash to {found})",
                mend="restore it from a backup or publish the model again",
            )
        return self.path(digest)

    def stored(self) -> Iterator[StoredBlob]:
        """Every blob of the store, sorted by digest."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if is_digest(entry.name):
                        with suppress(FileNotFoundError):  # removed since
                            yield _listed(entry.name, entry.stat())

    def examine(self, digest: str) -> tuple[str, int]:
        """Digest and size that the stored bytes have in fact.

        Raises:
            NotFound: No such blob.
        """
        try:
            with self.path(digest).open("rb") as source:
                found = hashlib.file_digest(source, "sha256").hexdigest()
                return found, os.fstat(source.fileno()).st_size
        except FileNotFoundError:
            raise no_blob(digest) from None

    def remove(self, blob: StoredBlob) -> bool:
        """Remove a blob, unless it was written again since it was listed; says whether."""
        if not self._is_still(blob):
            return False
        self._place(blob.digest).unlink()
        return True

    def quarantine(self, blob: StoredBlob) -> str | None:
        """Move a damaged blob to ``root/quarantine``, unless it was written again since; says where to."""
        if not self._is_still(blob):
            return None
        target = self.root / QUARANTINE / f"{blob.digest}.{time.time_ns()}"
        target.parent.mkdir(exist_ok=True)
        os.replace(self._place(blob.digest), target)
        return str(target)

    def _place(self, digest: str) -> Path:
        return self.root / digest[:2] / digest

    def _is_still(self, blob: StoredBlob) -> bool:
        try:
            return self.stat(blob.digest) == blob
        except NotFound:
            return False


def _listed(digest: str, status: os.stat_result) -> StoredBlob:
    return StoredBlob(digest, status.st_size, status.st_mtime)
