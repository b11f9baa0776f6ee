"""The log of what models are asked: what is kept and what is not, for how long, and that nobody waits for it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import event
from tiny_student import write_tiny_student

from gts.core.blobs import BlobStore
from gts.core.database import Database, now
from gts.platform.settings import Settings
from gts.platform.traffic import stored
from gts.platform.traffic.log import TrafficLog, is_drawn, read_part
from gts.registry.registry import Registry
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.opening import open_student

TEXTS = ["my parcel is late", "a refund please", "hello"]


class Lab:
    """A registry with one model, asked without a server in front."""

    def __init__(self, url, folder):
        self.database = Database(url)
        self.registry = Registry(self.database, BlobStore(folder / "blobs"))
        self.student = open_student(write_tiny_student(folder / "student"))
        self.commit = self.registry.publish(
            "local", "tickets", folder / "student", "first", author="local"
        ).oid
        self.folder = folder
        self.logs = []

    def log(self, **settings):
        made = TrafficLog(self.database, self.registry, Settings(data_dir=self.folder, **settings))
        self.logs.append(made)
        return made

    def ask(self, log, texts=TEXTS, **options):
        rows = [{"text": text} for text in texts]
        log.note("local/tickets", self.commit, rows, self.student.answer(rows), **options)
        assert log.flush()

    def kept(self, **options):
        with self.database.reading() as session:
            return stored.newest(session, stored.repository_of(session, self.commit), **options)

    def close(self):
        for log in self.logs:
            log.close()
        self.database.close()


@pytest.fixture
def lab(database_url, tmp_path):
    made = Lab(database_url, tmp_path)
    yield made
    made.close()


def test_nothing_is_kept_unless_somebody_wants_it(lab):
    log = lab.log()
    lab.ask(log)
    assert lab.kept() == [] and (log.kept, log.dropped) == (0, 0)


def test_a_row_is_kept_with_its_answer_and_how_sure_it_was(lab):
    log = lab.log(log_predictions=1)
    lab.ask(log, ["my parcel \0 is late", "再见 👋"])
    newest, oldest = lab.kept()
    assert oldest.row == {"text": "my parcel \0 is late"} and newest.row == {"text": "再见 👋"}
    assert oldest.answer["labels"] == ["delivery"]
    assert oldest.confidence == max(line["score"] for line in oldest.answer["scores"])
    assert (oldest.commit, oldest.answered_by, oldest.told) == (lab.commit, "student", None)
    assert abs(now() - oldest.at) < timedelta(minutes=1)
    assert log.kept == 2


def test_who_answered_in_the_students_place_is_kept_beside_what_it_said(lab):
    rows = [{"text": text} for text in TEXTS]
    answers = lab.student.answer(rows)
    told = [
        {**answers[0], "answered_by": "student"},
        {"labels": ["billing"], "scores": [], "answered_by": "big"},
        {**answers[2], "labels": [], "answered_by": None},
    ]
    log = lab.log(log_predictions=1)
    log.note("local/tickets", lab.commit, rows, answers, told=told)
    assert log.flush()
    third, second, first = lab.kept()
    assert [row.answered_by for row in (first, second, third)] == ["student", "big", None]
    assert [row.told for row in (first, second, third)] == [None, {"labels": ["billing"], "scores": []}, None]
    assert [dict(row.answer) for row in (first, second, third)] == answers


def test_only_what_the_student_reads_is_kept():
    ner = StudentManifest(task=TaskInfo(name="t", type="relation"), tier="mini", entities_given=True)
    asked = {"text": "Ada", "user": "ann", "entities": [{"start": 0, "end": 3, "note": "x", "type": None}]}
    assert read_part(asked, ner) == {"text": "Ada", "entities": [{"start": 0, "end": 3}]}
    pairs = StudentManifest(task=TaskInfo(name="t", type="similarity"), tier="static")
    assert read_part({"text_a": "a", "text_b": "b", "label": 1}, pairs) == {"text_a": "a", "text_b": "b"}


def test_a_share_is_a_part_of_every_batch_and_the_same_part_each_time(lab):
    texts = [f"text {number}" for number in range(400)]
    log = lab.log(log_predictions=0.25)
    lab.ask(log, texts)
    first = {row.row["text"] for row in lab.kept(limit=1000)}
    assert 70 <= len(first) <= 130, "neither all of a batch nor nothing"
    lab.ask(log, texts[::-1])
    assert {row.row["text"] for row in lab.kept(limit=1000)} == first
    assert {text for text in texts if is_drawn({"text": text}, 0.5)} > first


def test_one_model_is_switched_on_and_off_over_the_setting(lab):
    silent, loud = lab.log(), lab.log(log_predictions=1)
    lab.ask(silent)

    def say(share):
        with lab.database.writing() as session:
            stored.set_logging(session, stored.repository_of(session, lab.commit), share, by="ann")
        silent.reconsider()
        loud.reconsider()

    say(1.0)
    lab.ask(silent)
    assert len(lab.kept()) == 3
    say(0.0)
    lab.ask(loud)
    lab.ask(silent)
    assert len(lab.kept()) == 3
    say(None)
    lab.ask(silent)
    lab.ask(loud)
    assert len(lab.kept()) == 6


def test_old_rows_go_and_the_oldest_beyond_a_number(lab):
    log = lab.log(log_predictions=1)
    lab.ask(log)
    long_ago = now() - timedelta(days=31)
    with lab.database.writing() as session:
        first = lab.kept()[-1].number
        session.execute(
            stored.PredictionRow.__table__.update()
            .where(stored.PredictionRow.id == first)
            .values(at=long_ago)
        )
    with lab.database.writing() as session:
        assert stored.expire(session, before=now() - timedelta(days=30), rows=100) == 1
        assert stored.expire(session, before=now() - timedelta(days=30), rows=100) == 0
    assert [row.row["text"] for row in lab.kept()] == TEXTS[:0:-1]
    with lab.database.writing() as session:
        assert stored.expire(session, before=now() - timedelta(days=30), rows=1) == 1
    assert [row.row["text"] for row in lab.kept()] == TEXTS[:1:-1]


def test_a_server_removes_what_is_old_when_it_starts(lab):
    log = lab.log(log_predictions=1)
    lab.ask(log)
    other = lab.log(keep_predictions_rows=1)
    other.start()
    deadline = time.monotonic() + 10
    while len(lab.kept()) > 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(lab.kept()) == 1


def test_rows_go_with_their_model_and_by_themselves(lab):
    log = lab.log(log_predictions=1)
    lab.ask(log)
    with lab.database.writing() as session:
        repository = stored.repository_of(session, lab.commit)
        assert stored.forget(session, repository) == 3 and stored.forget(session, repository) == 0
    lab.ask(log)
    with lab.database.writing() as session:
        session.execute(stored.CommitRow.__table__.metadata.tables["repositories"].delete())
    with lab.database.reading() as session:
        assert session.query(stored.PredictionRow).count() == 0
    log.reconsider()
    lab.ask(log, ["after its end"])
    assert log.dropped == 0, "a model that is gone is no failure"


def test_what_finds_no_room_or_is_no_json_is_dropped_and_counted(lab):
    log = lab.log(log_predictions=1)
    rows = [{"text": "broken weights"}, {"text": "fine"}]
    broken, fine = lab.student.answer(rows)
    broken["scores"][0]["score"] = float("nan")
    log.note("local/tickets", lab.commit, rows, [broken, fine])
    assert log.flush()
    assert [row.row["text"] for row in lab.kept()] == ["fine"] and log.dropped == 1
    huge = [{"text": "x" * 9_000_000}]
    log.note("local/tickets", lab.commit, huge, [fine])
    assert log.dropped == 2
    log.close()
    log.note("local/tickets", lab.commit, rows[1:], [fine])
    assert log.dropped == 3, "a server that stops takes no more"


def test_a_database_that_is_away_loses_rows_and_fails_no_answer(lab, caplog):
    log = lab.log(log_predictions=1)
    lab.ask(log)
    table = stored.PredictionRow.__table__
    with lab.database.writing() as session:
        table.drop(session.connection())
    lab.ask(log)
    assert log.dropped == 3 and "is not kept" in caplog.text
    assert "parcel" not in caplog.text, "people's texts stand in no server log"
    with lab.database.writing() as session:
        table.create(session.connection())
    lab.ask(log)
    assert len(lab.kept()) == 3 and log.kept == 6


def test_many_requests_are_written_together_and_a_removed_model_costs_no_other_its_rows(lab, tmp_path):
    log = lab.log(log_predictions=1)
    other = lab.registry.publish("local", "gone", tmp_path / "student", "first", author="local").oid
    rows = [{"text": "hello"}]
    answers = lab.student.answer(rows)
    log.note("local/gone", other, rows, answers)
    assert log.flush()
    commits = []
    event.listen(lab.database.engine, "commit", lambda connection: commits.append(connection))
    with lab.database.writing() as session:
        gone = stored.repository_of(session, other)
        session.execute(
            stored.CommitRow.__table__.metadata.tables["repositories"].delete().filter_by(id=gone)
        )
    commits.clear()
    for number in range(50):
        log.note("local/tickets", lab.commit, [{"text": f"text {number}"}], answers)
        log.note("local/gone", other, rows, answers)
    assert log.flush()
    assert len(lab.kept(limit=100)) == 50 and log.dropped == 50
    assert len(commits) < 10
