from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.stages.lessons import LESSONS, Curriculum, Provenance, write_lessons
from gts.orchestrator.training_data import assemble_data
from gts.tasks.dataset import Example, Origin, TaskData
from gts.tasks.spec import TaskSpec

SPEC = TaskSpec.model_validate(
    {"name": "tickets", "labels": ["billing", "delivery"], "multi_label": False, "language": "en"}
)
DATA = TaskData(
    SPEC, (Example("where is it", ("delivery",)), Example("no refund", ("billing",), Origin.ANSWERED)), ("x",)
)
JUDGED = {
    "text": "where is my parcel",
    "labels": ["delivery"],
    "generator": "embedded",
    "seeds": ["where is it"],
    "scores": {"similarity": 0.9},
    "kept": True,
    "kind": "",
    "reason": "",
}


def put(store: ArtifactStore, name: str, *rows: dict) -> str:
    with store.workspace() as folder:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return store.commit(folder)


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lessons_say_what_was_taught_and_by_whom(tmp_path: Path) -> None:
    targets = np.array([[0, 1], [0.25, 0.75], [1, 0]], np.float32)
    origins = (Provenance("pool", "teachers"), Provenance("generated", "teachers", "embedded"))
    write_lessons(Curriculum(["gold", "a", "b"], targets, 1, origins), ("x", "y"), tmp_path / "lessons.jsonl")
    assert read(tmp_path / "lessons.jsonl") == [
        {
            "text": "a",
            "scores": [{"label": "y", "score": 0.75}, {"label": "x", "score": 0.25}],
            "origin": "pool",
            "labelled_by": "teachers",
            "generator": None,
        },
        {
            "text": "b",
            "scores": [{"label": "x", "score": 1.0}],
            "origin": "generated",
            "labelled_by": "teachers",
            "generator": "embedded",
        },
    ]


def test_a_data_set_holds_every_part_with_its_provenance(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    taught = {
        "text": "lost parcel",
        "scores": [],
        "origin": "pool",
        "labelled_by": "teachers",
        "generator": None,
    }
    student = put(store, LESSONS, taught, {**taught, "text": "made up", "origin": "generated"})
    report = {"generators": [{"artifact": put(store, "judged.jsonl", JUDGED)}, {"artifact": None}]}
    (tmp_path / "out").mkdir()
    assemble_data(store, DATA, student, report, "ann/tickets", tmp_path / "out")

    assert read(tmp_path / "out" / "gold.jsonl") == [
        {"text": "where is it", "labels": ["delivery"], "origin": "gold"},
        {"text": "no refund", "labels": ["billing"], "origin": "answered"},
    ]
    assert read(tmp_path / "out" / "taught.jsonl") == [taught]
    assert read(tmp_path / "out" / "generated.jsonl") == [
        {**JUDGED, "scores": [{"name": "similarity", "score": 0.9}]}
    ]
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "config_name: taught" in card and "# What ann/tickets learnt from" in card


def test_parts_that_are_empty_are_left_out(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    (tmp_path / "out").mkdir()
    assemble_data(store, DATA, put(store, LESSONS), {"generators": []}, "ann/tickets", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.md", "gold.jsonl"}
