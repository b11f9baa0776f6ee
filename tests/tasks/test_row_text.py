"""Rows as text: what a person reads is what comes back when it is saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gts.core.errors import InvalidInput
from gts.tasks.dataset import Origin
from gts.tasks.row_text import read_row, write_row
from gts.tasks.rows import MarkedRow, PairRow, Row, SummaryRow
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

ADA, ACM = Span(0, 3, "person"), Span(13, 16, "firm")
TEXT = "Ada works at ACM."
ENTITIES = {"person": "", "firm": ""}
SPECS = {
    "ner": {"entities": ENTITIES},
    "relation": {"entities": ENTITIES, "relations": ["works for"]},
    "given": {"entities": ENTITIES, "relations": ["works for"], "entities_given": True},
    "event": {"events": {"employ": {"roles": {"who": ""}}}},
    "similarity": {},
    "graded": {"scale": [0, 5]},
    "summarization": {},
}
ROWS: dict[str, Row] = {
    "ner": MarkedRow(TEXT, Structure((ADA, ACM))),
    "relation": MarkedRow(TEXT, Structure((ADA, ACM), (Relation("works for", ADA, ACM),))),
    "given": MarkedRow(TEXT, Structure((), (Relation("works for", ADA, ACM),)), (ADA, ACM)),
    "event": MarkedRow(TEXT, Structure(events=(Event("employ", Span(4, 9), (Argument("who", 0, 3),)),))),
    "similarity": PairRow("who\nare you?", "你是谁", 1.0),
    "graded": PairRow("one", "two", 2.5),
    "summarization": SummaryRow("a long\n\ntext", "short"),
}
TYPES = {"given": "relation", "graded": "similarity"}


def spec_of(name: str) -> TaskSpec:
    return TaskSpec.model_validate({"name": "t", "type": TYPES.get(name, name), **SPECS[name]})


@pytest.mark.parametrize("name", ROWS)
def test_what_is_written_is_read(name: str) -> None:
    row = ROWS[name]

    assert read_row(write_row(row), spec_of(name)) == replace(row, origin=Origin.GENERATED)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ner", "[person: Ada works", "does not close"),
        ("ner", "[robot: Ada] works", "1 unknown type"),
        ("ner", " ", "empty"),
        ("relation", "[person#1: Ada] works\nworks for: #1 -> #2", "2"),
        ("similarity", "one\ntwo\n1", "1 part came"),
        ("similarity", "one\n---\ntwo\n---\nyes", "0 or 1 was expected"),
        ("similarity", "one\n---\ntwo\n---\n0.5", "0 or 1 was expected"),
        ("graded", "one\n---\ntwo\n---\n6", "a grade from 0 to 5"),
        ("graded", "one\n---\ntwo\n---\nnan", "a grade from 0 to 5"),
        ("summarization", "a text\n---\n", "none empty"),
        ("summarization", "a\n---\nb\n---\nc", "3 parts came"),
    ],
)
def test_what_is_no_row_is_refused_with_a_mend(name: str, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as raised:
        read_row(text, spec_of(name))
    assert raised.value.mend
