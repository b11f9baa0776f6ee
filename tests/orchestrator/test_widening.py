"""Tasks that get more unlabelled rows: what is new to them, and that all else stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.taskstore import get_task, put_task
from gts.orchestrator.widening import pool_row, put_widened, unseen_rows
from gts.tasks.dataset import Example, TaskData
from gts.tasks.rows import MarkedRow, PairRow, RowTask, SummaryRow
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span, Structure


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def test_rows_that_are_labelled_unlabelled_tested_or_repeated_are_not_new(store: ArtifactStore) -> None:
    spec = TaskSpec(name="t", labels=["a", "b"], multi_label=False)
    data = TaskData(spec, (Example("Gold text", ("a",)),), ("a pool text",), (Example("tested", ("b",)),))
    task = put_task(store, data)
    asked = ["gold  TEXT", "A pool text", "Tested", "new", " NEW ", "", "\u200b", "also new", "x" * 300_000]
    assert unseen_rows(store, task, [{"text": text} for text in asked]) == {3: "new", 7: "also new"}


def test_all_else_of_a_task_stays(store: ArtifactStore) -> None:
    spec = TaskSpec.model_validate({"name": "t", "labels": ["a", "b"], "budget": {"seconds": 9}})
    data = TaskData(spec, (Example("g", ("a",)),), ("p",), (Example("t", ("b",)),), ("a note",))
    task = put_task(store, data)
    wider = put_widened(store, task, ["new"], picked=["hard"], note="2 rows came")
    found = get_task(store, wider)
    assert found == replace(data, pool=("p", "new", "hard"), notes=("a note", "2 rows came"), picked=1)
    again = get_task(store, put_widened(store, wider, ["more"], note="one came"))
    assert again.pool == ("p", "new", "hard", "more") and again.picked == 1
    assert get_task(store, task) == data
    assert list((store.root / "tmp").iterdir()) == []


PAIRS = TaskSpec(name="t", type="similarity")
GIVEN = TaskSpec(name="t", type="relation", entities=["team"], relations=["beats"], entities_given=True)


@pytest.mark.parametrize(
    ("data", "asked", "new"),
    [
        (
            RowTask(PAIRS, (PairRow("one", "two", 1.0),), (PairRow("a", "b"),), sentences=("c",)),
            [
                ("text_a", "Two", "text_b", "one"),
                ("text_a", "b", "text_b", "a"),
                ("text_a", "a", "text_b", "c"),
            ],
            {2: ("a", "c")},
        ),
        (
            RowTask(
                TaskSpec(name="t", type="summarization"), (SummaryRow("long", "short"),), (SummaryRow("p"),)
            ),
            [("text", "Long"), ("text", "p"), ("text", " other ")],
            {2: ("other",)},
        ),
        (
            RowTask(
                TaskSpec(name="t", type="ner", entities=["person"]),
                (MarkedRow("Ada wrote", Structure((Span(0, 3, "person"),))),),
            ),
            [("text", "ada  wrote"), ("text", " Ada "), ("text", "\n")],
            {1: (" Ada ",)},
        ),
    ],
)
def test_rows_of_every_type_are_told_apart(
    data: RowTask, asked: list[tuple[str, ...]], new: dict[int, tuple[str, ...]], store: ArtifactStore
) -> None:
    rows: list[dict[str, Any]] = [dict(zip(row[::2], row[1::2], strict=True)) for row in asked]
    task = put_task(store, data)
    found = unseen_rows(store, task, rows)
    texts = {
        number: tuple(v for v in row.to_json().values() if isinstance(v, str) and v != "pool")
        for number, row in found.items()
        if not isinstance(row, str)
    }
    assert texts == new
    wider = get_task(store, put_widened(store, task, list(found.values()), note="some came"))
    assert wider.pool == (*data.pool, *found.values()) and wider.gold == data.gold
    assert isinstance(wider, RowTask) and wider.sentences == data.sentences


def test_given_entities_come_along_and_those_of_unknown_types_do_not() -> None:
    row = {
        "text": "A beats B",
        "entities": [{"start": 8, "end": 9, "type": "team"}, {"start": 0, "end": 1, "type": "team"}],
    }
    made = pool_row(row, GIVEN)
    assert isinstance(made, MarkedRow)
    assert made.given == (Span(0, 1, "team"), Span(8, 9, "team")) and made.found is None
    assert pool_row({**row, "entities": [{"start": 0, "end": 1, "type": "horse"}]}, GIVEN) is None


def test_texts_with_other_entities_than_labelled_ones_are_not_new(store: ArtifactStore) -> None:
    gold = MarkedRow("A beats B", Structure(), (Span(0, 1, "team"),))
    pool = MarkedRow("C beats D", None, (Span(0, 1, "team"),))
    task = put_task(store, RowTask(GIVEN, (gold,), (pool,)))
    other = [{"start": 8, "end": 9, "type": "team"}]
    rows = [{"text": text, "entities": other} for text in ("A beats B", "C beats D")]
    assert list(unseen_rows(store, task, rows)) == [1], "of what is unlabelled each set of entities is a row"
