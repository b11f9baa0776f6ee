"""From sources to a checked task: what is accepted, what is mended with a note, what is refused."""

from __future__ import annotations

import json

import pytest

from gts.core.errors import DataError, InvalidInput
from gts.tasks.building import build_task
from gts.tasks.columns import Columns
from gts.tasks.dataset import load_task, save_task
from gts.tasks.limits import Limits
from gts.tasks.preview import preview
from gts.tasks.source import FileSource, RowSource, TextSource
from gts.tasks.spec import TaskSpec

GOLD = [
    {"text": "why was I charged twice", "label": "billing"},
    {"text": "the refund is missing", "label": "billing"},
    {"text": "where is my parcel", "label": "delivery"},
    {"text": "the courier never came", "label": "delivery"},
]


def build(gold=GOLD, pool=None, test=None, columns=None, limits=None, **fields):
    def rows(value, name):
        return RowSource(value, name) if isinstance(value, list) else value

    return build_task(
        TaskSpec(name="t", **fields),
        rows(gold, "examples"),
        rows(pool, "unlabeled"),
        rows(test, "test"),
        columns,
        limits=limits or Limits(),
    )


def refused(*args, **kwargs):
    with pytest.raises(DataError) as caught:
        build(*args, **kwargs)
    json.dumps(caught.value.as_json(), ensure_ascii=False).encode()
    assert caught.value.mend
    return caught.value


def test_a_plain_task():
    data = build(pool=["one more text"], test=[{"text": "unseen", "label": "billing"}])
    assert data.labels == ("billing", "delivery")
    assert data.spec.language == "en"
    assert data.multi_label is False
    assert [example.labels for example in data.gold] == [("billing",)] * 2 + [("delivery",)] * 2
    assert data.pool == ("one more text",)
    assert data.test[0].text == "unseen"
    assert data.notes == ()


def test_declared_labels_keep_order_and_descriptions():
    data = build(labels={"delivery": "where is it", "billing": ""})
    assert data.spec.labels == {"delivery": "where is it", "billing": ""}
    assert list(data.labels) == ["delivery", "billing"]


def test_numbers_and_booleans_become_names():
    rows = [{"text": f"text {n}", "label": (True, 0)[n % 2]} for n in range(4)]
    assert build(rows).labels == ("0", "true")
    rows = [{"text": f"text {n}", "label": n % 11} for n in range(22)]
    assert build(rows).labels[:3] == ("0", "1", "2")
    assert build(rows).labels[-1] == "10"


def test_unknown_label_offers_the_nearest():
    gold = [*GOLD, {"text": "please refund", "label": "Biling"}]
    error = refused(gold, labels=["billing", "delivery"])
    assert error.message.startswith(
        "examples, row 5: unknown label 'Biling'; expected was one of 'billing', 'delivery'"
    )
    assert error.mend == "did you mean 'billing'?"
    assert error.details["line"] == 5
    error = refused(test=[{"text": "unseen", "label": "bilingual"}])
    assert error.details["file"] == "test"


@pytest.mark.parametrize("text", ["", "  \t\n", "\0", "\u200b\ufeff", None])
def test_empty_text(text):
    error = refused([*GOLD, {"text": text, "label": "billing"}])
    assert error.message == "examples, row 5: empty text in the examples"


@pytest.mark.parametrize("label", ["", " ", None])
def test_missing_label(label):
    assert "row 5: the label is missing" in refused([*GOLD, {"text": "hello", "label": label}]).message


def test_a_row_without_the_label_key():
    assert (
        "row 5: the row has no text or no label; its keys are 'text'"
        in refused([*GOLD, {"text": "hello"}]).message
    )
    assert "no label column was found" in refused([{"text": "hello"}]).message


def test_text_that_is_no_string():
    assert (
        "the text is 17; a string was expected" in refused([*GOLD, {"text": 17, "label": "billing"}]).message
    )
    assert "a label is a dict of 1" in refused([*GOLD, {"text": "hello", "label": {"a": 1}}]).message


def test_one_class_only():
    assert "only the label 'billing'; at least two" in refused(GOLD[:2]).message


