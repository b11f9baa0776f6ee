"""`produce`: one folder that appears when it is complete, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from canned_stages import canned, logits_of

from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput
from gts.orchestrator import produce as module
from gts.orchestrator.produce import produce
from gts.student.layout import StudentManifest, TaskInfo, read_manifest, write_manifest
from gts.tasks.dataset import Example, TaskData
from gts.tasks.spec import TaskSpec

DATA = TaskData(
    TaskSpec.model_validate(
        {"name": "tickets", "labels": ["a", "b"], "multi_label": False, "language": "en"}
    ),
    tuple(Example(f"gold {i}", (("a", "b")[i % 2],)) for i in range(12)),
    tuple(f"pool {i}" for i in range(200)),
)

ON_A_FULL_DISK = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from gts.core.artifacts import ArtifactStore
    from gts.core.errors import StorageError
    from gts.orchestrator.publish import assemble

    store, package, out = ArtifactStore(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        assemble(store, package, {}, {}, out, None)
    except StorageError as error:
        print(error)
        sys.exit(7)
""")


IN_A_STAGE = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from gts.core.errors import StorageError
    from gts.orchestrator.produce import produce
    from gts.tasks.dataset import Example, TaskData
    from gts.tasks.spec import TaskSpec

    spec = {"name": "t", "labels": ["a", "b"], "multi_label": False, "language": "xx"}
    gold = tuple(Example(f"gold {i}", (("a", "b")[i % 2],)) for i in range(8))
    data = TaskData(TaskSpec.model_validate(spec), gold, tuple(f"pool {i} {i * i}" for i in range(150)))
    def fill_up(event):
        if event["kind"] == "progress" and event["data"]["stage"].startswith("teach"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    try:
        produce(data, Path(sys.argv[1]) / "out", store_root=Path(sys.argv[1]) / "store", on_event=fill_up)
    except StorageError as error:
        print(error)
        sys.exit(7)
""")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts stages that cost nothing in place of the real ones; the names of those that really run."""
    names: list[str] = []
    monkeypatch.setattr(module, "STAGES", canned(logits_of({"mini": 0.9}), ran=names))
    return names


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which nothing but the student may appear."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_it_leaves_a_student_and_a_report(ran: list[str], place: Path, tmp_path: Path) -> None:
    report = produce(DATA, place / "new" / "tickets", store_root=tmp_path / "store")

    assert report["model_dir"] == str(place / "new" / "tickets")
    assert report["seconds"] > 0
    assert {stage["name"] for stage in report["stages"]} == set(ran)
    assert [path.name for path in place.rglob("*") if path.is_dir()] == ["new", "tickets"]
    folder = place / "new" / "tickets"
    assert read_manifest(folder).metrics["estimate"] == report["estimate"]
    held_out = read_manifest(folder).held_out
    assert held_out is not None
    assert len(held_out.right) == report["measured"]["n"]
    assert sum(held_out.right) / len(held_out.right) == pytest.approx(report["measured"]["value"], abs=1e-3)
    assert (folder / "README.md").read_text("utf-8").startswith("---\n")
    assert folder.stat().st_mode & 0o777 == 0o755
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_an_empty_folder_may_be_there(ran: list[str], place: Path, tmp_path: Path) -> None:
    (place / "tickets").mkdir()
    produce(DATA, place / "tickets", store_root=tmp_path / "store")

    assert read_manifest(place / "tickets").task.name == "tickets"


def test_the_present_folder_is_refused_before_any_work(
    ran: list[str], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(InvalidInput, match="present folder"):
        produce(DATA, Path("."), store_root=tmp_path / "store")

    assert ran == []


@pytest.mark.parametrize("there", ["file", "folder"])
def test_what_lies_there_is_not_touched(ran: list[str], place: Path, tmp_path: Path, there: str) -> None:
    out = place / "tickets"
    kept = out if there == "file" else out / "notes.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")

    with pytest.raises(InvalidInput, match="exists already") as caught:
        produce(DATA, out, store_root=tmp_path / "store")

    assert "new folder" in caught.value.mend
    assert kept.read_text() == "mine"
    assert ran == []


@pytest.mark.parametrize("kind", ["decision", "stage_started", "progress", "stage_finished", "outcome"])
@pytest.mark.parametrize("number", [1, 5])
def test_ctrl_c_leaves_nothing_and_the_next_run_goes_on(
    ran: list[str], place: Path, tmp_path: Path, kind: str, number: int
) -> None:
    left = number

    def interrupt(event: Mapping[str, Any]) -> None:
        nonlocal left
        left -= event["kind"] == kind
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        produce(DATA, place / "tickets", store_root=tmp_path / "store", on_event=interrupt)
    assert list(place.iterdir()) == []
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
    before = len(ran)

    report = produce(DATA, place / "tickets", store_root=tmp_path / "store")

    # No finished stage ran twice: what is cached is what had been run.
    assert len(ran) == len(report["stages"])
    assert sum(stage["cached"] for stage in report["stages"]) == before
    assert [path.name for path in place.iterdir()] == ["tickets"]


def test_events_tell_what_happens_as_the_platform_does(ran: list[str], place: Path, tmp_path: Path) -> None:
    events: list[Mapping[str, Any]] = []
    report = produce(DATA, place / "tickets", store_root=tmp_path / "store", on_event=events.append)

    kinds = [event["kind"] for event in events]
    assert kinds.count("stage_started") == kinds.count("stage_finished") == len(report["stages"])
    assert kinds.count("decision") == kinds.count("outcome") == len(report["decisions"])
    assert kinds[0] == "decision"
    assert kinds[-1] == "outcome"
    assert [event["data"]["number"] for event in events if event["kind"] == "decision"] == list(
        range(1, len(report["decisions"]) + 1)
    )


def test_a_disk_that_is_full_at_the_end_is_named(place: Path, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    with store.workspace() as folder:
        write_manifest(folder, StudentManifest(task=TaskInfo(name="t"), labels=("a", "b"), tier="static"))
        (folder / "model.safetensors").write_bytes(bytes(50_000))
        package = store.commit(folder)
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(store.root), package, str(place / "out")]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert result.returncode == 7, result.stderr
    assert result.stdout.startswith("no space left while writing the student in out")


def test_a_disk_that_is_full_in_a_stage_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_A_STAGE, str(tmp_path)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert result.returncode == 7, result.stderr
    assert result.stdout.startswith("no space left while writing what stage teach made. free some disk space")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
