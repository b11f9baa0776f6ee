"""Summarization tasks: columns, lengths, repetitions."""

from __future__ import annotations

import pytest

from gts.core.errors import DataError
from gts.tasks.columns import Columns
from gts.tasks.intake.building import build_row_task
from gts.tasks.rows import SummaryRow
from gts.tasks.source import RowSource, TextSource
from gts.tasks.spec import TaskSpec

LONG = "The meeting was moved to Friday. Everybody who was invited agreed. Bring the numbers of last year."
GOLD = [
    {"text": LONG, "summary": "The meeting is on Friday."},
    {"text": f"Later: {LONG}", "summary": "It was moved. Bring numbers."},
    {"text": f"Again: {LONG}", "summary": "Friday. All agreed. Bring the numbers of last year."},
]


def build(gold=GOLD, pool=None, test=None, columns=None, **fields):
    def source(value, name):
        return RowSource(value, name) if isinstance(value, list) else value and TextSource(value, name)

    spec = TaskSpec(name="t", type="summarization", **fields)
    return build_row_task(
        spec, source(gold, "examples"), source(pool, "unlabeled"), source(test, "test"), columns
    )


def refused(*args, **fields):
    with pytest.raises(DataError) as caught:
        build(*args, **fields)
    assert caught.value.mend
    return str(caught.value)


def test_a_plain_task_and_its_length():
    data = build(
        pool=["a new text", LONG, {"text": ""}], test=[GOLD[0], {"text": "unseen text", "summary": "unseen"}]
    )
    assert data.gold[0] == SummaryRow(LONG, "The meeting is on Friday.")
    assert (data.spec.length.sentences, data.spec.length.characters) == (2, 28)
    assert [row.text for row in data.pool] == ["a new text"]
    assert [row.text for row in data.test] == ["unseen text"]
    assert build(length={"sentences": 5}).spec.length.model_dump() == {"sentences": 5, "characters": 28}


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("document", "summary"),
        ("article", "highlights"),
        ("dialogue", "summary"),
        ("text", "title"),
        ("正文", "摘要"),
    ],
)
def test_columns_are_found_by_their_names(text, summary):
    rows = [{"id": 1, summary: row["summary"], text: row["text"]} for row in GOLD]
    assert build(rows).gold == build().gold
    assert build([{"body": "x", **row} for row in rows], columns=Columns(text, summary)).gold == build().gold


def test_a_pasted_table_without_header_has_the_shorter_column_for_the_summary():
    for order in ((0, 1), (1, 0)):
        lines = ["\t".join([row["text"], row["summary"]][place] for place in order) for row in GOLD]
        data = build("\n".join(lines))
        assert data.gold == build().gold
        assert any("read as data" in note for note in data.notes)


def test_what_is_wrong_with_a_summary_is_named():
    long = {"text": "short", "summary": "a summary that is longer"}
    assert "row 4: the summary has 24 characters, its text 'short' only 5" in refused([*GOLD, long])
    assert "row 4: the summary is empty" in refused([*GOLD, {"text": "x", "summary": " \u200b"}])
    assert "row 4: the summary is 3; a string was expected" in refused([*GOLD, {"text": "x", "summary": 3}])
    assert "row 4: the row has no text or no summary; its keys are 'text'" in refused([*GOLD, {"text": "x"}])
    assert "row 4: 'alone' is a single text" in refused([*GOLD, "alone"])
    swapped = [{"text": row["summary"], "summary": row["text"]} for row in GOLD]
    message = refused(swapped)
    assert "examples: 3 of 3 summaries are longer than their texts" in message and "swapped" in message
    assert "1 text with a summary; 2 are the least" in refused(GOLD[:1])


def test_a_text_is_read_once_with_its_first_summary():
    again = {"text": LONG.upper(), "summary": "Another summary."}
    data = build([*GOLD, again, GOLD[1]])
    assert data.gold == build().gold
    assert any("further summaries of a text left out" in note and "row 4" in note for note in data.notes)
    assert any("repeated examples left out" in note for note in data.notes)


def test_every_test_text_known():
    assert "every test text is also among the examples" in refused(test=[GOLD[0]])
