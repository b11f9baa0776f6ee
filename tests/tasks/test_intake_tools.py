"""Exports of annotation tools: recognised by what is in them, read with right offsets."""

from __future__ import annotations

import json

import pytest

from gts.core.errors import DataError
from gts.tasks.intake.building import build_row_task
from gts.tasks.source import TextSource
from gts.tasks.spec import TaskSpec

FILLER = {"text": "Max met Ada", "entities": [[0, 3, "person"], [8, 11, "person"]]}


def read(rows, kind="ner", *, lines=True):
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=1, ensure_ascii=False)
    return build_row_task(TaskSpec(name="t", type=kind), TextSource(text))


def surfaces(data):
    return [[(span.type, span.of(row.text)) for span in row.found.entities] for row in data.gold]


def studio(text, *results, **more):
    return {
        "id": 1,
        "data": {"text": text},
        "annotations": [{"result": list(results), **more}],
        "predictions": [],
    }


def labels(start, end, kind, surface=None, number="a"):
    value = {"start": start, "end": end, "labels": [kind]} | ({"text": surface} if surface else {})
    return {"id": number, "type": "labels", "from_name": "label", "to_name": "text", "value": value}


@pytest.mark.parametrize(
    "row",
    [
        {"id": 3, "text": "Ada wrote", "label": [[0, 3, "person"]]},
        {"id": 3, "data": "Ada wrote", "label": [[0, 3, "person"]]},
        {"text": "Ada wrote", "labels": [[0, 3, "person"]], "Comments": []},
        {"text": "Ada wrote", "entities": [{"id": 7, "label": "person", "start_offset": 0, "end_offset": 3}]},
        {"text": "Ada wrote", "label": [{"start": 0, "end": 3, "text": "Ada", "labels": ["person"]}]},
        {"text": "Ada wrote", "spans": [{"start": 0, "end": 3, "label": "person", "token_start": 0}], "answer": "accept"},
        {"text": "Ada wrote", "ents": [{"start": 0, "end": 3, "label": "person"}], "tokens": [{"id": 0}]},
        {"text": "Ada wrote", "entities": json.dumps([{"start": 0, "end": 3, "type": "person"}])},
        ["Ada wrote", {"entities": [[0, 3, "person"]]}],
        studio("Ada wrote", labels(0, 3, "person", "Ada")),
        {"id": 0, "paragraphs": [{"sentences": [{"tokens": [
            {"id": 0, "orth": "Ada", "ner": "U-person"}, {"id": 1, "orth": "wrote", "ner": "O"}]}]}]},
        {"id": 0, "paragraphs": [{"raw": "Ada wrote", "sentences": [{"tokens": [
            {"orth": "Ada", "ner": "B-person"}, {"orth": "wrote", "ner": "-"}]}]}]},
    ],
)  # fmt: skip
def test_every_form_says_the_same(row):
    data = read([row, FILLER], lines=False)
    assert (data.gold[0].text, surfaces(data)[0]) == ("Ada wrote", [("person", "Ada")])


def test_spacy_documents_keep_the_spaces_of_their_raw_text():
    tokens = [
        {"orth": word, "ner": tag} for word, tag in (("«", "O"), ("Ada", "B-p"), ("Lee", "L-p"), ("»", "O"))
    ]
    raw = {"raw": "« Ada  Lee»!"[:-1], "sentences": [{"tokens": tokens[:2]}, {"tokens": tokens[2:]}]}
    data = read([{"id": 0, "paragraphs": [raw, {**raw, "raw": None}]}], lines=False)
    assert [row.text for row in data.gold] == ["« Ada  Lee»", "« Ada Lee »"]
    assert surfaces(data) == [[("p", "Ada  Lee")], [("p", "Ada Lee")]]
    assert any("spaCy" in note for note in data.notes)


def test_label_studio_offsets_of_javascript_are_converted():
    rows = [
        studio("😀 Bob met Ada", labels(3, 6, "p", "Bob", "a"), labels(11, 14, "p", "Ada", "b")),
        studio("Bob wrote", labels(0, 3, "p", "Bob")),
    ]
    data = read(rows, lines=False)
    assert surfaces(data)[0] == [("p", "Bob"), ("p", "Ada")]
    assert any("UTF-16" in note for note in data.notes)


def test_label_studio_tasks_that_nobody_annotated_are_left_out():
    rows = [
        studio("Ada wrote", labels(0, 3, "p"), was_cancelled=True),
        {"data": {"text": "Uma"}, "annotations": []},
        studio("Bob wrote", labels(0, 3, "p")),
        studio("Max wrote", labels(0, 3, "p")),
    ]
    data = read(rows, lines=False)
    assert [row.text for row in data.gold] == ["Bob wrote", "Max wrote"]
    assert any("without an annotation left out (2 times" in note for note in data.notes)


def test_relations_of_label_studio_and_doccano():
    tied = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["owns"]}
    back = {**tied, "direction": "left"}
    spans = [labels(0, 3, "person", number="a"), labels(9, 10, "firm", number="b")]
    doccano = {
        "text": "Max owns Z",
        "entities": [
            {"id": 10, "label": "person", "start_offset": 0, "end_offset": 3},
            {"id": 11, "label": "firm", "start_offset": 9, "end_offset": 10},
        ],
        "relations": [{"id": 1, "from_id": 10, "to_id": 11, "type": "owns"}],
    }
    rows = [studio("Ada owns X", *spans, tied), studio("Bob owns Y", *spans, back), doccano]
    data = read(rows, "relation", lines=False)
    ends = [
        (one.type, one.head.of(row.text), one.tail.of(row.text))
        for row in data.gold
        for one in row.found.relations
    ]
    assert ends == [("owns", "Ada", "X"), ("owns", "Y", "Bob"), ("owns", "Max", "Z")]
    assert [span.type for span in data.gold[2].given] == ["person", "firm"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"data": {"a": "x y", "b": "z"}, "annotations": [{"result": []}]}, "'data' holds 2 strings ('a', 'b')"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"ner": "O"}]}]}]}, "a token without 'orth'"),
        ({"paragraphs": [{"raw": "Ada", "sentences": [{"tokens": [{"orth": "Bob"}]}]}]}, "'Bob' is not in 'raw'"),
        (studio("Ada", {"type": "labels", "value": {"start": "/p[1]", "end": 1, "labels": ["x"]}}), "is '/p[1]'"),
        ({"text": "Ada", "entities": "0-3"}, "entities is '0-3', which is not JSON"),
        ({"text": "Ada", "entities": {"a": 1}}, "entities is a dict of 1; a list was expected"),
        ({"text": "Ada", "entities": [7]}, "entity 1 is 7; a span was expected"),
        ({"text": "Ada", "entities": [{"end": 3, "type": "x"}]}, "the start of entity 1 'x' is missing"),
        ({"text": "Ada", "entities": [{"start": True, "end": 3, "type": "x"}]}, "start of entity 1 'x' is True"),
        ({"text": "Ada", "entities": [{"start": 0, "end": 3, "type": {}}]}, "the type of entity 1 is a dict of 0"),
        ({"text": "Ada", "entities": [[0, 3, "a\nb"]]}, "holds a control character"),
        ({"text": "Ada", "entities": [[0, 3]]}, "entity 1 has no type"),
        ({"words": "Ada", "entities": []}, "the row has no text; its keys are 'words', 'entities'"),
        ({"text": 3, "entities": []}, "the text is 3; a string was expected"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_row_is_named(row, message):
    with pytest.raises(DataError) as caught:
        read([FILLER, row], lines=True)
    assert "pasted text, line 2" in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.mend
