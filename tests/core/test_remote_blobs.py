"""Blobs in S3: whole or not at all, checked both ways, in spite of broken connections; failures say what to mend."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from s3_lab import ask_s3, breaking_proxy

from gts.core.blob_opening import open_blobs
from gts.core.blobs import Blobs, BlobStore
from gts.core.errors import GTSError, InvalidInput, MissingDependency, NotFound, StorageError, Unavailable
from gts.core.s3 import parse_url

MIB = 1 << 20


@pytest.fixture
def blobs(s3_url: str, tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "unused", s3_url, tmp_path / "copies", 64 * MIB)


def elsewhere(url: str, folder: Path) -> Blobs:
    """The same store as another machine sees it: without copies."""
    return open_blobs(folder / "unused", url, folder, 64 * MIB)


def place(url: str, digest: str) -> str:
    return f"{url}/{digest[:2]}/{digest}"


def copies(blobs: Blobs) -> list[str]:
    return [blob.digest for blob in BlobStore(blobs.root).stored()]


def test_a_blob_is_named_by_its_bytes_and_stored_once(blobs: Blobs, s3_url: str, s3_server: str) -> None:
    data = os.urandom(3 * MIB)
    digest, size = blobs.put(io.BytesIO(data))
    written = blobs.stat(digest)
    assert blobs.put(io.BytesIO(data), digest) == (digest, size)
    assert (digest, size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (written.size, list(blobs.stored())) == (size, [written])
    assert ask_s3(s3_server, place(s3_url, digest)) == data
    assert blobs.path(digest).read_bytes() == blobs.verified(digest).read_bytes() == data
    assert digest in blobs and blobs.missing([digest, "0" * 64]) == {"0" * 64}
    assert blobs.examine(digest) == (digest, size)


def test_another_machine_gets_the_same_bytes(blobs: Blobs, s3_url: str, tmp_path: Path) -> None:
    small, _ = blobs.put(io.BytesIO(b"small"))
    data = os.urandom(40 * MIB)  # sent and fetched in parts
    large, _ = blobs.put(io.BytesIO(data))
    other = elsewhere(s3_url, tmp_path / "other")
    assert other.path(small).read_bytes() == b"small"
    assert other.path(large).read_bytes() == data
    assert sorted(copies(other)) == sorted([small, large])


def test_what_is_refused_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(InvalidInput, match="SHA-256"):
        blobs.put(io.BytesIO(b"x"), "0" * 64)
    for digest in ("../../etc/passwd", "", "A" * 64, "0" * 64):
        with pytest.raises(NotFound):
            blobs.path(digest)
    assert "../x" not in blobs
    assert list(blobs.stored()) == [] and not list(blobs.root.glob(".part-*"))


def test_a_damaged_copy_is_fetched_again(blobs: Blobs) -> None:
    digest, _ = blobs.put(io.BytesIO(b"weights"))
    blobs.path(digest).write_bytes(b"weightz")
    assert blobs.verified(digest).read_bytes() == b"weights"
    blobs.path(digest).write_bytes(b"weigh")
    assert blobs.verified(digest).read_bytes() == b"weights"


def test_damage_in_the_store_is_never_handed_out(
    blobs: Blobs, s3_url: str, s3_server: str, tmp_path: Path
) -> None:
    digest, _ = blobs.put(io.BytesIO(b"weights"))
    ask_s3(s3_server, place(s3_url, digest), "PUT", b"weightz")
    other = elsewhere(s3_url, tmp_path / "other")
    for read in (other.path, other.verified):
        with pytest.raises(StorageError, match="damaged") as caught:
            read(digest)
        assert "gts registry fsck" in caught.value.mend
    assert other.examine(digest)[0] != digest
    assert copies(other) == [] and not list(other.root.glob(".part-*"))


def test_many_who_want_one_blob_fetch_it_once(
    blobs: Blobs, s3_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest, _ = blobs.put(io.BytesIO(b"x" * MIB))
    other = elsewhere(s3_url, tmp_path / "other")
    with caplog.at_level("INFO", "werkzeug"), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(other.path, [digest] * 8))
    assert len(set(found)) == 1
    assert found[0].read_bytes() == b"x" * MIB
    asked = [record.getMessage() for record in caplog.records]
    assert len([line for line in asked if "GET " in line and digest in line]) == 1


@pytest.mark.parametrize("method", [b"GET ", b"PUT "])
def test_broken_connections_are_tried_again(
    s3_url: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: bytes
) -> None:
    data = os.urandom(2 * MIB)
    broken = threading.Semaphore(3)

    def breaks(request: bytes) -> int | None:
        about_a_blob = hashlib.sha256(data).hexdigest().encode() in request
        return (
            30_000 if request.startswith(method) and about_a_blob and broken.acquire(blocking=False) else None
        )

    with breaking_proxy(s3_server, breaks) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        store = elsewhere(s3_url, tmp_path / "one")
        digest, _ = store.put(io.BytesIO(data))
        assert elsewhere(s3_url, tmp_path / "two").path(digest).read_bytes() == data


def test_uploads_that_dead_processes_left_are_ended(blobs: Blobs, s3_url: str, s3_server: str) -> None:
    kept, _ = blobs.put(io.BytesIO(b"kept"))
    ask_s3(s3_server, f"{place(s3_url, '0' * 64)}?uploads", "POST", b"")
    (blobs.root / ".part-dead").write_bytes(b"half")
    os.utime(blobs.root / ".part-dead", (0, 0))
    assert blobs.clean_temporary(100 * 365 * 86400) == 0, "they are young"
    assert blobs.clean_temporary() == 2
    assert blobs.clean_temporary() == 0
    assert kept in blobs


def test_blobs_are_removed_and_quarantined_unless_written_again(
    blobs: Blobs, s3_url: str, s3_server: str
) -> None:
    removed, _ = blobs.put(io.BytesIO(b"removed"))
    damaged, _ = blobs.put(io.BytesIO(b"damaged"))
    listed = {blob.digest: blob for blob in blobs.stored()}
    ask_s3(s3_server, place(s3_url, removed), "PUT", b"written again")
    assert not blobs.remove(listed[removed]) and blobs.quarantine(listed[removed]) is None
    where = blobs.quarantine(listed[damaged])
    assert where is not None and ask_s3(s3_server, where) == b"damaged"
    assert blobs.remove(blobs.stat(removed))
    assert list(blobs.stored()) == []


def test_a_bucket_may_be_used_without_a_prefix(s3_url: str, tmp_path: Path) -> None:
    store = elsewhere(s3_url.removesuffix("/gts"), tmp_path / "copies")
    digest, _ = store.put(io.BytesIO(b"x"))
    assert [blob.digest for blob in store.stored()] == [digest]
    assert elsewhere(s3_url, tmp_path / "other").missing([digest]) == {digest}


@pytest.fixture
def strict_server(s3_server: str, s3_url: str) -> Iterator[None]:
    """The server knows nobody and lets nobody in."""
    ask_s3(s3_server, "moto-api/reset-auth", "POST", b"0")
    yield
    ask_s3(s3_server, "moto-api/reset-auth", "POST", b"inf")


def told(url: str, folder: Path) -> GTSError:
    with pytest.raises(GTSError) as caught:
        open_blobs(folder / "blobs", url, folder / "copies", MIB)
    return caught.value


def test_a_wrong_bucket_is_told(s3_url: str, tmp_path: Path) -> None:
    error = told("s3://no-such-bucket/gts", tmp_path)
    assert isinstance(error, StorageError)
    assert "no bucket 'no-such-bucket'" in error.message and "GTS_BLOB_URL" in error.mend


@pytest.mark.usefixtures("strict_server")
def test_missing_rights_are_told(s3_url: str, tmp_path: Path) -> None:
    error = told(s3_url, tmp_path)
    assert isinstance(error, StorageError)
    assert "credentials may not use" in error.message and "read, write and delete" in error.mend
    assert "secret" not in str(error)


def test_missing_credentials_are_told(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = told(s3_url, tmp_path)
    assert isinstance(error, StorageError)
    assert "no credentials" in error.message and "AWS_ACCESS_KEY_ID" in error.mend


def test_a_server_that_is_not_there_is_told(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    error = told(s3_url, tmp_path)
    assert isinstance(error, Unavailable)
    assert "does not answer" in error.message and "AWS_ENDPOINT_URL" in error.mend


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", "http://x/y", "/tmp/x", "s3://k:s@b/p", "s3://b//p"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="s3://bucket/prefix"):
        parse_url(url)


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(MissingDependency, match="s3fs"):
        open_blobs(tmp_path, "s3://bucket", tmp_path / "copies", MIB)
