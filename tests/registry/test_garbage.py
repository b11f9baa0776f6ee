"""What nothing names goes, and nothing else, however many commit meanwhile."""

from __future__ import annotations

import io
import os
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gts.core.blobs import Blobs, BlobStore, Readable
from gts.core.database import Database
from gts.core.errors import Conflict, NotFound, StorageError
from gts.core.fingerprint import file_sha256
from gts.registry.blob_lock import stored_again
from gts.registry.errors import BlobsGone
from gts.registry.registry import Registry
from gts.registry.staging import AddFile, AddUpload
from gts.registry.values import Revision

NOW = timedelta(0)
Model = Callable[..., Path]


def digests(blobs: Blobs) -> set[str]:
    return {blob.digest for blob in blobs.stored()}


def test_what_nothing_names_goes(registry: Registry, blobs: Blobs, model: Model) -> None:
    kept = registry.publish("acme", "kept", model("kept"), "first", "ann")
    registry.publish("acme", "gone", model("gone", **{"README.md": b"# Other"}), "first", "ann")
    orphan, size = blobs.put(io.BytesIO(b"nobody's"))
    waiting, _ = blobs.put(io.BytesIO(b"for a commit that comes"))
    registry.receive("acme", "kept", waiting, 23, io.BytesIO(b"for a commit that comes"))
    named = {file.sha256 for file in registry.files(kept)}
    readme = blobs.put(io.BytesIO(b"# Other"))[0]
    registry.delete_repository("acme", "gone")

    assert registry.collect_garbage().blobs == 0, "all are young"
    found = registry.collect_garbage(NOW, dry_run=True)
    assert (found.blobs, found.bytes) == (2, size + 7)
    assert {orphan, readme} < digests(blobs)

    assert registry.collect_garbage(NOW) == found
    assert digests(blobs) == named | {waiting}
    assert registry.verify("acme", "kept") == ()
    assert registry.collect_garbage(NOW).blobs == 0


def test_uploads_that_no_commit_came_for_go_with_their_blobs(registry: Registry, blobs: Blobs) -> None:
    registry.create("acme", "tickets", "ann")
    digest, size = blobs.put(io.BytesIO(b"large"))
    registry.receive("acme", "tickets", digest, size, io.BytesIO(b"large"))
    registry.collect_garbage(NOW)
    assert digest in blobs
    registry.clean_uploads(NOW)
    registry.collect_garbage(NOW)
    assert digest not in blobs


def test_unfinished_files_go_when_they_are_old(sqlite_database: Database, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    old, young = blobs.root / ".part-old", blobs.root / ".part-young"
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert Registry(sqlite_database, blobs).collect_garbage(NOW).parts == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_a_blob_that_is_written_again_stays(sqlite_database: Database, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digest, _ = blobs.put(io.BytesIO(b"x"))
    listed = blobs.stat(digest)
    os.utime(blobs.path(digest), (1, 1))
    assert not blobs.remove(listed)
    assert digest in blobs


class Visited(BlobStore):
    """A collector comes by after every blob that is stored, as often as it has turns."""

    registry: Registry
    turns = 0

    def put(self, source: Readable, expected: str | None = None) -> tuple[str, int]:
        stored = super().put(source, expected)
        if self.turns > 0:
            self.turns -= 1
            self.registry.collect_garbage(NOW)
        return stored


def test_a_commit_stores_again_what_went_before_it_was_named(
    database: Database, tmp_path: Path, model: Model
) -> None:
    blobs = Visited(tmp_path / "blobs")
    registry = blobs.registry = Registry(database, blobs)
    blobs.turns = 1
    registry.create("acme", "tickets", "ann")
    blobs.turns = 6
    registry.publish("acme", "tickets", model(), "first", "ann")
    assert registry.verify("acme", "tickets") == ()
    blobs.turns = 100
    with pytest.raises(Conflict, match="README") as caught:
        registry.publish("acme", "tickets", model("two", **{"README.md": b"# Two"}), "second", "ann")
    assert caught.value.mend == "upload again"
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    with pytest.raises(Conflict, match="upload again"):
        registry.receive("acme", "tickets", digest, 6, io.BytesIO(b"hello\n"))
    assert registry.uploaded("acme", "tickets", {digest}) == frozenset()
    added = [AddFile("added.txt", tmp_path / "two" / "README.md")]
    with pytest.raises(Conflict, match="added"):
        registry.commit("acme", "tickets", added, "add", "ann")
    assert len(registry.history("acme", "tickets")) == 2
    blobs.turns = 1
    registry.commit("acme", "tickets", added, "add", "ann")
    assert registry.verify("acme", "tickets") == ()


def test_an_end_is_made_of_storing_again() -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise BlobsGone("went")

    with pytest.raises(BlobsGone):
        stored_again(work)
    assert len(tries) == 3


def test_no_visible_revision_ever_misses_a_blob(
    registry: Registry, blobs: Blobs, model: Model, tmp_path: Path
) -> None:
    """Threads publish, commit, upload and delete the same few blobs while the collector takes all that nothing names."""
    folders = [model(f"m{n}", **{"README.md": b"# %d" % n, f"extra{n}.txt": b"%d" % n}) for n in range(3)]
    names = ("a", "b", "c")
    faults: list[object] = []
    done = threading.Event()
    rounds = 60 if isinstance(blobs, BlobStore) else 6
    seen: Counter[str] = Counter()
    large = b"\0large"
    (tmp_path / "large").write_bytes(large)
    digest = file_sha256(tmp_path / "large")

    def publish(n: int, name: str) -> Revision:
        return registry.publish("acme", name, folders[n % 3], f"commit {n}", "ann")

    def commit(n: int, name: str) -> Revision:
        added = AddFile("added.txt", folders[n % 3] / "README.md")
        return registry.commit("acme", name, [added], "add", "ann")

    def upload(n: int, name: str) -> Revision:
        registry.receive("acme", name, digest, len(large), io.BytesIO(large))
        return registry.commit("acme", name, [AddUpload("large", digest)], "upload", "ann")

    def delete(n: int, name: str) -> None:
        registry.delete_repository("acme", name)

    def look(n: int, name: str) -> Revision:
        return registry.resolve("acme", name)

    def check(revision: Revision) -> None:
        gone = blobs.missing({file.sha256 for file in registry.files(revision)})
        if any(file.sha256 in gone for file in registry.files(revision)):  # else it was deleted meanwhile
            faults.append(revision)

    def hammer(work: Callable[[int, str], Revision | None], first: int) -> None:
        for n in range(first, first + rounds):
            try:
                if revision := work(n, names[n % len(names)]):
                    seen[work.__name__] += 1
                    check(revision)
            except (BlobsGone, StorageError):
                seen["refused"] += 1
            except (NotFound, Conflict):  # the repository was deleted, or another wrote at the same moment
                pass
            except Exception as error:  # noqa: BLE001 - told at the end
                faults.append(error)

    def collect() -> None:
        while not done.is_set():
            registry.collect_garbage(NOW)

    workers = [(publish, 0), (publish, 1), (commit, 2), (upload, 0), (delete, 1), (look, 0)]
    threads = [threading.Thread(target=hammer, args=work) for work in workers]
    collector = threading.Thread(target=collect)
    for thread in (*threads, collector):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    collector.join()

    assert faults == []
    assert seen["publish"] + seen["commit"] + seen["upload"] + seen["refused"] > rounds, seen
    checkup = registry.fsck()
    assert checkup.findings == ()
