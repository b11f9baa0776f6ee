"""Similarity tasks: pairs in every form, grades, repetitions, unlabelled pairs and single texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import DataError
from gts.tasks.columns import Columns
from gts.tasks.intake.building import build_row_task
from gts.tasks.intake.pairs import pair_key, score_of
from gts.tasks.rows import PairRow
from gts.tasks.source import RowSource, TextSource
from gts.tasks.spec import TaskSpec
from gts.tasks.text import clean_text, is_blank

GOLD = [
    {"text_a": "where is it", "text_b": "where can I find it", "label": 1},
    {"text_a": "who is she", "text_b": "what is her name", "label": "1"},
    {"text_a": "where is it", "text_b": "when does it close", "label": False},
    {"text_a": "who is she", "text_b": "how much is that", "label": "0"},
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: not is_blank(text))


def build(gold=GOLD, pool=None, test=None, columns=None, **fields):
    def source(value, name):
        return RowSource(value, name) if isinstance(value, list) else value and TextSource(value, name)

    spec = TaskSpec(name="t", type="similarity", **fields)
    return build_row_task(
        spec, source(gold, "examples"), source(pool, "unlabeled"), source(test, "test"), columns
    )


def refused(*args, **fields):
    with pytest.raises(DataError) as caught:
        build(*args, **fields)
    assert caught.value.mend
    return str(caught.value)


def test_pairs_with_0_and_1():
    data = build(test=[{"text_a": "a", "text_b": "b", "label": 1}])
    assert [row.score for row in data.gold] == [1.0, 1.0, 0.0, 0.0]
    assert data.spec.scale is None and data.spec.language == "en" and data.notes == ()
    assert data.test == (PairRow("a", "b", 1.0),)


@pytest.mark.parametrize(
    "names",
    [
        ("sentence1", "sentence2", "label"),
        ("Sentence A", "Sentence B", "relatedness_score"),
        ("question1", "question2", "is_duplicate"),
        ("#1 String", "#2 String", "Quality"),
        ("premise", "hypothesis", "label"),
        ("句子1", "句子2", "标签"),
        ("text1", "text2", "score"),
    ],
)
def test_columns_are_found_by_their_names(names):
    rows = [dict(zip((*names, "id1", "id2"), (*row.values(), "7", "8"), strict=True)) for row in GOLD]
    assert build(rows).gold == build().gold


def test_columns_are_named_with_a_plus_sign():
    rows = [
        {"l": row["text_a"], "r": row["text_b"], "same": row["label"], "text1": "x", "text2": "y"}
        for row in GOLD
    ]
    assert build(rows, columns=Columns(text="l+r", label="same")).gold == build().gold
    assert "there is no text column 'q'; the columns are 'l', 'r'" in refused(
        rows, columns=Columns(text="l+q")
    )
    assert "two names were expected" in refused(rows, columns=Columns(text="l"))


@pytest.mark.parametrize(
    "text",
    [
        "text_a,text_b,label\na b,c,1\nd,e,1\nf,g,0\nh,i,0\n",
        "a b\tc\t1\nd\te\t1\nf\tg\t0\nh\ti\t0\n",
        "1\ta b\tc\n1\td\te\n0\tf\tg\n0\th\ti\n",
        '[["a b", "c", true], ["d", "e", 1], ["f", "g", "false"], ["h", "i", 0.0]]',
    ],
)
def test_pasted_pairs(text):
    pairs = [(row.text_a, row.text_b, row.score) for row in build(text).gold]
    assert pairs == [("a b", "c", 1.0), ("d", "e", 1.0), ("f", "g", 0.0), ("h", "i", 0.0)]


@pytest.mark.parametrize(
    ("grades", "scale"),
    [
        ((0, 0.5, 1), (0, 1)),
        ((1, 4.8, 2), (0, 5)),
        ((0, 3, 1), (0, 3)),
        ((-0.2, 0.9, 0), (-1, 1)),
        ((2, 400, 5), (2, 400)),
    ],
)
def test_a_scale_is_found(grades, scale):
    rows = [[f"a{grade}", f"b{grade}", grade] for grade in grades]
    data = build(rows)
    assert data.spec.scale == scale
    assert any("scale from" in note for note in data.notes)
    wide = build(rows, scale=(-1, 1000))
    assert wide.spec.scale == (-1.0, 1000.0) and not any("scale from" in note for note in wide.notes)


def test_a_grade_outside_the_scale_is_named():
    message = refused([["a", "b", 3], ["c", "d", 6], ["e", "f", 1]], scale=(0, 5))
    assert "examples, row 2: the grade 6 is outside the task's scale, 0 to 5" in message


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", "row 5: the label is missing"),
        (None, "row 5: the label is missing"),
        ("alike", "row 5: the label is 'alike'; 0, 1 or a grade was expected"),
        ("nan", "row 5: the label is 'nan'"),
        (float("inf"), "row 5: the label is inf"),
        ([1], "row 5: the label is a list of 1"),
    ],
)
def test_a_bad_label_is_named(label, message):
    assert message in refused([*GOLD, {"text_a": "x", "text_b": "y", "label": label}])


def test_the_same_pair_in_either_order():
    turned = {"text_a": "Where can  I find it", "text_b": "where is it", "label": 1}
    assert "1 repeated pair with the same label removed (in either order)" in build([*GOLD, turned]).notes
    message = refused([*GOLD, {**turned, "label": 0}])
    assert (
        "examples, row 5: the pair 'Where can  I find it' and 'where is it' has the label 0 here and 1"
        in message
    )
    assert "examples, row 1" in message


def test_one_class_is_not_enough():
    assert "every pair has the label 1" in refused(GOLD[:2])
    assert "only one pair with the label 0" in refused(GOLD[:3])
    assert "every pair has the label 3" in refused([["a", "b", 3], ["c", "d", 3]])


def test_rows_without_two_texts():
    assert "row 5: the row has no two texts; its keys are 'text', 'label'" in refused(
        [*GOLD, {"text": "x", "label": 1}]
    )
    assert "row 5: 'alone' is a single text" in refused([*GOLD, "alone"])
    assert "row 5: empty text" in refused([*GOLD, {"text_a": " ", "text_b": "x", "label": 1}])


def test_unlabelled_pairs_and_single_texts():
    pool = [
        {"text_a": "new one", "text_b": "another"},
        {"text_a": "Another", "text_b": "new one"},
        {"text_a": "where can I find it", "text_b": "where is it"},
        {"text": "a single text"},
        "a single  text",
        "one\ttwo",
        "",
    ]
    data = build(pool=pool)
    assert [(row.text_a, row.text_b, row.score) for row in data.pool] == [
        ("new one", "another", None),
        ("one", "two", None),
    ]
    assert data.sentences == ("a single text",)


@pytest.mark.parametrize(
    ("text", "pairs", "singles"),
    [
        ("one text\nanother, with a comma\n", 0, 2),
        ("a\tb\nc\td\n", 2, 0),
        ("sentence1,sentence2\na,b\n", 1, 0),
        ('{"text_a": "a", "text_b": "b"}\n"c"\n', 1, 1),
    ],
)
def test_pasted_unlabelled_rows(text, pairs, singles):
    data = build(pool=text)
    assert (len(data.pool), len(data.sentences)) == (pairs, singles)


def test_single_texts_of_the_test_are_no_pool():
    test = [{"text_a": "from the test", "text_b": "b", "label": 1}]
    assert build(pool=["From the test", "fresh"], test=test).sentences == ("fresh",)
    assert build(test=[*test, GOLD[0]]).test == build(test=test).test
    assert "every test pair" in refused(test=[GOLD[0]])


@given(value=st.integers(-10, 10) | st.floats(-10, 10).map(lambda number: round(number, 3)))
def test_a_number_is_the_same_written_and_typed(value):
    assert score_of(f" {value} ") == score_of(value) == value


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=8, max_size=8, unique_by=lambda text: pair_key(PairRow(text, ""))))
def test_any_texts_come_back(texts):
    rows = [{"text_a": texts[n], "text_b": texts[n + 1], "label": n // 2 % 2} for n in range(0, 8, 2)]
    data = build("\n".join(map(json.dumps, rows)))
    assert [(row.text_a, row.text_b) for row in data.gold] == [
        (clean_text(row["text_a"]), clean_text(row["text_b"])) for row in rows
    ]
