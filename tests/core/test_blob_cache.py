"""Copies of blobs: bounded, the longest unused go first, and none that was just handed out."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from gts.core.blob_cache import BlobCache

SIZE = 1000


def add(cache: BlobCache, content: bytes) -> str:
    part = cache.store.root / f".part-{content[:1].decode()}"
    part.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert cache.add(part, digest).read_bytes() == content
    return digest


def used(cache: BlobCache, digest: str, seconds_ago: float) -> None:
    path = cache.store.path(digest)
    os.utime(path, (time.time() - seconds_ago, path.stat().st_mtime))


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "copies", 3 * SIZE)


def test_those_used_longest_ago_go_first(cache: BlobCache) -> None:
    first, second, third = (add(cache, letter * SIZE) for letter in (b"a", b"b", b"c"))
    for digest, ago in ((first, 500), (second, 300), (third, 400)):
        used(cache, digest, ago)
    assert cache.find(first) is not None, "handing it out makes it the newest"

    fourth = add(cache, b"d" * SIZE)

    assert [cache.find(digest) is not None for digest in (first, second, third, fourth)] == [
        True,
        True,
        False,
        True,
    ]


def test_a_large_file_takes_the_place_of_several(cache: BlobCache) -> None:
    small = [add(cache, letter * SIZE) for letter in (b"a", b"b", b"c")]
    for digest in small:
        used(cache, digest, 100)
    large = add(cache, b"d" * (3 * SIZE - 1))
    assert cache.find(large) is not None
    assert [blob.digest for blob in cache.store.stored()] == [large]


def test_what_was_just_handed_out_stays_over_the_bound(cache: BlobCache) -> None:
    kept = [add(cache, letter * SIZE) for letter in (b"a", b"b", b"c", b"d", b"e")]
    assert all(cache.find(digest) for digest in kept)
    for digest in kept:
        used(cache, digest, 61)
    newest = add(cache, b"f" * SIZE)
    assert sum(blob.size for blob in cache.store.stored()) == 3 * SIZE
    assert cache.find(newest)


def test_an_open_file_is_read_to_its_end(cache: BlobCache) -> None:
    digest = add(cache, b"a" * SIZE)
    path = cache.find(digest)
    assert path is not None
    with path.open("rb") as handle:
        used(cache, digest, 100)
        add(cache, b"b" * 3 * SIZE)
        assert cache.find(digest) is None
        assert handle.read() == b"a" * SIZE


def test_using_a_file_does_not_make_it_look_written(cache: BlobCache) -> None:
    digest = add(cache, b"a" * SIZE)
    before = cache.store.stat(digest)
    assert cache.find(digest)
    assert cache.store.stat(digest) == before


def test_what_is_not_there_is_not_found(cache: BlobCache) -> None:
    assert cache.find("0" * 64) is None
    assert cache.find("../../etc/passwd") is None
    cache.drop("0" * 64)
