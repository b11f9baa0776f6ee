"""S3-compatible storage through ``fsspec``: opened from a URL, its failures told with what to mend.

Endpoint, region, credentials and retries are those of the usual AWS environment variables and files, or of fsspec's
own configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from gts.core.errors import GTSError, InvalidInput, MissingDependency, StorageError, Unavailable
from gts.core.extras import install_line

SCHEME = "s3"
PART_BYTES = 16 << 20
CONNECTIONS = 4
_TRIES = 3
_WAIT_S = 0.5
_PASSING = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown", "500", "503"}
)
_T = TypeVar("_T")


def parse_url(url: str) -> str:
    """``bucket/prefix`` of an ``s3://`` URL.

    Raises:
        InvalidInput: It is none, or names no bucket.

    Example:
        >>> parse_url("s3://models/gts/"), parse_url("s3://models")
        ('models/gts', 'models')
    """
    parts = urlsplit(url)
    base = f"{parts.netloc}{parts.path}".rstrip("/")
    if parts.scheme != SCHEME or not parts.netloc or "@" in parts.netloc or parts.query or "//" in base:
        raise InvalidInput(f"{url!r} names no place for blobs", mend="write it as s3://bucket/prefix")
    return base


def open_s3() -> Any:
    """The file system of ``s3fs``.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        from s3fs import S3FileSystem
    except ImportError as error:
        raise MissingDependency("storage in S3 needs s3fs", mend=install_line("s3")) from error
    return S3FileSystem(
        skip_instance_cache=True,
        use_listings_cache=False,  # other processes write too
        default_block_size=PART_BYTES,
        max_concurrency=CONNECTIONS,
    )


@contextmanager
def s3_errors(place: str) -> Iterator[None]:
    """Say what failed and how to mend it; a missing object stays a ``FileNotFoundError``.

    Raises:
        StorageError: The bucket, the rights or the settings are wrong.
        Unavailable: The storage does not answer, or fails for the moment.
    """
    from aiohttp import ClientError as ConnectionFailed
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except FileNotFoundError as error:
        if _code(error) != "NoSuchBucket":
            raise
        raise no_bucket(place) from error
    except (TimeoutError, OSError, BotoCoreError, ConnectionFailed) as error:
        raise _explained(error, place) from error


def no_bucket(place: str) -> StorageError:
    """The error for a bucket that is not there."""
    return StorageError(
        f"there is no bucket {place.partition('/')[0]!r} for blobs",
        mend="make it, or correct GTS_BLOB_URL (and AWS_ENDPOINT_URL, if the storage is not Amazon's)",
    )


def patiently(work: Callable[[], _T]) -> _T:
    """Do something that may fail for the moment up to three times; botocore has tried each request several times before."""
    import time

    for attempt in range(1, _TRIES):
        try:
            return work()
        except Unavailable:
            time.sleep(_WAIT_S * 2**attempt)
    return work()


def _explained(error: Exception, place: str) -> GTSError:
    from botocore.exceptions import NoCredentialsError, PartialCredentialsError, TokenRetrievalError

    where = f"{SCHEME}://{place}"
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, TokenRetrievalError)):
        return StorageError(
            f"there are no credentials for {where}: {error}",
            mend="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if isinstance(error, PermissionError):
        return StorageError(
            f"these credentials may not use {where}: {error}",
            mend="give those of someone who may list the bucket and read, write and delete objects in it",
        )
    code = _code(error)
    if code is None or code in _PASSING:
        return Unavailable(
            f"{where} does not answer: {str(error) or type(error).__name__}",
            mend="is AWS_ENDPOINT_URL right, and does it run? else try again in a moment",
        )
    return StorageError(
        f"{where} refused a request: {error}",
        mend="check GTS_BLOB_URL, AWS_REGION and AWS_ENDPOINT_URL",
    )


def _code(error: BaseException) -> str | None:
    """What the storage calls its refusal; ``None`` if it did not answer."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    return str(response["Error"].get("Code", "")) if isinstance(response, dict) else None
