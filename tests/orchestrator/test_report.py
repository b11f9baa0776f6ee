"""The report has the form that pages, command line and model card are written against."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from canned_stages import canned, logits_of

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.production import produce_student
from gts.orchestrator.report import report_of
from gts.student.card import model_card
from gts.student.layout import read_manifest
from gts.tasks.dataset import Example, TaskData, save_task
from gts.tasks.spec import TaskSpec

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def documented() -> dict[str, Any]:
    text = ARCHITECTURE.read_text("utf-8")
    block = re.search(r"## Report\n+```json\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return dict(json.loads(block[1]))


def make(
    store: ArtifactStore, *, test: int = 6, pool: int = 20, multi: bool = False
) -> tuple[dict[str, Any], Path]:
    names = [("a",), ("b",), ("a", "b") if multi else ("b",)]
    data = TaskData(
        TaskSpec.model_validate(
            {"name": "tickets", "labels": ["a", "b"], "multi_label": multi, "language": "en"}
        ),
        tuple(Example(f"gold {i}", names[i % 3]) for i in range(12)),
        tuple(f"pool {i}" for i in range(pool)),
        tuple(Example(f"test {i}", names[i % 3]) for i in range(test)),
        ("2 duplicate texts were removed from the pool",),
    )
    with store.workspace() as folder:
        save_task(data, folder)
        task = store.commit(folder)
    recorder = EventRecorder(lambda event: None)
    stages = canned(logits_of({"mini": 0.9, "static generated": 0.9}))
    production = produce_student(task, store, InlineCompute(store, stages), recorder)
    return report_of(production), store.path(production.package)


def kind(value: object) -> str:
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def differences(example: Any, found: Any, where: str = "report") -> list[str]:
    """Where a value lacks what the example has, or has it in another kind."""
    if isinstance(example, dict) and isinstance(found, dict):
        if where.endswith("rejected"):
            return []
        missing = [f"{where}.{key} is missing" for key in example if key not in found]
        shared = (key for key in example if key in found)
        return missing + [
            line for key in shared for line in differences(example[key], found[key], f"{where}.{key}")
        ]
    if isinstance(example, list) and isinstance(found, list):
        return [
            line for i, item in enumerate(found) for line in differences(example[0], item, f"{where}[{i}]")
        ]
    if found is None and re.search(r"decisions\[\d+\](\.forecast)?\.(value|low|high)$", where):
        return []  # before there is a student, and where none is trained
    return [] if kind(example) == kind(found) else [f"{where} is {kind(found)}, not {kind(example)}"]


@pytest.mark.parametrize("multi", [False, True], ids=["single-label", "multi-label"])
def test_the_report_is_the_documented_one(store: ArtifactStore, multi: bool) -> None:
    report, _ = make(store, multi=multi)

    assert list(report) == list(documented())
    assert differences(documented(), report) == []
    json.dumps(report, allow_nan=False)


def test_without_test_texts_there_is_no_test_result(store: ArtifactStore) -> None:
    report, _ = make(store, test=0)

    assert report["test"] is None
    assert all(student["test"] is None for student in report["students"])


def test_the_test_file_is_judged_for_the_twin_too(store: ArtifactStore) -> None:
    report, _ = make(store, test=6)

    assert report["test"]["student"]["n"] == report["test"]["seed_only"]["n"] == 6
    assert 0 <= report["test"]["seed_only"]["accuracy"] <= 1


def test_teachers_are_listed_with_their_share_best_first(store: ArtifactStore) -> None:
    teachers = make(store)[0]["teachers"]

    assert [teacher["name"] for teacher in teachers] == ["tuned", "lexical", "encoder-spread"]
    assert [teacher["used"] for teacher in teachers] == [True, True, False]
    assert sum(teacher["weight"] for teacher in teachers) == pytest.approx(1)
    assert all(teacher["reason"] for teacher in teachers)


def test_a_generator_that_was_not_tried_says_why(store: ArtifactStore) -> None:
    report = make(store, pool=500)[0]

    (row,) = report["generators"]
    assert (row["name"], row["used"], row["artifact"]) == ("embedded", False, None)
    assert row["reason"] == "not tried: there is enough unlabelled text, 500 for 2 labels"
    assert report["generation_note"] == row["reason"]


def test_students_are_listed_from_small_to_large_and_one_is_published(store: ArtifactStore) -> None:
    students = make(store)[0]["students"]

    assert [student["tier"] for student in students] == ["static", "mini"]
    assert [student["published"] for student in students].count(True) == 1


def test_the_card_can_be_written_from_it(store: ArtifactStore) -> None:
    report, package = make(store)
    card = model_card(report, read_manifest(package), "ann/tickets")

    assert f"{report['estimate']['value']:.0%}" in card
    assert "gold 1" not in card
