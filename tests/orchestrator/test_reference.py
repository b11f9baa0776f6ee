"""What packaged students saw: rows that nobody learnt from where there are enough, else texts alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from gts.orchestrator.aside import rows_aside
from gts.orchestrator.produce import produce
from gts.orchestrator.stages.common import pool_rows
from gts.orchestrator.stages.reference import write_reference
from gts.student.layout import StudentManifest, TaskInfo, read_manifest
from gts.student.reference import Reference
from gts.student.writers import write_static
from gts.tasks.dataset import Example, TaskData
from gts.tasks.spec import TaskSpec

LABELS = ("cooking", "football")
TopicTexts = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A student that knows one word."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "soup": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    task = TaskInfo(name="t")
    manifest = StudentManifest(task=task, labels=LABELS, tier="static")
    table = np.array([[0, 0], [4, 0]], np.float32)
    write_static(tmp_path / "student", tokenizer, table, np.eye(2), np.zeros(2), manifest)
    return tmp_path / "student"


def referred(folder: Path, data: TaskData, taught: int) -> Reference:
    write_reference(folder, data, taught)
    reference = read_manifest(folder).reference
    assert reference is not None
    return reference


def task(pool: list[str], picked: int = 0) -> TaskData:
    spec = TaskSpec(name="t", labels=list(LABELS), multi_label=False)
    gold = tuple(Example(f"soup {number}", (LABELS[number % 2],)) for number in range(4))
    return TaskData(spec, gold, tuple(pool), picked=picked)


def test_it_is_shown_rows_that_it_has_not_learnt_from(folder: Path) -> None:
    pool = [f"soup {number}" for number in range(300)]
    for place in pool_rows(300, 180, seed=0):
        pool[place] = "a text that it has learnt from, and a long one"
    seen = referred(folder, task(pool), taught=180)
    assert (seen.rows, seen.learnt) == (120, False)
    assert seen.histograms["length"].typical == len("soup 100")
    assert set(seen.histograms) == {"length", "tokens", "confidence"} and seen.labels == {"cooking": 120}


def test_rows_that_were_chosen_are_no_fair_sample(folder: Path) -> None:
    pool = [f"soup {number}" for number in range(150)] + ["what it was least sure of"] * 50
    seen = referred(folder, task(pool, picked=50), taught=0)
    assert seen.rows == 150 and seen.histograms["length"].typical < 10


def test_of_what_it_has_learnt_from_only_texts_count(folder: Path) -> None:
    seen = referred(folder, task([f"soup {number}" for number in range(150)]), taught=100)
    assert (seen.rows, seen.learnt, seen.labels) == (150, True, None) and set(seen.histograms) == {"length"}
    seen = referred(folder, task([]), taught=0)
    assert (seen.rows, seen.learnt) == (4, True), "labelled texts where there are no others"


def test_only_large_pools_give_up_some_of_their_rows() -> None:
    assert [rows_aside(pool) for pool in (0, 1_000, 1_499, 1_500, 10_000)] == [0, 0, 0, 150, 300]


def test_a_real_student_is_as_sure_of_its_reference_as_of_new_texts(
    topic_texts: TopicTexts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gts.platform.traffic.drift import shifts
    from gts.student.observing import observe
    from gts.student.opening import open_student
    from gts.student.tokenizing import shared_tokenizer

    monkeypatch.setenv("GTS_CATALOGUE", str(tmp_path / "none.json"))
    (tmp_path / "none.json").write_text('{"models": []}')
    gold = tuple(Example(text, (label,)) for label in LABELS for text in topic_texts(label, 6, seed=1))
    pool = tuple(text for label in LABELS for text in topic_texts(label, 750, seed=2))
    spec = {"name": "t", "labels": list(LABELS), "multi_label": False, "language": "xx"}
    spec |= {"student": {"tier": "static"}, "budget": {"seconds": 5}}
    report = produce(
        TaskData(TaskSpec.model_validate(spec), gold, pool), tmp_path / "out", store_root=tmp_path / "store"
    )
    assert report["counts"]["pool"] == 1_500
    student = open_student(tmp_path / "out")
    reference = student.manifest.reference
    assert reference is not None and not reference.learnt and reference.rows >= 150
    rows = [{"text": text} for label in LABELS for text in topic_texts(label, 300, seed=3)]
    seen = observe(student.manifest, rows, student.answer(rows), shared_tokenizer(tmp_path / "out").tokenizer)
    assert [one.verdict for one in shifts(reference, seen)] == ["same"] * 4
    strange = [{"text": "совсем другой язык и другое письмо"}] * 200
    seen = observe(
        student.manifest, strange, student.answer(strange), shared_tokenizer(tmp_path / "out").tokenizer
    )
    assert "much" in [one.verdict for one in shifts(reference, seen)]
    written = (tmp_path / "out" / "gts.json").read_text("utf-8")
    assert not any(word in written for word in ("soup", "striker")), "no word of anybody's texts"
