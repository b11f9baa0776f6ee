"""What a model said of one row, as the page of the model shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.platform.pages.languages import ENGLISH, Language

_SHOWN_SCORES = 8
_TONES = 6
"""Colours that types share; the name stands beside the words anyway."""


@dataclass(frozen=True)
class ScoreLine:
    """One label with its probability, and whether the model gives it."""

    label: str
    score: float
    chosen: bool


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
        text: Its words.
        type: What it is marked as; empty for what lies between marks.
        tone: Number of its colour.
    """

    text: str
    type: str = ""
    tone: int = 0


@dataclass(frozen=True)
class Link:
    """A relation, or the part somebody takes in an event."""

    head: str
    type: str
    tail: str
    score: float


@dataclass(frozen=True)
class EventTable:
    """An event with its arguments as lines of role and words."""

    type: str
    trigger: str
    score: float
    arguments: tuple[Link, ...]


@dataclass(frozen=True)
class Answer:
    """What the try-it box shows; which of it depends on the task type.

    Attributes:
        type: Task type of the model.
        labels: Labels given.
        scores: The likeliest labels.
        rest: The others, folded away.
        pieces: The text with what was found in it.
        links: Relations.
        events: Events.
        score: How alike two texts are, or their grade.
        alike: Whether they count as alike; ``None`` where the model gives grades.
        summary: A summary.
    """

    type: str
    labels: tuple[str, ...] = ()
    scores: tuple[ScoreLine, ...] = ()
    rest: tuple[ScoreLine, ...] = ()
    pieces: tuple[Piece, ...] = ()
    links: tuple[Link, ...] = ()
    events: tuple[EventTable, ...] = ()
    score: float = 0.0
    alike: bool | None = None
    summary: str = ""


def answer_view(
    task_type: str, row: Mapping[str, Any], said: Mapping[str, Any], language: Language = ENGLISH
) -> Answer:
    """What a model said, for the page.

    Args:
        task_type: Task type of the model.
        row: What it was asked about.
        said: Its answer, as :meth:`gts.student.opening.AnyStudent.answer` gives it.
        language: What it is said in.
    """
    if task_type == "classification":
        lines = tuple(
            ScoreLine(item["label"], item["score"], item["label"] in said["labels"])
            for item in said["scores"]
        )
        return Answer(task_type, tuple(said["labels"]), lines[:_SHOWN_SCORES], lines[_SHOWN_SCORES:])
    if task_type == "similarity":
        return Answer(task_type, score=said["score"], alike=said.get("alike"))
    if task_type == "summarization":
        marks = [{**sentence, "type": "summary"} for sentence in said["sentences"]]
        return Answer(task_type, summary=said["summary"], pieces=pieces(row["text"], marks))
    if task_type == "event":
        marks = [{**event["trigger"], "type": event["type"]} for event in said["events"]] + [
            {**part, "type": part["role"]} for event in said["events"] for part in event["arguments"]
        ]
        return Answer(task_type, pieces=pieces(row["text"], marks), events=tuple(map(_event, said["events"])))
    links = tuple(
        Link(found["head"]["text"], found["type"], found["tail"]["text"], found["score"])
        for found in said.get("relations", ())
    )
    return Answer(task_type, pieces=pieces(row["text"], said["entities"], language), links=links)


@dataclass(frozen=True)
class ShownRow:
    """A row of a task's data, as the page shows it before a job.

    Attributes:
        pieces: Its text with what is marked in it.
        note: What else is known of it: relations, a score, a summary.
    """

    pieces: tuple[Piece, ...]
    note: str = ""


def shown_row(row: Mapping[str, Any], language: Language = ENGLISH) -> ShownRow:
    """A row of a preview (:func:`gts.tasks.row_preview.row_preview`), for the page.

    Example:
        >>> shown_row({"text_a": "one", "text_b": "two", "label": 1.0}).note
        'alike: 1'
    """
    if "text_a" in row:
        score = row.get("label", row.get("score"))
        text = f"{row['text_a']}  /  {row['text_b']}"
        note = "" if score is None else language.gettext("alike: %(score)s", score=f"{score:g}")
        return ShownRow((Piece(text),), note)
    text = row["text"]
    marks = [*row.get("entities", ()), *row.get("given", ())]
    notes = [row["summary"]] if row.get("summary") else []
    for found in row.get("relations", ()):
        head, tail = (text[found[end]["start"] : found[end]["end"]] for end in ("head", "tail"))
        notes.append(f"{head} → {found['type']} → {tail}")
    for event in row.get("events", ()):
        marks.append({**event["trigger"], "type": event["type"]})
        marks += [{**part, "type": part["role"]} for part in event["arguments"]]
    return ShownRow(pieces(text, marks, language), language.gettext("; ").join(notes))


def pieces(text: str, marks: Sequence[Mapping[str, Any]], language: Language = ENGLISH) -> tuple[Piece, ...]:
    """A text cut at marks; of marks that overlap the one that begins first, and of these the longest, is shown.

    Example:
        >>> [(piece.text, piece.type) for piece in pieces("Ada wrote", [{"start": 0, "end": 3, "type": "person"}])]
        [('Ada', 'person'), (' wrote', '')]
    """
    tones = {name: i % _TONES for i, name in enumerate(sorted({mark.get("type", "") for mark in marks}))}
    found: list[Piece] = []
    at = 0
    for mark in sorted(marks, key=lambda mark: (mark["start"], -mark["end"])):
        if mark["start"] < at:
            continue
        if mark["start"] > at:
            found.append(Piece(text[at : mark["start"]]))
        name = mark.get("type", "")
        found.append(
            Piece(text[mark["start"] : mark["end"]], name or language.gettext("entity"), tones[name])
        )
        at = mark["end"]
    if at < len(text):
        found.append(Piece(text[at:]))
    return tuple(found)


def _event(event: Mapping[str, Any]) -> EventTable:
    trigger = event["trigger"]["text"]
    arguments = tuple(Link(trigger, part["role"], part["text"], part["score"]) for part in event["arguments"])
    return EventTable(event["type"], trigger, event["score"], arguments)
