from __future__ import annotations

import logging
from pathlib import Path

import pytest
from lab_stages import STAGES

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Cancelled, DataError, NotFound, StageFailed
from gts.orchestrator.compute import open_compute
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.stage import StageCall, execute, load_stages


def ignore(fraction: float, message: str) -> None:
    pass


def test_the_key_names_everything_that_decides_the_output() -> None:
    call = StageCall("write", 1, {"a": 1, "b": 2}, {"x": "d"})

    assert call.key == StageCall("write", 1, {"b": 2, "a": 1}, {"x": "d"}).key
    assert StageCall.from_json(call.to_json()) == call
    others = [
        StageCall("steps", 1, {"a": 1, "b": 2}, {"x": "d"}),
        StageCall("write", 2, {"a": 1, "b": 2}, {"x": "d"}),
        StageCall("write", 1, {"a": 1, "b": 3}, {"x": "d"}),
        StageCall("write", 1, {"a": 1, "b": 2}, {"x": "e"}),
    ]
    assert len({call.key, *(other.key for other in others)}) == 5


def test_a_stage_reads_artifacts_and_leaves_one(store: ArtifactStore, tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    first = execute(store, STAGES, StageCall("write", 1, {"log": log, "text": "a"}, {}), ignore)
    call = StageCall("write", 1, {"log": log, "text": "b"}, {"before": first.artifact})
    second = execute(store, STAGES, call, ignore)

    assert (store.path(second.artifact) / "text").read_text() == "ab"
    assert second.summary["length"] == 1
    assert store.find(call.key) == second
    assert list((store.root / "tmp").iterdir()) == []


def test_a_finished_stage_is_not_repeated(store: ArtifactStore, tmp_path: Path) -> None:
    call = StageCall("write", 1, {"log": str(tmp_path / "log")}, {})

    assert execute(store, STAGES, call, ignore) == execute(store, STAGES, call, ignore)
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_an_error_made_on_purpose_passes_unchanged(store: ArtifactStore) -> None:
    with pytest.raises(DataError, match="row 3") as caught:
        execute(store, STAGES, StageCall("refuses", 1, {}, {}), ignore)

    assert caught.value.details == {"file": "a.csv", "line": 3}


@pytest.mark.parametrize(("name", "kind"), [("breaks", "ZeroDivisionError"), ("unjson", "ValueError")])
def test_any_other_error_names_stage_and_cause(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture, name: str, kind: str
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(StageFailed, match=rf"'{name}' failed with {kind}"):
        execute(store, STAGES, StageCall(name, 1, {}, {}), ignore)

    assert kind in caplog.text
    assert store.find(StageCall(name, 1, {}, {}).key) is None
    assert list((store.root / "tmp").iterdir()) == []


def test_code_of_another_version_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(StageFailed, match="version 2 was asked for, this process has version 1"):
        execute(store, STAGES, StageCall("write", 2, {}, {}), ignore)


def test_a_missing_input_says_so(store: ArtifactStore) -> None:
    with pytest.raises(NotFound, match="no artifact"):
        execute(store, STAGES, StageCall("write", 1, {}, {"before": "0" * 64}), ignore)


@pytest.mark.parametrize("reference", ["lab_stages:NOTHING", "no_such_module:STAGES", "lab_stages"])
def test_a_wrong_stage_table_says_how_to_write_one(reference: str) -> None:
    with pytest.raises(NotFound, match=r"package\.module:ATTRIBUTE"):
        load_stages(reference)


def test_inline_compute_passes_progress_on(store: ArtifactStore, tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    call = StageCall("steps", 1, {"log": str(tmp_path / "log"), "steps": 2}, {})

    open_compute("inline", store, stages="lab_stages:STAGES").run(
        call, lambda fraction, message: seen.append((fraction, message)), lambda: False
    )

    assert seen == [(0.0, "step 0"), (0.5, "step 1"), (1.0, "written")]


def test_inline_compute_stops_at_the_next_progress(store: ArtifactStore, tmp_path: Path) -> None:
    answers = iter([False, False, True])
    call = StageCall("steps", 1, {"log": str(tmp_path / "log"), "steps": 50}, {})

    with pytest.raises(Cancelled):
        InlineCompute(store, STAGES).run(call, ignore, lambda: next(answers))

    assert store.find(call.key) is None