def test_too_few_examples_of_a_label():
    gold = [*GOLD, {"text": "cancel it", "label": "cancel"}]
    assert refused(gold).message.startswith("examples, row 5: only one example of 'cancel'")
    gold.append(gold[-1])
    assert "only one example of 'cancel' (repeated texts count once)" in refused(gold).message
    assert "no example of 'other'" in refused(labels=["billing", "delivery", "other"]).message


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n"])
def test_zero_rows(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    error = refused(FileSource(tmp_path / "a.csv"))
    assert "a.csv: 0 rows of examples" in error.message


def test_zero_rows_in_pool_or_test(tmp_path):
    (tmp_path / "a.txt").write_text("")
    assert "0 rows of unlabelled texts" in refused(pool=FileSource(tmp_path / "a.txt")).message
    assert "0 rows of test" in refused(test=[]).message


def test_same_text_with_two_labels_names_both_lines():
    gold = TextSource(
        "text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in GOLD) + "where is my parcel,billing\n"
    )
    error = refused(gold)
    assert (
        "pasted text, line 6: the text 'where is my parcel' has the label 'billing' here and 'delivery' in"
        in error.message
    )
    assert "pasted text, line 4" in error.message


def test_repeated_rows_are_removed_with_a_note():
    data = build([*GOLD, GOLD[0], GOLD[0]])
    assert len(data.gold) == 4
    assert "2 repeated examples with the same text and label removed" in data.notes


def test_pool_is_cleaned_with_notes():
    pool = ["Fresh text", "ＦＲＥＳＨ  text", "Where is my PARCEL", "unseen test", "", " "]
    data = build(pool=pool, test=[{"text": "Unseen test", "label": "billing"}])
    assert data.pool == ("Fresh text",)
    assert data.notes == (
        "2 unlabelled rows without text left out",
        "1 repeated text removed from the unlabelled texts",
        "2 unlabelled texts removed that the examples or the test hold too",
    )


def test_test_texts_among_the_examples_are_removed():
    data = build(
        test=[{"text": "Where is my parcel", "label": "delivery"}, {"text": "unseen", "label": "billing"}]
    )
    assert [example.text for example in data.test] == ["unseen"]
    assert data.notes == ("1 test text removed from the test because the examples hold the same text",)
    assert "every test text is also among the examples" in refused(test=GOLD).message


def test_problems_are_collected_up_to_twenty():
    error = refused([*GOLD, *[{"text": "", "label": "billing"}] * 3])
    assert error.message.startswith("3 problems: examples, row 5: empty text")
    assert [p["line"] for p in error.details["problems"]] == [5, 6, 7]
    assert set(error.details["problems"][0]) == {"file", "line", "message", "mend"}
    error = refused([*GOLD, *[{"text": "", "label": "billing"}] * 500])
    assert len(error.details["problems"]) == 20
    assert error.message.startswith("at least 20 problems")
    assert error.message.endswith("and 17 more")


def test_labels_are_data_whatever_they_look_like():
    odd = [
        "../../x",
        "<script>alert(1)</script>",
        "=cmd()",
        "😀 👨‍👩‍👧",
        "חיוב",
        "C:\\con",
        "%2e%2e",
        "' OR 1=1",
    ]
    rows = [{"text": f"text {n}", "label": odd[n % len(odd)]} for n in range(2 * len(odd))]
    assert set(build(rows).labels) == set(odd)


@pytest.mark.parametrize("label", ["a\nb", "a\x1b[31mb", "\u200b", "half \ud83d", "x" * 201, "a\u2028b"])
def test_labels_that_cannot_be_shown_are_refused(label):
    rows = [*GOLD, {"text": "hello", "label": label}]
    assert "row 5: the label" in refused(rows).message
    with pytest.raises(InvalidInput):
        build(labels=["billing", "delivery", label])


def test_labels_that_look_alike_are_noted():
    rows = [{"text": f"text {n}", "label": ("Spam", "spam", "ham")[n % 3]} for n in range(6)]
    assert build(rows).notes[-1] == "labels 'Spam', 'spam' differ only in case or width; they are kept apart"


def test_long_texts():
    rows = [*GOLD, {"text": "word " * 20_000, "label": "billing"}]
    assert "students read the first 256 tokens" in build(rows).notes[-1]
    rows[-1]["text"] = "x" * 200_001
    assert "row 5: a text of 200,001 characters; at most 200,000" in refused(rows).message


def test_any_script_and_broken_surrogates():
    rows = [
        *GOLD,
        {"text": "  שלום 😀\u202e عالم\0 ", "label": "billing"},
        {"text": "half \ud83d emoji", "label": "billing"},
    ]
    texts = [example.text for example in build(rows).gold]
    assert texts[-2] == "שלום 😀\u202e عالم"
    texts[-1].encode()
    assert texts[-1].startswith("half ")


def test_row_and_label_limits():
    assert "more than 3 rows of examples" in refused(limits=Limits(rows=3)).message
    rows = [{"text": f"text {n}", "label": f"label {n // 2}"} for n in range(20)]
    assert "10 labels; at most 5" in refused(rows, limits=Limits(labels=5)).message
    with pytest.raises(InvalidInput, match="10 labels; at most 5"):
        build(rows, labels=[f"label {n}" for n in range(10)], limits=Limits(labels=5))


MULTI = [
    {"text": "late and broken", "labels": ["late", "broken"]},
    {"text": "it came late", "labels": ["late"]},
    {"text": "it came broken", "labels": ["broken", "broken"]},
    {"text": "all is well", "labels": []},
    {"text": "thank you", "labels": []},
]


def test_lists_make_a_task_multi_label():
    data = build(MULTI)
    assert data.multi_label
    assert data.labels == ("broken", "late")
    assert [e.labels for e in data.gold] == [("late", "broken"), ("late",), ("broken",), (), ()]
    assert "2 labels ('late', 'broken') where one was expected" in refused(MULTI, multi_label=False).message


def test_lists_of_one_label_are_single_label():
    assert build([{"text": row["text"], "labels": [row["label"]]} for row in GOLD]).multi_label is False


@pytest.mark.parametrize("mark", ["|", ";"])
def test_separated_labels_are_split_in_multi_label_tasks(mark):
    text = "text\tlabels\n" + "".join(f"{row['text']}\t{f' {mark} '.join(row['labels'])}\n" for row in MULTI)
    data = build(TextSource(text), multi_label=True)
    assert [e.labels for e in data.gold] == [("late", "broken"), ("late",), ("broken",), (), ()]
    assert f"labels were split at {mark!r}" in data.notes


def test_a_given_separator_makes_a_task_multi_label():
    text = "text\tlabels\n" + "".join(f"{row['text']}\t{','.join(row['labels'])}\n" for row in MULTI)
    assert build(TextSource(text), columns=Columns(separator=",")).labels == ("broken", "late")


def test_contradictions_and_nothing_at_all():
    with pytest.raises(InvalidInput, match="label_separator is given, but multi_label is false"):
        build(multi_label=False, columns=Columns(separator="|"))
    with pytest.raises(InvalidInput, match="no examples"):
        build_task(TaskSpec(name="t"), [])


def test_a_file_name_cannot_speak_to_the_terminal(tmp_path):
    (tmp_path / "a").write_text("text,label\nhello,\n")
    error = refused(FileSource(tmp_path / "a", "a\x1b[31m\n\ud800.csv"))
    assert "a\\x1b[31m\\n\\ud800.csv, line 2: the label is missing" in error.message


def test_labels_with_separators_stay_whole_in_single_label_tasks():
    rows = [{"text": f"text {n}", "label": ("a|b", "c;d,e")[n % 2]} for n in range(4)]
    assert build(rows).labels == ("a|b", "c;d,e")


def test_multi_label_needs_texts_without_each_label():
    rows = [{"text": f"text {n}", "labels": ["all", ("a", "b")[n % 2]]} for n in range(4)]
    assert "fewer than 2 examples without 'all'" in refused(rows).message


def test_rows_may_differ_in_their_keys():
    rows = [*GOLD, {"text": "one more", "labels": ["billing"]}, {"sentence": "and more", "label": "billing"}]
    assert [example.text for example in build(rows).gold[-2:]] == ["one more", "and more"]


def test_several_files_of_one_role(tmp_path):
    for number, part in enumerate((GOLD[::2], GOLD[1::2])):
        (tmp_path / f"{number}.jsonl").write_text("\n".join(map(json.dumps, part)))
    data = build_task(
        TaskSpec(name="t"), [FileSource(tmp_path / "0.jsonl"), FileSource(tmp_path / "1.jsonl")]
    )
    assert {example.text for example in data.gold} == {row["text"] for row in GOLD}


def test_a_pool_with_labels_or_under_another_column_name():
    data = build(pool=[{"label": "x", "body": "fresh"}], columns=Columns(text="text", label="label"))
    assert data.pool == ("fresh",)


def test_a_built_task_survives_its_file_form(tmp_path):
    data = build(MULTI, pool=["líne\nbreak", "שלום"], labels={"late": "too late", "broken": ""})
    save_task(data, tmp_path / "task")
    assert load_task(tmp_path / "task") == data


def test_preview_tells_what_was_understood():
    view = preview(build(pool=["x" * 1_000], test=[{"text": "unseen", "label": "billing"}]))
    assert view["counts"] == {"gold": 4, "pool": 1, "test": 1}
    assert view["labels"][0] == {"name": "billing", "description": "", "gold": 2, "test": 1}
    assert view["text_chars"] == {"min": 18, "median": 22, "p90": 1_000, "max": 1_000}
    assert view["examples"][0] == {"text": "why was I charged twice", "labels": ["billing"]}
    assert len(view["unlabeled"][0]) == 300
    json.dumps(view)
