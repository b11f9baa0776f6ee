"""gts.json says what a student is, and says clearly when it cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.student.layout import (
    MANIFEST,
    StudentManifest,
    TaskInfo,
    count_parameters,
    read_manifest,
    write_manifest,
)


def test_round_trip(tmp_path: Path, make_manifest: Callable[..., StudentManifest]) -> None:
    task = TaskInfo(name="mood", language="zh", multi_label=True)
    written = make_manifest(
        task=task, thresholds=(0.5, 0.4, 0.3), metrics={"accuracy": 0.9}, labels=("好", "\n:", "<b>")
    )
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path) == written
    assert json.loads((tmp_path / MANIFEST).read_text("utf-8"))["format"] == 1


def test_a_folder_without_it_is_no_student(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no gts\.json"):
        read_manifest(tmp_path)
    with pytest.raises(NotFound, match="is not a folder"):
        read_manifest(tmp_path / "nothing")


def test_a_newer_format_asks_for_an_upgrade(
    tmp_path: Path, make_manifest: Callable[..., StudentManifest]
) -> None:
    document = make_manifest().model_dump(mode="json") | {"format": 2, "labels": {"new": "shape"}}
    (tmp_path / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match=r"format 2.*upgrade"):
        read_manifest(tmp_path)


def test_fields_of_later_versions_are_passed_over(
    tmp_path: Path, make_manifest: Callable[..., StudentManifest]
) -> None:
    document = make_manifest().model_dump(mode="json") | {"colour": "blue"}
    (tmp_path / MANIFEST).write_text(json.dumps(document))
    assert read_manifest(tmp_path).labels == make_manifest().labels


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": 1}', "\ufffe", '{"format": "one", "labels": ["a"]}']
)
def test_damage_is_reported(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content, "utf-16-le")
    with pytest.raises(StorageError, match=r"gts\.json"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text(content, "utf-8")
    with pytest.raises(StorageError, match=r"gts\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ("a", "a", "b")},
        {"labels": ()},
        {"thresholds": (0.5, 0.5, 0.5)},
        {"task": TaskInfo(name="t", multi_label=True), "thresholds": (0.5,)},
        {"max_length": 0},
    ],
)
def test_contradictions_are_refused(
    changes: dict[str, object], make_manifest: Callable[..., StudentManifest]
) -> None:
    with pytest.raises(ValidationError):
        make_manifest(**changes)


def test_parameters_are_counted_from_headers(static_folder: Path) -> None:
    rows = len(json.loads((static_folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
    assert count_parameters(static_folder) == rows * 16 + 3 * 16 + 3


def test_everyone_may_read_every_file(static_folder: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in static_folder.rglob("*") if path.is_file()} == {0o644}
