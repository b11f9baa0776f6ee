"""Artifacts are named by their content, appear whole, and tell what finished stages left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.core.artifacts import ArtifactStore, StageResult
from gts.core.errors import NotFound

KEY = "c" * 64
segments = st.text("abc012._- é字", min_size=1, max_size=8).filter(lambda name: name.strip(". ") != "")
trees = st.dictionaries(
    st.lists(segments, min_size=1, max_size=2).map("/".join), st.binary(max_size=20), min_size=1, max_size=5
).filter(lambda tree: not any(a != b and b.startswith(a + "/") for a in tree for b in tree))


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def commit(store: ArtifactStore, tree: dict[str, bytes]) -> str:
    with store.workspace() as folder:
        for name, data in tree.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return store.commit(folder)


def read(store: ArtifactStore, digest: str) -> dict[str, bytes]:
    folder = store.path(digest)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


COMMIT_MANY = textwrap.dedent("""
    import sys
    from pathlib import Path
    from gts.core.artifacts import ArtifactStore

    store = ArtifactStore(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(40):
        with store.workspace() as folder:
            (folder / "a").write_bytes(str(number).encode())
            print(store.commit(folder))
""")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(trees, trees)
def test_content_decides_the_digest(
    store: ArtifactStore, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    first = commit(store, one)

    assert commit(store, dict(reversed(one.items()))) == first
    assert read(store, first) == one
    assert (commit(store, other) == first) == (one == other)
    assert list((store.root / "tmp").iterdir()) == []


def test_names_count_as_content(store: ArtifactStore) -> None:
    assert commit(store, {"a": b"x", "b": b"y"}) != commit(store, {"a": b"y", "b": b"x"})
    assert commit(store, {"a/b": b"x"}) != commit(store, {"a": b"x"})


def test_processes_may_commit_the_same_content_at_once(store: ArtifactStore) -> None:
    command = [sys.executable, "-c", COMMIT_MANY, str(store.root)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 3
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert outputs[0] == outputs[1] == outputs[2]
    assert [read(store, digest)["a"] for digest in outputs[0]] == [str(i).encode() for i in range(40)]
    assert list((store.root / "tmp").iterdir()) == []


def test_a_workspace_goes_whatever_happens(store: ArtifactStore) -> None:
    with pytest.raises(KeyboardInterrupt), store.workspace() as folder:
        (folder / "half").write_bytes(b"written")
        raise KeyboardInterrupt

    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize("digest", ["../../../etc", "", "ab", "0" * 64, "z" * 64])
def test_no_other_folder_can_be_named(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(NotFound, match="no artifact"):
        store.path(digest)


def test_a_finished_stage_is_found_again(store: ArtifactStore) -> None:
    result = StageResult(commit(store, {"a": b"x"}), {"accuracy": 0.5, "names": ["é"]}, 1.5)
    store.record(KEY, result)
    store.record(KEY, result)

    assert ArtifactStore(store.root).find(KEY) == result
    assert store.find("d" * 64) is None


def test_a_stage_whose_artifact_is_gone_counts_as_not_run(store: ArtifactStore) -> None:
    digest = commit(store, {"a": b"x"})
    store.record(KEY, StageResult(digest, {}, 1.0))
    os.rename(store.path(digest), store.root / "elsewhere")

    assert store.find(KEY) is None


@pytest.mark.parametrize(
    "text", ["", "{", '{"artifact": ', "[]", "{}", '{"artifact": 3, "summary": {}, "seconds": 1}']
)
def test_a_damaged_record_counts_as_not_run(store: ArtifactStore, text: str) -> None:
    (store.root / "stages" / f"{KEY}.json").write_text(text)

    assert store.find(KEY) is None


def test_a_record_cannot_hold_what_is_no_json(store: ArtifactStore) -> None:
    with pytest.raises(ValueError):
        store.record(KEY, StageResult("a" * 64, {"loss": float("nan")}, 1.0))
    assert store.find(KEY) is None


def test_only_old_workspaces_are_cleaned_up(store: ArtifactStore) -> None:
    old, young = store.root / "tmp" / "old", store.root / "tmp" / "young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
    os.utime(old, (0, 0))

    assert store.clean_temporary() == 1
    assert [folder.name for folder in (store.root / "tmp").iterdir()] == ["young"]


def test_parts_of_records_that_dead_processes_left_are_removed(store: ArtifactStore) -> None:
    for name in ("old", "young"):
        (store.root / "stages" / f".part-{name}").write_bytes(b"half")
    os.utime(store.root / "stages" / ".part-old", (0, 0))

    assert store.clean_temporary() == 1
    assert [part.name for part in (store.root / "stages").iterdir()] == [".part-young"]


def test_records_are_plain_json(store: ArtifactStore) -> None:
    digest = commit(store, {"a": b"x"})
    store.record(KEY, StageResult(digest, {"n": 1}, 2.0))

    record = json.loads((store.root / "stages" / f"{KEY}.json").read_text())
    assert record == {"artifact": digest, "summary": {"n": 1}, "seconds": 2.0}
