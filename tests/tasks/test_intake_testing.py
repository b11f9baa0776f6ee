"""Rows to be asked about and to be measured on: every row kept, known types only, files read as they are asked for."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from gts.core.errors import DataError
from gts.tasks.columns import Columns
from gts.tasks.intake.asking import read_asked_rows
from gts.tasks.intake.testing import read_test_rows
from gts.tasks.rows import PairRow, SummaryRow
from gts.tasks.source import RowSource, TextSource
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Relation, Span

TEXT = "Ada joined Acme"
ADA, ACME = Span(0, 3), Span(11, 15)


def found(kind, rows, columns=None, **fields):
    source = TextSource(rows, "test.conll") if isinstance(rows, str) else RowSource(rows, "test.jsonl")
    return read_test_rows(TaskSpec(name="t", type=kind, **fields), source, columns)


def refused(kind, rows, **fields):
    with pytest.raises(DataError) as caught:
        found(kind, rows, **fields)
    assert caught.value.mend
    return str(caught.value)


def joined(kind, text=TEXT, **more):
    return {"text": text, "relations": [{"type": kind, "head": [0, 3], "tail": [11, 15]}], **more}


def test_repeated_rows_and_types_in_a_single_text_are_kept():
    row = {"text": TEXT, "entities": [[0, 3, "person"]]}
    rows = found("ner", [row, row, {"text": TEXT, "entities": []}], entities=["person", "firm"]).rows
    assert [len(row.found.entities) for row in rows] == [1, 1, 0]


def test_tagged_files_are_read():
    rows = found(
        "ner", "Ada B-person\njoined O\nAcme B-firm\n\nAda B-person\n", entities=["person", "firm"]
    ).rows
    assert [row.text for row in rows] == [TEXT, "Ada"]
    assert rows[0].found.entities == (Span(0, 3, "person"), Span(11, 15, "firm"))


def test_an_unknown_type_is_refused_with_the_known_ones():
    message = refused("ner", [{"text": TEXT, "entities": [[0, 3, "persn"]]}], entities=["person", "firm"])
    for said in (
        "test.jsonl, row 1",
        "'persn'",
        "'person'",
        "'firm'",
        "the model's",
        "did you mean 'person'?",
    ):
        assert said in message
    assert "unknown relation type" in refused("relation", [joined("left")], relations=["joined"])
    event = {"type": "hire", "trigger": [4, 10], "arguments": [{"role": "who", "start": 0, "end": 3}]}
    rows = [{"text": TEXT, "events": [event]}]
    assert "unknown event type" in refused("event", rows, events=["fire"])
    assert "unknown role 'who'" in refused("event", rows, events={"hire": {"roles": ["whom"]}})
    assert found("event", rows, events={"hire": {"roles": ["who"]}}).rows[0].found.events[0].type == "hire"


def test_a_span_outside_its_text_is_refused():
    assert "outside the text" in refused("ner", [{"text": TEXT, "entities": [[0, 99, "p"]]}], entities=["p"])


def test_what_says_that_no_relation_holds_is_no_relation_unless_the_model_has_it():
    rows = [joined("joined"), joined("Other", f"{TEXT}.")]
    read = found("relation", rows, relations=["joined"], entities_given=True)
    assert [len(row.found.relations) for row in read.rows] == [1, 0]
    assert read.rows[1].given == (ADA, ACME) and read.rows[1].found.entities == ()
    assert any("no relation holds" in note for note in read.notes)
    both = found("relation", rows, relations=["joined", "Other"], entities_given=True).rows
    assert [row.found.relations[0].type for row in both] == ["joined", "Other"]


def test_heads_and_tails_are_the_given_entities_of_a_row_that_has_no_others():
    (row,) = found("relation", [joined("joined")], relations=["joined"], entities_given=True).rows
    assert row.given == (ADA, ACME) and row.found.relations == (Relation("joined", ADA, ACME),)
    more = joined("joined", entities=[[0, 3], [4, 10], [11, 15]])
    (row,) = found("relation", [more], relations=["joined"], entities_given=True).rows
    assert row.given == (ADA, Span(4, 10), ACME)
    nothing = {"text": TEXT, "relations": []}
    assert "no entities" in refused("relation", [nothing], relations=["joined"], entities_given=True)


@pytest.mark.parametrize("given", [True, False])
def test_relations_of_one_text_that_stand_in_several_rows_are_put_together(given):
    rows = found(
        "relation", [joined("joined"), joined("owns")], relations=["joined", "owns"], entities_given=given
    )
    assert [{one.type for one in row.found.relations} for row in rows.rows] == [{"joined", "owns"}]
    again = found("relation", [joined("joined")] * 2, relations=["joined"], entities_given=given)
    assert len(again.rows) == 2


def test_pairs_are_scored_as_the_model_scores_them():
    pair = {"text_a": "a", "text_b": "b", "label": 1}
    assert found("similarity", [pair, pair]).rows == (PairRow("a", "b", 1.0),) * 2
    graded = [{**pair, "label": 3.5}]
    assert "0 or 1 was expected" in refused("similarity", graded)
    assert found("similarity", graded, scale=(0, 5)).rows[0].score == 3.5
    assert "outside the model's scale, 0 to 3" in refused("similarity", graded, scale=(0, 3))


def test_columns_can_be_named():
    rows = [{"q": "a", "r": "b", "same": 1}]
    assert found("similarity", rows, Columns(text="q+r", label="same")).rows == (PairRow("a", "b", 1.0),)


def test_summaries_are_kept_and_checked():
    row = {"text": "Ada joined. Max left.", "summary": "Max left."}
    assert found("summarization", [row, row]).rows == (SummaryRow(row["text"], row["summary"]),) * 2
    longer = {"text": "Ada.", "summary": "Ada joined Acme."}
    assert "only 4" in refused("summarization", [row, row, longer])
    assert "0 rows of test" in refused("summarization", [])


def asked(tmp_path, kind, content, name="in.jsonl", **options):
    path = tmp_path / name
    rows = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
    path.write_text(rows, "utf-8")
    return list(read_asked_rows(kind, path, **options))


def unread(tmp_path, *args, **options):
    with pytest.raises(DataError) as caught:
        asked(tmp_path, *args, **options)
    assert caught.value.mend
    return str(caught.value)


def test_pairs_come_from_columns_lists_and_lines(tmp_path):
    wanted = [{"text_a": "who?", "text_b": "when?"}]
    assert asked(tmp_path, "similarity", [{"question1": "who?", "question2": "when?", "label": 1}]) == wanted
    assert asked(tmp_path, "similarity", '[["who?", "when?"]]', "in.json") == wanted
    assert asked(tmp_path, "similarity", "who?\twhen?\n", "in.txt") == wanted
    assert asked(tmp_path, "similarity", "who?,when?\n", "in.csv") == wanted
    assert asked(tmp_path, "similarity", [{"x": "who?", "y": "when?"}], text_column="x+y") == wanted
    assert "line 2: 'alone' is a single text" in unread(tmp_path, "similarity", "x\ty\nalone\n", "in.txt")
    assert "no two texts" in unread(tmp_path, "similarity", [{"text": "alone"}])
    assert "no text column 'x'" in unread(tmp_path, "similarity", [{"text": "alone"}], text_column="x+y")


def test_given_entities_come_with_their_text(tmp_path):
    given = [{"start": 0, "end": 3}, {"start": 11, "end": 15}]
    rows = [{"text": TEXT, "entities": given}, joined("joined"), {"text": TEXT, "entities": []}]
    read = asked(tmp_path, "relation", rows, entities_given=True)
    assert [row["entities"] for row in read] == [given, given, []]
    assert asked(tmp_path, "relation", rows) == [{"text": TEXT}] * 3
    assert "has no entities" in unread(tmp_path, "relation", [{"text": TEXT}], entities_given=True)
    wrong = [{"text": TEXT, "entities": [[0, 99]]}]
    assert "line 1: entity 1 is 0-99, outside" in unread(tmp_path, "relation", wrong, entities_given=True)


def test_texts_are_read_character_for_character_and_none_is_left_out(tmp_path):
    texts = ["  Ａda\u3000", "", "Ada", "Ada", "\ud800 soup"]
    read = asked(tmp_path, "ner", [{"text": text, "entities": "whatever"} for text in texts])
    assert [row["text"] for row in read] == [*texts[:4], "\ufffd soup"]
    assert asked(tmp_path, "event", "one\n\ntwo\n", "in.txt") == [{"text": "one"}, {"text": "two"}]
    assert asked(tmp_path, "ner", "Ada B-person\njoined O\n\n", "in.conll") == [{"text": "Ada joined"}]
    assert asked(tmp_path, "summarization", [{"article": " a ", "summary": "b"}]) == [{"text": "a"}]
    assert "a string was expected" in unread(tmp_path, "ner", [{"text": 3}])
    assert "line 2: the row has no text" in unread(
        tmp_path, "summarization", [{"text": "a"}, {"x": 1, "y": 2}]
    )


def test_an_endless_file_is_read_as_it_is_asked_for(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "one"}\n' * 3_000 + "broken\n")
    rows = read_asked_rows("ner", path)
    assert len(list(islice(rows, 3_000))) == 3_000
    with pytest.raises(DataError, match="line 3001: not a JSON object"):
        next(rows)
