"""Task files, REST bodies and web forms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gts.core.errors import DataError, InvalidInput
from gts.tasks.document import parse_document
from gts.tasks.rows import RowTask
from gts.tasks.source import FileSource
from gts.tasks.taskfile import load_task_document, load_task_file

ROWS = [
    {"text": "why was I charged twice", "label": "billing"},
    {"text": "the refund is missing", "label": "billing"},
    {"text": "where is my parcel", "label": "delivery"},
    {"text": "the courier never came", "label": "delivery"},
]
CSV = "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in ROWS)
FULL = """
name: support-tickets
type: classification
labels: {billing: charges and refunds, delivery: where is my parcel}
examples: labelled.csv
unlabeled: [data/pool.txt, data/more.txt.gz]
test: test.jsonl
language: en
goal: {metric: accuracy, target: 0.9}
budget: {seconds: 300}
student: {tier: auto, max_parameters: 1000000}
seed: 7
multi_label: false
"""


@pytest.fixture
def folder(tmp_path):
    import gzip

    (tmp_path / "data").mkdir()
    (tmp_path / "labelled.csv").write_text(CSV)
    (tmp_path / "data" / "pool.txt").write_text("first\nsecond\n")
    (tmp_path / "data" / "more.txt.gz").write_bytes(gzip.compress(b"third\n"))
    (tmp_path / "test.jsonl").write_text('{"text": "unseen", "label": "billing"}\n')
    return tmp_path


def task(folder, text, name="task.yaml"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_full_task_file(folder):
    data = load_task_file(task(folder, FULL))
    assert data.spec.name == "support-tickets"
    assert data.spec.labels == {"billing": "charges and refunds", "delivery": "where is my parcel"}
    assert data.spec.goal.target == 0.9
    assert data.spec.budget.seconds == 300
    assert data.spec.student.max_parameters == 1_000_000
    assert (data.spec.seed, data.multi_label, data.spec.language) == (7, False, "en")
    assert data.pool == ("first", "second", "third")
    assert len(data.gold) == 4
    assert len(data.test) == 1


def test_json_and_yaml_say_the_same(folder):
    document = parse_document(FULL)
    document["seed"] = 7
    assert load_task_file(task(folder, json.dumps(document), "task.json")) == load_task_file(
        task(folder, FULL)
    )


def test_the_shortest_task_file(folder):
    data = load_task_file(task(folder, "name: t\nexamples: labelled.csv\n"))
    assert data.labels == ("billing", "delivery")


def test_column_names_from_file_or_caller(folder):
    (folder / "odd.csv").write_text(CSV.replace("text,label", "a,b"))
    path = task(folder, "name: t\nexamples: odd.csv\ntext_column: a\nlabel_column: b\n")
    assert len(load_task_file(path).gold) == 4
    path = task(folder, "name: t\nexamples: odd.csv\n")
    assert len(load_task_file(path, text_column="a", label_column="b").gold) == 4


def test_yaml_words_stay_labels(folder):
    rows = [f"text {n},{('no', '010', '2024-01-01', 'null')[n % 4]}" for n in range(8)]
    (folder / "odd.csv").write_text("text,label\n" + "\n".join(rows))
    data = load_task_file(
        task(folder, "name: t\nexamples: odd.csv\nlabels: [no, 010, 2024-01-01, 'null']\nseed: 3")
    )
    assert data.labels == ("no", "010", "2024-01-01", "null")
    assert data.spec.seed == 3


@pytest.mark.parametrize(
    ("text", "message", "mend"),
    [
        ("name: t\nunlabelled: x\nexamples: a", "unknown key 'unlabelled'", "did you mean 'unlabeled'?"),
        ("name: t\nlables: [a]\nexamples: a", "unknown key 'lables'", "did you mean 'labels'?"),
        ("name: t\nzzz: 1\nexamples: a", "unknown key 'zzz'", "remove it"),
        ("name: t\nexamples: a\ngoal: {targt: 1}", "unknown key 'targt' in goal", "did you mean 'target'?"),
        (
            "name: t\nexamples: a\nteachers: big",
            "expected: a list of names of language models, such as [big]",
            "",
        ),
        ("name: t\nexamples: a\ngoal: {target: 90}", "goal.target is '90'", "change goal.target"),
        (
            "name: t\nexamples: a\nstudent: {tier: huge}",
            "student.tier is 'huge', expected: 'auto', 'static'",
            "",
        ),
        ("name: ../x\nexamples: a", "name is '../x', expected: 1 to 90 letters", ""),
        ("name: a..b\nexamples: a", "name is 'a..b', expected: a name without '--' and '..'", "change name"),
        ("name: a--b\nexamples: a", "name is 'a--b', expected: a name without", ""),
        ("name: a.git\nexamples: a", "name is 'a.git', expected: a name without", ""),
        (f"name: {'x' * 91}\nexamples: a", "expected: 1 to 90 letters", ""),
        ("name: <b>x</b>\nexamples: a", "name is '<b>x</b>'", ""),
        ("name: 你好\nexamples: a", "name is '你好'", ""),
        ("examples: a", "name is missing, expected: 1 to 90", ""),
        ("name: t\nexamples: a\nseed: -1", "seed is '-1', expected: a whole number", ""),
        ("name: t\nexamples: a\nlanguage: English", "language is 'English', expected: an ISO 639", ""),
        ("name: t\nexamples: a\nlabels: [a, a]", "a label is listed twice", ""),
        ("name: t\nexamples: a\nlabels: [a, ~]", "labels holds an entry that is no name", "quotes"),
        ("name: t\nexamples: a\nlabels: {a: x, a: y}", "the key 'a' stands twice", ""),
        ("name: t\ntype: nerd\nexamples: a", "type is 'nerd', expected: 'classification'", ""),
        ("name: t\ntype: ner", "the task has no examples; at least two texts for each entity type", ""),
        (
            "name: t\ntype: relation\nexamples: a\nrelations: {a: {hed: x}}",
            "unknown key 'hed' in relations.a; the keys are 'description', 'head', 'tail'",
            "'head'",
        ),
        ("name: t\ntype: event\nexamples: a\nevents: {a: {roles: 3}}", "events.a.roles is '3'", ""),
        (
            "name: t\ntype: similarity\nexamples: a\nscale: wide",
            "scale is 'wide', expected: the least and",
            "",
        ),
        ("name: t\nscale: [0, 5]\nexamples: a", "scale only in tasks of type similarity", ""),
        ("name: t", "the task has no examples", "labelled.csv"),
        ("name: t\nexamples: {a: 1}", "examples is a dict of 1, expected: the path", ""),
        ("name: t\nexamples: a\ntext_column: [a]", "text_column is a list of 1", ""),
        ("name: t\n\texamples: a", "line 2 is not valid YAML", ""),
        ("- a\n- b", "task.yaml holds a list of 2; keys such as name", ""),
        ("", "task.yaml holds nothing", ""),
        ("a: &x [1]\nb: *x", "aliases", ""),
        ("[" * 50_000, "not valid YAML", ""),
        (
            "name: t\nexamples: !!python/object/apply:os.system ['true']",
            "line 2 is not valid YAML: the tag '!!python/object/apply:os.system' is not read",
            "write plain keys and values",
        ),
        ("name: t\nexamples: !!timestamp 2024-01-01", "line 2 is not valid YAML: the tag '!!timestamp'", ""),
        ("name: !!binary aGVsbG8=\nexamples: a", "the tag '!!binary' is not read", ""),
        ("name: t\nseed: !!int x\nexamples: a", "line 2 is not valid YAML: the tag '!!int' is not read", ""),
    ],
)
def test_what_is_wrong_with_a_task_file(folder, text, message, mend):
    with pytest.raises(InvalidInput) as caught:
        load_task_file(task(folder, text))
    assert message in caught.value.message
    assert mend in caught.value.mend
    assert caught.value.mend
    json.dumps(caught.value.as_json())


def test_what_is_wrong_with_a_json_task_file(folder):
    for text, message in (
        ('{"name": "t", "name": "u"}', "the key 'name' stands twice"),
        ('{"name": "t",}', "task.json is not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "holds a list of 0"),
    ):
        with pytest.raises(InvalidInput) as caught:
            load_task_file(task(folder, text, "task.json"))
        assert message in caught.value.message


def test_a_missing_data_file_is_named_as_written(folder):
    with pytest.raises(DataError, match=r"there is no file data/pol\.txt") as caught:
        load_task_file(task(folder, "name: t\nexamples: labelled.csv\nunlabeled: data/pol.txt"))
    assert caught.value.mend == "did you mean 'pool.txt'?"
    with pytest.raises(DataError, match=r"no file missing\.yaml"):
        load_task_file(folder / "missing.yaml")


def test_a_task_file_in_another_encoding(folder):
    (folder / "task.yaml").write_bytes("name: t\nlabels: [é]\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"task\.yaml, line 2: not UTF-8"):
        load_task_file(folder / "task.yaml")


def test_a_folder_in_place_of_a_task_file(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match=r"^\. is a folder, a file was expected"):
        load_task_file(Path())


def test_a_rest_body_with_rows():
    data = load_task_document(
        {
            "name": "t",
            "labels": ["billing", "delivery"],
            "examples": ROWS,
            "unlabeled": ["one", {"text": "two"}],
            "test": [{"text": "unseen", "labels": ["billing"]}],
            "seed": 3,
        }
    )
    assert (len(data.gold), data.pool, len(data.test), data.spec.seed) == (4, ("one", "two"), 1, 3)


@pytest.mark.parametrize(
    "examples", [CSV, CSV.replace(",", "\t"), "\n".join(map(json.dumps, ROWS)), json.dumps(ROWS)]
)
def test_a_rest_body_or_form_with_text(examples):
    data = load_task_document({"name": "t", "examples": examples, "unlabeled": "one, and\r\ntwo\r\n"})
    assert len(data.gold) == 4
    assert data.pool == ("one, and", "two")


def test_an_untouched_form():
    fields = dict.fromkeys(("labels", "language", "test", "unlabeled", "text_column", "label_separator"), "")
    form = {**fields, "name": "t", "examples": CSV, "seed": "5", "multi_label": "false"}
    data = load_task_document(form)
    assert (data.spec.seed, data.multi_label, data.spec.language) == (5, False, "en")
    data = load_task_document({**form, "labels": "delivery: where is it?\r\n\r\nbilling\r\n"})
    assert data.spec.labels == {"delivery": "where is it?", "billing": ""}


def test_uploads_are_named_as_the_user_knows_them(tmp_path):
    (tmp_path / "tmp123").write_text(CSV + "empty label,\n")
    upload = FileSource(tmp_path / "tmp123", "mine.csv")
    with pytest.raises(DataError, match=r"^mine\.csv, line 6: the label is missing"):
        load_task_document({"name": "t", "examples": "labelled.csv"}, examples=upload)


@pytest.mark.parametrize("path", ["/etc/passwd.csv", "labelled.csv", "../secret.jsonl.gz"])
def test_a_rest_body_never_reads_files(path):
    with pytest.raises(InvalidInput, match="looks like the name of a file"):
        load_task_document({"name": "t", "examples": path})


def test_a_rest_body_is_checked():
    for body, message in (
        ({"name": "t"}, "no examples"),
        ({"name": "t", "examples": 3}, "examples is 3"),
        ({"name": "t", "examples": [1]}, "examples, row 1: 1 is no row"),
        ({"name": "t", "examples": [{"a": 1}]}, "no label column was found; the columns are 'a'"),
        ({"name": "t", "example": ROWS}, "unknown key 'example'"),
        ({"name": ["t"], "examples": ROWS}, "name is a list of 1"),
        ({"name": "t", "examples": ROWS, "labels": 3}, "labels is 3, expected: a list of names"),
    ):
        with pytest.raises(InvalidInput) as caught:
            load_task_document(body)
        assert message in caught.value.message
        json.dumps(caught.value.as_json())


def test_importing_the_entrance_is_light():
    heavy = "{'torch', 'transformers', 'sklearn', 'pyarrow', 'numpy', 'fastapi', 'ray'}"
    code = f"import sys, gts.tasks.taskfile; assert not {heavy} & set(sys.modules), set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


PEOPLE = [{"text": f"{name} wrote", "entities": [[0, 3, "person"]]} for name in ("Ada", "Max")]


def test_tasks_of_other_types_name_their_files_too(folder):
    (folder / "gold.jsonl").write_text("\n".join(map(json.dumps, PEOPLE)))
    text = (
        "name: t\ntype: ner\nexamples: gold.jsonl\nunlabeled: [data/pool.txt]\nentities: {person: somebody}\n"
    )
    data = load_task_file(task(folder, text))
    assert isinstance(data, RowTask)
    assert data.spec.entities["person"].description == "somebody"
    assert [row.text for row in data.pool] == ["first", "second"]


def test_columns_of_a_task_file_and_of_the_caller(folder):
    (folder / "pairs.csv").write_text("l,r,same,x\na b,c,1,0\nd,e,1,0\nf,g,0,0\nh,i,0,0\n")
    text = "name: t\ntype: similarity\nexamples: pairs.csv\ntext_column: l+r\nlabel_column: x\n"
    data = load_task_file(task(folder, text), label_column="same")
    assert [row.score for row in data.gold] == [1, 1, 0, 0]


def test_a_form_declares_types_one_a_line():
    form = {"name": "t", "type": "ner", "entities": "person: somebody\n firm \n", "scale": "", "labels": ""}
    rows = [*PEOPLE, *({"text": f"{name} Inc", "entities": [[0, 4, "firm"]]} for name in ("Acme", "Bolt"))]
    spec = load_task_document({**form, "examples": rows}).spec
    assert [(name, kind.description) for name, kind in spec.entities.items()] == [
        ("person", "somebody"),
        ("firm", ""),
    ]
    with pytest.raises(InvalidInput, match="the entity type 'a' stands twice"):
        load_task_document({**form, "entities": "a\na: again", "examples": rows})


@pytest.mark.parametrize("scale", ["0-5", "0, 5", "[0, 5]", "0 to 5", ["0", 5]])
def test_a_scale_in_every_spelling(scale):
    rows = [["a", "b", 1], ["c", "d", 4]]
    document = {"name": "t", "type": "similarity", "scale": scale, "examples": rows}
    assert load_task_document(document).spec.scale == (0.0, 5.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"entities": {"": "x"}}, "the name '' is empty"),
        ({"entities": [" a"]}, "the name ' a' begins or ends with a space"),
        ({"label_separator": "|"}, "a task of type ner has no labels to separate"),
        ({"entity_types": ["a"]}, "did you mean 'entities'?"),
        ({"examples": []}, "0 rows of examples"),
    ],
)
def test_what_is_wrong_with_a_document_of_another_type(fields, message):
    with pytest.raises(InvalidInput) as caught:
        load_task_document({"name": "t", "type": "ner", "examples": PEOPLE, **fields})
    assert message in str(caught.value)
