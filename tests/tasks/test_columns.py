"""Finding the text and label columns."""

from __future__ import annotations

import pytest

from gts.core.errors import DataError
from gts.tasks.columns import Columns, headerless_names, map_columns


@pytest.mark.parametrize(
    ("names", "text", "label"),
    [
        (["text", "label"], ("text",), "label"),
        (["ID", "Sentence", "Intent"], ("Sentence",), "Intent"),
        (["文本", "标签"], ("文本",), "标签"),
        (["编号", "内容", "类别"], ("内容",), "类别"),
        (["text", "label", "label_text"], ("text",), "label_text"),
        (["Label Text", "text"], ("text",), "Label Text"),
        (["class", "title", "description"], ("title", "description"), "class"),
        (["title", "text", "label"], ("text",), "label"),
        (["\ufefftext", "label"], ("\ufefftext",), "label"),
        (["words", "label"], ("words",), "label"),
        (["ｔｅｘｔ", "ＬＡＢＥＬ"], ("ｔｅｘｔ",), "ＬＡＢＥＬ"),
    ],
)
def test_columns_are_found_by_name(names, text, label):
    found = map_columns(names, Columns(), labelled=True)
    assert (found.text, found.label) == (text, label)


def test_explicit_names_win():
    found = map_columns(["text", "label", "body", "kind"], Columns("Body", "kind"), labelled=True)
    assert (found.text, found.label) == (("body",), "kind")
    assert map_columns(["a", "b", "label"], Columns("a+b"), labelled=True).text == ("a", "b")


def test_a_choice_is_noted():
    notes = map_columns(["question", "text", "label"], Columns(), labelled=True).notes
    assert notes == ("column 'text' was read as the text, not 'question'",)


def test_what_is_not_found_lists_the_columns():
    with pytest.raises(DataError, match="no label column was found; the columns are 'id', 'text'") as caught:
        map_columns(["id", "text"], Columns(), labelled=True)
    assert "--label-column" in caught.value.mend
    with pytest.raises(DataError, match="no text column was found; the columns are 'a', 'b', 'label'"):
        map_columns(["a", "b", "label"], Columns(), labelled=True)
    with pytest.raises(DataError, match="there is no text column 'txt'") as caught:
        map_columns(["text", "label"], Columns("txt"), labelled=True)
    assert caught.value.mend == "did you mean 'text'?"


def test_unlabelled_data_needs_no_label():
    assert map_columns(["phrase"], Columns(), labelled=False).text == ("phrase",)
    assert map_columns(["text", "label"], Columns("missing"), labelled=False).text == ("text",)


@pytest.mark.parametrize(
    ("records", "declared", "names"),
    [
        ([["a film", "pos"], ["b film", "neg"], ["c film", "pos"]], [], ("text", "label")),
        ([["pos", "a film"], ["neg", "b film"], ["pos", "c film"]], [], ("label", "text")),
        ([["a film", "pos"], ["b film", "neg"]], ["pos", "neg"], ("text", "label")),
        ([["words", "kind"], ["a film", "pos"], ["b film", "pos"]], [], None),
        ([["a", "b", "c"]], [], None),
        ([], [], None),
    ],
)
def test_a_table_without_header(records, declared, names):
    assert headerless_names(records, declared) == names
