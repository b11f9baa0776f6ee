"""The store of the registry's blobs, as the settings name it."""

from __future__ import annotations

from gts.core.blob_opening import open_blobs
from gts.core.blobs import Blobs
from gts.platform.settings import Settings


def open_store(settings: Settings) -> Blobs:
    """The registry's blobs: in the data folder, or in S3 with copies in the data folder.

    Raises:
        MissingDependency: S3 is named and ``s3fs`` is not installed.
        StorageError: The bucket, the rights or the settings are wrong.
        Unavailable: The storage does not answer.
    """
    return open_blobs(
        settings.blob_root, settings.blob_url, settings.blob_cache_root, settings.blob_cache_bytes
    )
