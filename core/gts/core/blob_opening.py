"""The store of blobs that the settings name."""

from __future__ import annotations

from pathlib import Path

from gts.core.blobs import Blobs, BlobStore


def open_blobs(root: Path, url: str, cache_root: Path, cache_bytes: int) -> Blobs:
    """A local store, or one in S3-compatible storage that has been asked whether it can be used.

    Args:
        root: Folder of the local store.
        url: ``s3://bucket/prefix``; empty for the local store.
        cache_root: Folder for copies of what lies in S3.
        cache_bytes: Bytes that the copies may have together.

    Raises:
        InvalidInput: The URL is none of these.
        MissingDependency: ``s3fs`` is not installed.
        StorageError: The bucket, the rights or the settings are wrong.
        Unavailable: The storage does not answer.
    """
    if not url:
        return BlobStore(root)
    from gts.core.blob_cache import BlobCache
    from gts.core.remote_blobs import RemoteBlobs
    from gts.core.s3 import open_s3, parse_url

    base = parse_url(url)
    blobs = RemoteBlobs(open_s3(), base, BlobCache(cache_root, cache_bytes))
    blobs.check()
    return blobs
