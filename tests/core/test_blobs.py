"""A blob is there whole or not at all, and damage does not go unseen."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gts.core.blobs import BlobStore, write_atomically
from gts.core.errors import NotFound, StorageError

ON_A_FULL_DISK = textwrap.dedent("""
    import io, resource, sys
    from pathlib import Path
    from gts.core.artifacts import ArtifactStore, StageResult
    from gts.core.blobs import BlobStore, write_atomically
    from gts.core.errors import StorageError

    root, what = Path(sys.argv[1]), sys.argv[2]
    blobs, store = BlobStore(root / "blobs"), ArtifactStore(root / "store")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        if what == "a blob":
            blobs.put(io.BytesIO(bytes(5_000_000)))
        elif what == "report.json":
            write_atomically(root / "report.json", bytes(5000))
        else:
            store.record("a" * 64, StageResult("b" * 64, {"long": "x" * 5000}, 1.0))
    except StorageError as error:
        print(error)
        sys.exit(7)
""")


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_is_named_by_its_bytes_and_stored_once(blobs: BlobStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(data)

    digest, size = blobs.put(io.BytesIO(data))

    assert (digest, size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert blobs.put_file(tmp_path / "file") == (digest, size)
    assert files(blobs.root) == [blobs.path(digest)]
    assert blobs.verified(digest).read_bytes() == data
    assert digest in blobs


def test_writers_of_one_blob_do_not_disturb_each_other(blobs: BlobStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda _: blobs.put(io.BytesIO(b"x" * 3_000_000)), range(16)))

    assert len(results) == 1
    assert len(files(blobs.root)) == 1


def test_a_damaged_blob_is_found_out(blobs: BlobStore) -> None:
    digest, _ = blobs.put(io.BytesIO(b"weights"))
    blobs.path(digest).write_bytes(b"weightz")

    with pytest.raises(StorageError, match="damaged") as caught:
        blobs.verified(digest)

    assert "publish" in caught.value.mend


@pytest.mark.parametrize(
    "digest", ["../../etc/passwd", "", "ab", "A" * 64, "/" + "a" * 63, "a" * 64 + "\n", "..%2f" * 12 + "abcd"]
)
def test_a_digest_cannot_lead_out_of_the_store(blobs: BlobStore, digest: str) -> None:
    with pytest.raises(NotFound):
        blobs.path(digest)
    assert digest not in blobs


def test_a_blob_that_is_not_there_says_so(blobs: BlobStore) -> None:
    with pytest.raises(NotFound, match="no blob"):
        blobs.path("0" * 64)


def test_a_source_that_breaks_off_leaves_nothing(blobs: BlobStore) -> None:
    class Broken:
        calls = 0

        def read(self, size: int = -1) -> bytes:
            self.calls += 1
            if self.calls > 2:
                raise ConnectionError("the upload was cut off")
            return b"x" * size

    with pytest.raises(ConnectionError):
        blobs.put(Broken())

    assert files(blobs.root) == []


def test_parts_of_a_dead_process_are_removed_after_a_day(blobs: BlobStore) -> None:
    class Slow:
        """Between its two blocks the store is cleaned."""

        blocks = iter([b"first ", b"second", b""])

        def read(self, size: int = -1) -> bytes:
            blobs.clean_temporary()
            return next(self.blocks)

    dead = blobs.root / ".part-dead"
    dead.write_bytes(b"half")
    os.utime(dead, (0, 0))
    kept, _ = blobs.put(io.BytesIO(b"kept"))
    os.utime(blobs.path(kept), (0, 0))

    digest, _ = blobs.put(Slow())

    assert sorted(files(blobs.root)) == sorted([blobs.path(kept), blobs.path(digest)])
    assert blobs.path(digest).read_bytes() == b"first second"


@pytest.mark.parametrize("what", ["a blob", "report.json", f"{'a' * 64}.json"])
def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path: Path, what: str) -> None:
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), what]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert result.returncode == 7, result.stderr
    assert result.stdout.startswith(f"no space left while writing {what}. free some disk space")
    assert files(tmp_path) == []


def test_a_file_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert files(tmp_path) == [path]


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    versions = [bytes([48 + i]) * 200_000 for i in range(4)]
    write_atomically(path, versions[0])
    seen = set()

    def rewrite(data: bytes) -> Callable[[], None] | None:
        for _ in range(10):
            write_atomically(path, data)
        return None

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(rewrite, data) for data in versions]
        while not all(job.done() for job in jobs):
            seen.add(path.read_bytes())

    assert seen <= set(versions)
