from __future__ import annotations

from gts.orchestrator.mining import with_mined_pairs
from gts.tasks.dataset import TaskData
from gts.tasks.rows import PairRow, RowTask
from gts.tasks.taskfile import load_task_document

QUESTIONS = [
    f"{ask} {thing}?" for thing in ("the parcel", "my invoice", "the shop") for ask in ("where is", "who has")
]


def task(**more: object) -> RowTask:
    rows = [{"text_a": f"how is {n}", "text_b": f"what about {n}", "label": n % 2} for n in range(8)]
    data = load_task_document({"name": "twins", "type": "similarity", "examples": rows, **more})
    assert isinstance(data, RowTask)
    return data


def test_single_texts_become_pairs_that_look_alike() -> None:
    mined = with_mined_pairs(task(unlabeled=QUESTIONS))

    assert isinstance(mined, RowTask)
    assert not mined.sentences
    assert 0 < len(mined.pool) <= 2 * len(QUESTIONS)
    assert all(isinstance(row, PairRow) and row.score is None for row in mined.pool)
    assert all({row.text_a, row.text_b} <= set(QUESTIONS) for row in mined.pool)
    assert with_mined_pairs(task(unlabeled=QUESTIONS)) == mined


def test_other_tasks_stay_as_they_are() -> None:
    pairs = task()
    assert with_mined_pairs(pairs) is pairs
    rows = [{"text": f"{word} {n}", "label": word} for word in ("up", "down") for n in range(2)]
    labels = load_task_document({"name": "lift", "examples": rows})
    assert isinstance(labels, TaskData)
    assert with_mined_pairs(labels) is labels
