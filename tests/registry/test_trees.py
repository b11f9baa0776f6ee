from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.blobs import Blobs
from gts.registry.manifest import list_folder, store
from gts.registry.trees import entries_under, folder_oid, last_changes, lfs_pointer
from gts.registry.values import FileEntry, Folder, Kind, Revision


def entry(path: str, content: str = "0") -> FileEntry:
    return FileEntry(path, 1, content * 64, content * 40, is_lfs=False)


def commit(seq: int) -> Revision:
    return Revision(Kind.MODEL, "a/b", str(seq) * 40, None, seq, "t", "m", "me", None, datetime.now(UTC))


FILES = (entry("a/b/c"), entry("a/d"), entry("e"))


def test_a_folder_lists_its_files_and_folders() -> None:
    root = entries_under(FILES, "", recursive=False)
    assert root is not None
    assert [(e.path, isinstance(e, Folder)) for e in root] == [("a", True), ("e", False)]
    everything = entries_under(FILES, "a", recursive=True)
    assert everything is not None
    assert [e.path for e in everything] == ["a/b", "a/b/c", "a/d"]


@pytest.mark.parametrize("folder", ["nope", "e", "a/d", "a/b/", "A"])
def test_what_is_no_folder_gives_none(folder: str) -> None:
    assert entries_under(FILES, folder, recursive=False) is None


@given(st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=8))
def test_walking_folder_by_folder_finds_what_the_recursive_listing_finds(paths: set[str]) -> None:
    files = [
        entry(path) for path in sorted(paths) if not any(other.startswith(f"{path}/") for other in paths)
    ]

    def walk(folder: str) -> list[str]:
        found = entries_under(files, folder, recursive=False)
        assert found is not None
        below = [walk(e.path) if isinstance(e, Folder) else [] for e in found]
        return [e.path for e in found] + [path for part in below for path in part]

    everything = entries_under(files, "", recursive=True)
    assert everything is not None
    assert sorted(walk("")) == [e.path for e in everything]
    assert {e.path for e in everything if isinstance(e, FileEntry)} == {file.path for file in files}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_ids_are_those_of_git(model: Callable[..., Path], tmp_path: Path, blobs: Blobs) -> None:
    folder = model(**{"a.b": b"1", "a/x": b"", "a0/y": b"2", "ä.txt": "ä".encode()})
    files = store(list_folder(folder), blobs)
    checkout = tmp_path / "git"
    shutil.copytree(folder, checkout)
    for file in files:
        if file.is_lfs:
            (checkout / file.path).write_bytes(lfs_pointer(file.sha256, file.size))
    run = ["git", "-c", "core.autocrlf=false", "-C", str(checkout)]
    subprocess.run([*run, "init", "-q"], check=True)
    subprocess.run([*run, "add", "-A"], check=True)
    tree = subprocess.run([*run, "write-tree"], check=True, capture_output=True, text=True).stdout.strip()
    assert folder_oid(files, "") == tree
    assert {file.path for file in files if file.is_lfs} == {"model.safetensors", "onnx/model.onnx"}


def test_last_changes_follow_files_and_folders() -> None:
    history = [commit(3), commit(2), commit(1)]
    contents = {
        history[2].oid: {"a/x": "1", "a/gone": "1", "b": "1"},
        history[1].oid: {"a/x": "2", "a/gone": "1", "b": "1"},
        history[0].oid: {"a/x": "2", "b": "1", "c/d": "1"},
    }
    changes = {path: revision.seq for path, revision in last_changes(history, contents).items()}
    assert changes == {"a/x": 2, "a": 3, "b": 1, "c/d": 3, "c": 3}
