"""Pairs made of a similarity task's single texts, as a stage that is done once."""

from __future__ import annotations

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.decisions import Decisions
from gts.orchestrator.produce import EventRecorder
from gts.orchestrator.row_actions import prepare
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.stages import STAGES
from gts.orchestrator.taskstore import get_task, put_task
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


def runner_of(store: ArtifactStore, data: RowTask) -> StageRunner:
    return StageRunner(
        put_task(store, data), store, InlineCompute(store, STAGES), EventRecorder(lambda event: None)
    )


def test_single_texts_become_pairs_for_every_later_stage(store: ArtifactStore) -> None:
    data = task(unlabeled=QUESTIONS)
    runner = runner_of(store, data)

    prepare(runner, data, Decisions(runner))

    mined = get_task(store, runner.task)
    assert isinstance(mined, RowTask)
    assert (mined.gold, mined.sentences) == (data.gold, ())
    assert 0 < len(mined.pool) <= 2 * len(QUESTIONS)
    assert all(isinstance(row, PairRow) and row.score is None for row in mined.pool)
    assert all({row.text_a, row.text_b} <= set(QUESTIONS) for row in mined.pool)


def test_a_job_that_starts_again_does_not_mine_again(store: ArtifactStore) -> None:
    data = task(unlabeled=QUESTIONS)
    first, again = runner_of(store, data), runner_of(store, data)

    prepare(first, data, Decisions(first))
    prepare(again, data, Decisions(again))

    assert first.task == again.task
    assert [row["cached"] for row in (*first.account, *again.account)] == [False, True]


def test_given_pairs_stay_as_they_are(store: ArtifactStore) -> None:
    data = task()
    runner = runner_of(store, data)

    prepare(runner, data, Decisions(runner))

    assert runner.task == put_task(store, data)
    assert not runner.account
