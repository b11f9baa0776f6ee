"""Blobs in S3-compatible storage, with copies of those in use on this machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from gts.core.blob_cache import BlobCache
from gts.core.blobs import (
    QUARANTINE,
    UNFINISHED_FOR_S,
    Readable,
    StoredBlob,
    check_digest,
    clean_parts,
    is_digest,
    no_blob,
    received,
    storage_errors,
)
from gts.core.errors import Damaged, NotFound, StorageError
from gts.core.fingerprint import file_sha256
from gts.core.s3 import CONNECTIONS, PART_BYTES, SCHEME, no_bucket, patiently, s3_errors

_ASKERS = 16
_TURNS = 64
_FETCHES = 2


class RemoteBlobs:
    """Blobs under ``bucket/prefix/ab/abcdef...``, as a local store has them in a folder; see :class:`gts.core.blobs.Blobs`.

    An upload is one request, or a multipart upload that the storage shows when it is complete. What comes back is read
    through before it is handed out; what is damaged on the way is fetched once more.

    Args:
        files: The file system, from :func:`gts.core.s3.open_s3`.
        base: ``bucket/prefix``.
        cache: Copies on this machine.
    """

    def __init__(self, files: Any, base: str, cache: BlobCache) -> None:
        self._files = files
        self._base = base
        self._bucket, _, self._prefix = base.partition("/")
        self._cache = cache
        self._turns = [threading.Lock() for _ in range(_TURNS)]

    @property
    def root(self) -> Path:
        """The folder of the copies."""
        return self._cache.store.root

    def check(self) -> None:
        """Ask the storage for a listing.

        Raises:
            StorageError: The bucket, the rights or the settings are wrong.
            Unavailable: It does not answer.
        """
        try:
            next(self._pages("list_objects_v2", MaxKeys=1))
        except FileNotFoundError as error:
            raise no_bucket(self._base) from error

    def __contains__(self, digest: str) -> bool:
        return not self.missing([digest])

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Of some blobs, those that are not stored; copies do not count."""
        asked = list(digests)

        def is_missing(digest: str) -> bool:
            try:
                self.stat(digest)
            except NotFound:
                return True
            return False

        with ThreadPoolExecutor(min(_ASKERS, len(asked)) or 1) as pool:
            return frozenset(
                digest for digest, gone in zip(asked, pool.map(is_missing, asked), strict=True) if gone
            )

    def stat(self, digest: str) -> StoredBlob:
        """Size and time of a blob.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
        """
        key = self._key(check_digest(digest))
        try:
            with s3_errors(self._base):
                found = self._files.call_s3("head_object", Bucket=self._bucket, Key=key)
        except FileNotFoundError:
            raise no_blob(digest) from None
        return StoredBlob(digest, found["ContentLength"], _seconds(found["LastModified"]))

    def path(self, digest: str) -> Path:
        """The copy of a blob, fetched if it is not there yet.

        Raises:
            NotFound: The digest is malformed or no such blob is stored.
            StorageError: The stored bytes are damaged, or the disk is full.
        """
        return self._cache.find(check_digest(digest)) or self._fetched(digest)

    def verified(self, digest: str) -> Path:
        """The copy of a blob, after reading it through; a damaged one is fetched again.

        Raises:
            NotFound: No such blob.
            StorageError: The stored bytes are damaged.
        """
        path = self.path(digest)
        with suppress(FileNotFoundError):
            if file_sha256(path) == digest:
                return path
        self._cache.drop(digest)
        return self._fetched(digest)

    def put(self, source: Readable, expected: str | None = None) -> tuple[str, int]:
        """Store a stream; returns its digest and size in bytes. See :meth:`gts.core.blobs.Blobs.put`."""
        with received(self.root, source, expected) as (part, digest, size):
            patiently(lambda: self._upload(part, digest, size))
            self._cache.add(part, digest)
            return digest, size

    def clean_temporary(self, older_than_s: float = UNFINISHED_FOR_S) -> int:
        """Remove the parts that dead processes left here, and end the uploads that they left there; returns how many."""
        ended = 0
        for page in self._pages("list_multipart_uploads"):
            for upload in page.get("Uploads", ()):
                if time.time() - _seconds(upload["Initiated"]) > older_than_s:
                    with s3_errors(self._base), suppress(FileNotFoundError):  # it was finished since
                        self._files.abort_mpu(self._bucket, upload["Key"], upload["UploadId"])
                        ended += 1
        return clean_parts(self.root, older_than_s) + ended

    def stored(self) -> Iterator[StoredBlob]:
        """Every blob of the store, sorted by digest."""
        for page in self._pages("list_objects_v2"):
            for found in page.get("Contents", ()):
                digest = found["Key"].rpartition("/")[2]
                if is_digest(digest) and found["Key"] == self._key(digest):
                    yield StoredBlob(digest, found["Size"], _seconds(found["LastModified"]))

    def examine(self, digest: str) -> tuple[str, int]:
        """Digest and size that the stored bytes have in fact; copies do not count.

        Raises:
            NotFound: No such blob.
        """

        def read() -> tuple[str, int]:
            with s3_errors(self._base), self._files.open(self._place(digest), "rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest(), source.size

        check_digest(digest)
        try:
            return patiently(read)
        except FileNotFoundError:
            raise no_blob(digest) from None

    def remove(self, blob: StoredBlob) -> bool:
        """Remove a blob, unless it was written again since it was listed; says whether. A copy stays until it is old."""
        if not self._is_still(blob):
            return False
        with s3_errors(self._base):
            self._files.rm_file(self._place(blob.digest))
        return True

    def quarantine(self, blob: StoredBlob) -> str | None:
        """Move a damaged blob to ``prefix/quarantine``, unless it was written again since; says where to."""
        if not self._is_still(blob):
            return None
        target = f"{self._base}/{QUARANTINE}/{blob.digest}.{time.time_ns()}"
        with s3_errors(self._base):
            self._files.cp_file(self._place(blob.digest), target)
            self._files.rm_file(self._place(blob.digest))
        return f"{SCHEME}://{target}"

    def _key(self, digest: str) -> str:
        return "/".join(filter(None, (self._prefix, digest[:2], digest)))

    def _place(self, digest: str) -> str:
        return f"{self._bucket}/{self._key(digest)}"

    def _pages(self, method: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The pages of one of the storage's listings."""
        following = {
            "list_objects_v2": {"ContinuationToken": "NextContinuationToken"},
            "list_multipart_uploads": {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"},
        }[method]
        prefix = f"{self._prefix}/" if self._prefix else ""
        markers: dict[str, Any] = {}
        while True:
            with s3_errors(self._base):
                page = self._files.call_s3(method, Bucket=self._bucket, Prefix=prefix, **options, **markers)
            yield page
            if not page.get("IsTruncated"):
                return
            markers = {name: page[source] for name, source in following.items() if page.get(source)}

    def _is_still(self, blob: StoredBlob) -> bool:
        try:
            return self.stat(blob.digest) == blob
        except NotFound:
            return False

    def _upload(self, part: Path, digest: str, size: int) -> None:
        with suppress(NotFound):
            if self.stat(digest).size == size:
                return
        with s3_errors(self._base):
            self._files.put_file(
                str(part), self._place(digest), chunksize=PART_BYTES, max_concurrency=CONNECTIONS
            )
        if (arrived := self.stat(digest).size) != size:
            raise StorageError(
                f"of blob {digest} {arrived:,} of {size:,} bytes arrived in {SCHEME}://{self._base}",
                mend="send it again",
            )

    def _fetched(self, digest: str) -> Path:
        with self._turns[int(digest[:2], 16) % _TURNS]:  # others who want it wait for the one who fetches it
            if found := self._cache.find(digest):
                return found
            with storage_errors("a copy of a blob"):
                handle, name = tempfile.mkstemp(dir=self.root, prefix=".part-")
                os.close(handle)
                part = Path(name)
                try:
                    for _ in range(_FETCHES):
                        patiently(lambda: self._download(digest, part))
                        if file_sha256(part) == digest:
                            return self._cache.add(part, digest)
                finally:
                    part.unlink(missing_ok=True)
        raise Damaged(
            f"blob {digest} is damaged in {SCHEME}://{self._base}",
            mend="`gts registry fsck` says what it belongs to; publish that again",
        )

    def _download(self, digest: str, part: Path) -> None:
        try:
            with s3_errors(self._base), storage_errors("a copy of a blob"):
                self._files.get_file(self._place(digest), str(part))
        except FileNotFoundError:
            raise no_blob(digest) from None


def _seconds(moment: datetime) -> float:
    """A time of the storage in whole seconds, of which alone all its answers are sure."""
    return float(int(moment.timestamp()))
