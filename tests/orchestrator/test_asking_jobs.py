"""A job that asks: it publishes a student, waits for answers, learns from them, and goes on only to something better."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import BlobStore
from gts.core.database import Database
from gts.orchestrator import asking, jobs, steering
from gts.orchestrator.compute.inline import InlineCompute
from gts.orchestrator.engine import job_runner
from gts.orchestrator.questions import Question, QuestionKind
from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.records import Job
from gts.orchestrator.stages import STAGES
from gts.orchestrator.states import JobState
from gts.orchestrator.succession import is_better, with_earlier_student
from gts.orchestrator.taskstore import put_task
from gts.orchestrator.worker import Worker
from gts.registry.registry import Registry
from gts.tasks.taskfile import load_task_document

LABELS = {
    "银行": ["取款机吞了我的卡", "转账还没有到账", "银行卡丢了怎么办", "账户余额不对"],
    "快递": ["包裹还没有送到", "快递员没有打电话", "包裹被送错了地址", "什么时候发货"],
}
POOL = [
    f"{text}，{more}"
    for texts in LABELS.values()
    for text in texts
    for more in ("请帮我查一下", "已经三天了", "我很着急", "谢谢")
]


def document(**budget: Any) -> dict[str, Any]:
    examples = [{"text": text, "label": label} for label, texts in LABELS.items() for text in texts]
    own = {"name": "mail", "language": "zh", "examples": examples, "unlabeled": POOL}
    return {**own, "budget": budget, "generators": []}


def truth(text: str) -> str:
    return next(label for label, texts in LABELS.items() if any(text.startswith(one) for one in texts))


@pytest.fixture
def run_next(database: Database, store: ArtifactStore, tmp_path: Path) -> Iterator[Any]:
    registry = Registry(database, BlobStore(tmp_path / "blobs"))
    worker = Worker(database, store, InlineCompute(store, STAGES), job_runner(registry, database))

    def run(job_id: str) -> Job:
        assert worker.run_once()
        with database.reading() as session:
            return jobs.get(session, job_id)

    yield run


def submit(database: Database, store: ArtifactStore, document: dict[str, Any]) -> Job:
    data = load_task_document(document)
    with database.writing() as session:
        spec = data.spec.model_dump(mode="json")
        return jobs.submit(
            session, owner="ann", namespace="ann", name="mail", spec=spec, task_artifact=put_task(store, data)
        )


def open_questions(database: Database, job: Job) -> list[Question]:
    with database.reading() as session:
        return [question for question in asking.asked_by(session, job.id) if question.state == "open"]


def answer_all(database: Database, job: Job) -> int:
    """Say the truth to every open question; returns how many texts of the pool that labels."""
    questions = open_questions(database, job)
    for question in questions:
        with database.writing() as session:
            asking.answer(session, job, question.id, {"labels": [truth(question.texts[0])]}, by="ann")
    return sum(question.kind == QuestionKind.LABEL for question in questions)


def test_a_job_that_may_ask_waits_and_learns_from_the_answers(
    database: Database, store: ArtifactStore, run_next: Any
) -> None:
    job = submit(database, store, document(questions=12, seconds=60))

    first = run_next(job.id)
    assert first.state == JobState.WAITING
    assert first.model is not None and first.report is not None
    asked = open_questions(database, job)
    assert first.report["questions"] == {"answered": 0, "open": len(asked)} and 1 <= len(asked) <= 10
    assert len({question.texts for question in asked}) == len(asked)
    assert {question.kind for question in asked} <= {QuestionKind.LABEL, QuestionKind.MISLABELLED}
    assert QuestionKind.LABEL in {question.kind for question in asked}
    assert "ask" in [decision["action"] for decision in first.report["decisions"]]

    answered = answer_all(database, job)
    with database.writing() as session:
        steering.continue_(session, job.id, by="ann")
    second = run_next(job.id)
    assert second.report is not None
    assert second.report["counts"]["gold"] == 8 + answered
    assert second.report["counts"]["pool"] == len(POOL) - answered
    assert second.report["estimate"]["n"] == 8, "measured on what the machine did not choose"
    assert second.report["questions"]["answered"] == len(asked)
    assert not {q.texts for q in open_questions(database, job)} & {q.texts for q in asked}
    assert len(open_questions(database, job)) == 12 - len(asked)

    answer_all(database, job)
    with database.writing() as session:
        steering.continue_(session, job.id, by="ann")
    assert run_next(job.id).state == JobState.SUCCEEDED, "twelve answers were all it might ask for"


def test_what_was_answered_while_an_attempt_died_is_learnt_from_at_once(
    database: Database, store: ArtifactStore, run_next: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(database, store, document(questions=3, seconds=60))
    wait = JobRecorder.wait

    def answered_meanwhile(self: JobRecorder, report: Any, model: Any, questions: Any) -> None:
        with database.writing() as session:
            asking.pose(session, job, questions)
        answer_all(database, job)
        wait(self, report, model, questions)

    monkeypatch.setattr(JobRecorder, "wait", answered_meanwhile)

    assert run_next(job.id).state == JobState.QUEUED


def test_without_leave_nobody_is_asked(database: Database, store: ArtifactStore, run_next: Any) -> None:
    job = submit(database, store, document(seconds=60))
    ended = run_next(job.id)

    assert ended.state == JobState.SUCCEEDED
    assert open_questions(database, job) == []


def report(value: float, on: str = "a", **more: Any) -> dict[str, Any]:
    return {"estimate": {"metric": "accuracy", "value": value}, "measured_on": on, "notes": ["kept"], **more}


def test_only_a_student_that_measures_lower_on_the_same_rows_is_held_back() -> None:
    assert is_better(report(0.9), report(0.8))
    assert not is_better(report(0.9), report(0.9))
    assert not is_better(report(0.8), report(0.9))
    assert not is_better(report(0.9, on="b"), report(0.8))


def test_the_report_says_that_the_earlier_student_stays_and_says_it_once() -> None:
    once = with_earlier_student(report(0.9, tier="mini"), report(0.8))
    twice = with_earlier_student(once, report(0.7))

    assert once["tier"] == "mini"
    assert [note for note in twice["notes"] if "stays" in note] == [twice["notes"][-1]]
    assert "0.700" in twice["notes"][-1] and "0.900" in twice["notes"][-1]
