"""Real students of every task type but classification, each trained in a second or two, and rows they get right."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gts.student.layout import StudentManifest, TaskInfo
from gts.student.pairs.files import publish as publish_pairs
from gts.student.pairs.lessons import gold_lessons
from gts.student.pairs.manifest import pair_manifest
from gts.student.pairs.static import StaticPairConfig, own_start, train_static_pairs
from gts.student.spans.export import export_span_student
from gts.student.spans.labels import Lesson
from gts.student.spans.training import SpanConfig, train
from gts.student.summaries.choosing import Choice
from gts.student.summaries.files import publish as publish_summaries
from gts.student.summaries.lessons import SummaryLesson
from gts.student.summaries.lexicon import train_static_summaries
from gts.student.vocabulary import train_tokenizer
from gts.tasks.gains import gains
from gts.tasks.items import certain
from gts.tasks.pieces import cut
from gts.tasks.rows import MarkedRow, PairRow
from gts.tasks.schema import Schema
from gts.tasks.spec import SummaryLength
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

FILLER, DISHES, TEAMS = (
    ["please", "again", "today", "when", "not"],
    ["soup", "bread", "salt"],
    ["goal", "match", "coach"],
)
SCHEMAS = {
    "ner": Schema(entities={"dish": {}, "team": {}}),
    "relation": Schema(entities={"team": {}}, relations={"beats": {}}),
    "event": Schema(events={"meal": {"roles": {"what": ""}}}),
}
_QUICK = SpanConfig(steps=80, batch_size=16, learning_rate=1e-3, head_rate=1e-2, length=24, overlap=10)

Made = dict[str, tuple[Path, list[dict[str, Any]]]]
"""Name to the student's folder and labelled rows, as a test file holds them."""


def make_row_students(folder: Path, encoder: Path) -> Made:
    """Students ``ner``, ``relation``, ``given`` (relations between given entities), ``event``, ``similarity``,
    ``graded`` and ``summarization``."""
    made: Made = {}
    for name, rows in (("ner", _marked), ("relation", _beats), ("event", _meals)):
        made[name] = _spans(folder / name, encoder, name, rows)
    made["given"] = _spans(folder / "given", encoder, "relation", _beats, given=True)
    made["similarity"] = _pairs(folder / "similarity", None)
    made["graded"] = _pairs(folder / "graded", (1.0, 5.0))
    made["summarization"] = _summaries(folder / "summarization")
    return made


def _spans(
    folder: Path,
    encoder: Path,
    task_type: str,
    make: Callable[[random.Random], MarkedRow],
    *,
    given: bool = False,
) -> tuple[Path, list[dict[str, Any]]]:
    rng = random.Random(0)
    rows = [make(rng) for _ in range(48)]
    if given:
        rows = [
            replace(row, given=row.found.entities, found=Structure((), row.found.relations)) for row in rows
        ]
    schema = SCHEMAS[task_type]
    taught = [Lesson(row, certain(row.found)) for row in rows[:40]]
    train(taught, schema, encoder, folder / "trained", _QUICK, given=given)
    task = TaskInfo(name=task_type, type=task_type, language="en")
    manifest = StudentManifest(task=task, tier="mini", looks_for=schema, entities_given=given)
    export_span_student(folder / "trained", manifest, folder / "student", rows[40:])
    tested = [_labelled(row, task_type) for row in rows[40:]]
    return folder / "student", tested


def _labelled(row: MarkedRow, task_type: str) -> dict[str, Any]:
    found = row.found.to_json()
    entities = [span.to_json() for span in row.given or row.found.entities]
    if task_type == "event":
        return {"text": row.text, "events": found["events"]}
    relations = {"relations": found.get("relations", [])} if task_type == "relation" else {}
    return {"text": row.text, "entities": entities, **relations}


def _placed(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    places, at = [], 0
    for word in words:
        places.append((at, at + len(word)))
        at += len(word) + 1
    return " ".join(words), places


def _marked(rng: random.Random) -> MarkedRow:
    words = rng.choices(FILLER, k=6)
    one, other = rng.sample(range(6), 2)
    words[one], words[other] = rng.choice(DISHES), rng.choice(TEAMS)
    text, places = _placed(words)
    return MarkedRow(text, Structure((Span(*places[one], "dish"), Span(*places[other], "team"))).ordered())


def _beats(rng: random.Random) -> MarkedRow:
    """``goal very match``: the one on the left beats the other, if ``very`` stands between them."""
    words = rng.choices(FILLER, k=6)
    words[1], words[3] = rng.sample(TEAMS, 2)
    holds = rng.random() < 0.5
    words[2] = "very" if holds else "the"
    text, places = _placed(words)
    one, other = (Span(*places[at], "team") for at in (1, 3))
    return MarkedRow(text, Structure((one, other), (Relation("beats", one, other),) if holds else ()))


def _meals(rng: random.Random) -> MarkedRow:
    words = rng.choices(FILLER, k=6)
    verb, dish = rng.sample(range(6), 2)
    words[verb], words[dish] = "boil", rng.choice(DISHES)
    text, places = _placed(words)
    event = Event("meal", Span(*places[verb]), (Argument("what", *places[dish]),))
    return MarkedRow(text, Structure((), (), (event,)))


def _pairs(folder: Path, scale: tuple[float, float] | None) -> tuple[Path, list[dict[str, Any]]]:
    """Pairs are alike if both are about dishes, or both about teams."""
    rng = random.Random(0)
    rows = []
    for number in range(208):
        one = rng.choice((DISHES, TEAMS))
        other = one if number % 2 else (TEAMS if one is DISHES else DISHES)
        texts = (" ".join([*rng.sample(words, 2), rng.choice(FILLER)]) for words in (one, other))
        low, high = scale or (0.0, 1.0)
        rows.append(PairRow(*texts, high if number % 2 else low))
    config = StaticPairConfig(max_length=32)
    start = own_start([text for row in rows for text in (row.text_a, row.text_b)], config)
    student = train_static_pairs(gold_lessons(rows[:192], scale), *start, config)
    task = TaskInfo(name="pairs", type="similarity", language="en")
    publish_pairs(student, folder, pair_manifest(task, "static", scale=scale, max_length=32))
    tested = [{"text_a": row.text_a, "text_b": row.text_b, "label": row.score} for row in rows[192:]]
    return folder, tested


def _summaries(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Three sentences, of which the one about a goal is the summary."""
    rng = random.Random(0)
    rows = []
    for _ in range(40):
        said = [
            f"The {rng.choice(DISHES)} was very good today.",
            "Please boil it again.",
            f"The {rng.choice(TEAMS)} kick goal.",
        ]
        rows.append({"text": " ".join(rng.sample(said, 3)), "summary": said[2]})
    cuts = [cut(row["text"]) for row in rows[:32]]
    lessons = [
        SummaryLesson(pieces, gains(pieces, row["summary"])) for pieces, row in zip(cuts, rows, strict=False)
    ]
    student = train_static_summaries(lessons, train_tokenizer([row["text"] for row in rows]))
    task = TaskInfo(name="notes", type="summarization", language="en")
    manifest = StudentManifest(
        task=task,
        tier="static",
        length=SummaryLength(sentences=1),
        decision=Choice("sentence", 1, 200).to_json(),
    )
    publish_summaries(student, folder, manifest)
    return folder, rows[32:]
