"""``gts predict`` and ``gts evaluate`` for every type of task, with real students of a few kilobytes."""

from __future__ import annotations

import json

import httpx
import pytest

from gts.platform.cli import run
from gts.platform.client import Client

MEASURES = {
    "ner": {"micro_f1", "macro_f1", "per_type"},
    "relation": {"triple_f1", "macro_f1", "per_type"},
    "given": {"triple_f1", "macro_f1", "per_type"},
    "event": {"trigger_f1", "argument_f1", "per_type", "per_role"},
    "similarity": {"accuracy", "f1", "spearman"},
    "graded": {"spearman"},
    "summarization": {"rouge1", "rouge2", "rougeL"},
}


@pytest.fixture
def gts(capfd):
    """Runs a command in this process; returns exit code, standard output, standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def labelled_file(row_students, tmp_path):
    """Writes labelled rows of a student, or others, into a file."""

    def write(name, rows=None):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows or row_students[name][1]), "utf-8")
        return path

    return write


def last_json(out):
    return json.loads(out.strip().splitlines()[-1])


@pytest.mark.parametrize("name", MEASURES)
def test_a_student_is_measured_by_the_answers_it_gives(gts, row_students, labelled_file, name):
    folder, rows = row_students[name]
    code, out, err = gts("evaluate", folder, labelled_file(name), "--json")
    result = last_json(out)
    assert code == 0, err
    assert set(result) == MEASURES[name] | {"metric", "n"}
    assert result["n"] == len(rows)
    measured = {key: value for key, value in result.items() if isinstance(value, float)}
    assert result["metric"] in measured
    assert all(0.8 < value <= 1 for value in measured.values()), measured


def test_the_table_for_people_has_a_line_for_each_type_and_role(gts, row_students, labelled_file):
    _, out, _ = gts("evaluate", row_students["event"][0], labelled_file("event"))
    assert out.startswith("trigger F1 1.0000, argument F1 ") and "n = 8" in out
    assert any(line.split()[:2] == ["meal", "1.000"] for line in out.splitlines())
    assert "what (meal)" in out
    _, out, _ = gts("evaluate", row_students["summarization"][0], labelled_file("summarization"))
    assert out == "ROUGE-1 1.0000, ROUGE-2 1.0000, ROUGE-L 1.0000, n = 8\n"


def test_wrong_answers_count_as_wrong(gts, row_students, labelled_file):
    folder, rows = row_students["ner"]
    moved = [
        {**row, "entities": [{**span, "end": span["end"] - 1} for span in row["entities"]]} for row in rows
    ]
    assert last_json(gts("evaluate", folder, labelled_file("ner", moved), "--json")[1])["micro_f1"] == 0
    folder, rows = row_students["similarity"]
    turned = [{**row, "label": 1 - row["label"]} for row in rows]
    result = last_json(gts("evaluate", folder, labelled_file("similarity", turned), "--json")[1])
    assert result["accuracy"] < 0.2 and result["spearman"] < 0


def test_the_measure_that_decides_can_be_named(gts, row_students, labelled_file):
    folder, _ = row_students["similarity"]
    code, out, _ = gts("evaluate", folder, labelled_file("similarity"), "--metric", "spearman", "--json")
    assert (code, last_json(out)["metric"]) == (0, "spearman")
    code, _, err = gts("evaluate", folder, labelled_file("similarity"), "--metric", "rouge1")
    assert code == 2 and "use accuracy or f1 or spearman" in err
    code, _, err = gts("evaluate", row_students["graded"][0], labelled_file("graded"), "--metric", "accuracy")
    assert code == 2 and "use spearman" in err


def test_what_a_student_does_not_know_is_refused_by_name(gts, row_students, labelled_file):
    folder, rows = row_students["ner"]
    odd = [*rows, {"text": "soup", "entities": [{"start": 0, "end": 4, "type": "dsh"}]}]
    code, _, err = gts("evaluate", folder, labelled_file("ner", odd))
    assert code == 2 and "line 9" in err and "did you mean 'dish'?" in err and "'team'" in err


def test_other_is_no_relation_and_is_said_so(gts, row_students, labelled_file):
    folder, rows = row_students["given"]
    marked = []
    for row in rows:
        head, tail = row["entities"]
        other = {"text": row["text"], "relations": [{"type": "Other", "head": head, "tail": tail}]}
        marked.append(row if row["relations"] else other)
    code, out, err = gts("evaluate", folder, labelled_file("given", marked), "--json")
    assert code == 0 and last_json(out)["triple_f1"] == 1 and list(last_json(out)["per_type"]) == ["beats"]
    assert "no relation holds" in err


def test_tagged_files_are_read(gts, row_students, tmp_path):
    (tmp_path / "test.conll").write_text("please O\nsoup B-dish\n\ngoal B-team\nagain O\n")
    folder = row_students["ner"][0]
    result = last_json(gts("evaluate", folder, tmp_path / "test.conll", "--json")[1])
    assert (result["n"], result["micro_f1"]) == (2, 1)
    code, out, _ = gts("predict", folder, "--input", tmp_path / "test.conll")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["please soup", "goal again"]


def test_findings_are_told_a_line_each(gts, row_students):
    code, out, _ = gts("predict", row_students["ner"][0], "please soup again goal not")
    assert code == 0
    assert [line.split("\t")[:3] for line in out.splitlines()] == [
        ["dish", "soup", "7-11"],
        ["team", "goal", "18-22"],
    ]
    _, out, _ = gts("predict", row_students["relation"][0], "please goal very coach not today")
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        ["team", "goal"],
        ["team", "coach"],
        ["beats", "goal -> coach"],
    ]
    _, out, _ = gts("predict", row_students["event"][0], "please boil not today soup when")
    assert [line.split("\t")[:3] for line in out.splitlines()] == [["meal", "boil", "7-11"]]
    assert out.rstrip().endswith("what: soup")


def test_of_several_texts_one_sees_what_was_found_where(gts, row_students):
    _, out, _ = gts("predict", row_students["ner"][0], "please soup again", "please not again\x1b")
    first, finding, second, nothing = out.splitlines()
    assert first == "please soup again" and finding.startswith("  dish\tsoup\t7-11\t")
    assert "\x1b" not in second and nothing == "  (nothing found)"


def test_the_whole_answer_is_json(gts, row_students):
    code, out, _ = gts("predict", row_students["ner"][0], "😀 soup today", "--json")
    (said,) = last_json(out)["predictions"]
    assert code == 0 and said["text"] == "😀 soup today"
    (soup,) = [entity for entity in said["entities"] if entity["text"] == "soup"]
    assert (soup["start"], soup["end"], soup["type"]) == (2, 6, "dish")


def test_two_texts_are_compared(gts, row_students):
    folder, _ = row_students["similarity"]
    assert gts("predict", folder, "soup salt not", "bread soup when")[1].startswith("alike\t0.")
    assert gts("predict", folder, "soup salt not", "goal match when")[1].startswith("not alike\t0.")
    (said,) = last_json(gts("predict", folder, "soup salt not", "bread soup when", "--json")[1])[
        "predictions"
    ]
    assert (said["text_a"], said["text_b"], said["alike"]) == ("soup salt not", "bread soup when", True)
    assert float(gts("predict", row_students["graded"][0], "soup salt not", "bread soup when")[1]) > 3
    for texts in (["soup"], ["soup", "goal", "salt"]):
        code, _, err = gts("predict", folder, *texts)
        assert code == 2 and "compares two" in err and "--input" in err


def test_a_summary_is_one_line_of_text(gts, row_students):
    text = "Please boil it again.\nThe coach kick goal.\nThe soup was very good today."
    assert gts("predict", row_students["summarization"][0], text, text)[1] == "The coach kick goal.\n" * 2


def test_a_student_that_is_given_entities_asks_for_rows(gts, row_students, labelled_file, tmp_path):
    folder, rows = row_students["given"]
    code, _, err = gts("predict", folder, "goal very match")
    assert code == 2 and "given entities" in err and "--input FILE" in err
    output = tmp_path / "out.jsonl"
    code, _, _ = gts("predict", folder, "--input", labelled_file("given"), "--output", output)
    found = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert code == 0 and [row["text"] for row in found] == [row["text"] for row in rows]
    wanted = [[one["type"] for one in row["relations"]] for row in rows]
    assert [[one["type"] for one in row["relations"]] for row in found] == wanted
    assert all("score" in entity for row in found for entity in row["entities"])


def test_a_file_of_pairs_is_answered_line_by_line(gts, row_students, tmp_path):
    rows = [
        ("soup salt not", "bread soup when" if number % 2 else "goal match when") for number in range(600)
    ]
    (tmp_path / "in.tsv").write_text("question1\tquestion2\n" + "".join(f"{a}\t{b}\n" for a, b in rows))
    output = tmp_path / "out.jsonl"
    folder = row_students["similarity"][0]
    code, out, err = gts("predict", folder, "--input", tmp_path / "in.tsv", "--output", output, "--json")
    assert code == 0 and last_json(out) == {"n": 600, "output": str(output)} and "600 pairs" in err
    found = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [(row["text_a"], row["text_b"]) for row in found] == rows
    assert [row["alike"] for row in found[:2]] == [False, True]


def test_a_bad_row_is_named_by_its_line(gts, row_students, labelled_file):
    code, _, err = gts(
        "predict", row_students["similarity"][0], "--input", labelled_file("odd", [{"text": "one"}])
    )
    assert code == 2 and "odd.jsonl, line 1" in err and "no two texts" in err


@pytest.fixture
def served(http, services, row_students, monkeypatch):
    """Publishes a student and leads the command line's requests to the application, with a token of some scopes."""

    class Bridge(httpx.BaseTransport):
        def handle_request(self, request):
            headers = dict(request.headers)
            answer = http.request(request.method, str(request.url), content=request.read(), headers=headers)
            return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    def publish(name, *scopes):
        from gts.platform.tokens import parse_scopes

        services.registry.publish("local", name, row_students[name][0], "first", author="local")
        secret, _ = services.tokens.create("cli", scopes=parse_scopes(scopes))
        monkeypatch.setattr(
            "gts.platform.cli.asking.connect",
            lambda *options: Client("http://testserver", secret, transport=Bridge()),
        )
        return f"local/{name}"

    return publish


@pytest.mark.parametrize("name", ["similarity", "given", "event"])
def test_the_platform_answers_in_place_of_a_folder(gts, served, row_students, labelled_file, name):
    here = last_json(gts("evaluate", row_students[name][0], labelled_file(name), "--json")[1])
    code, out, err = gts("evaluate", served(name, "read", "infer"), labelled_file(name), "--json")
    assert code == 0, err
    assert last_json(out) == here


def test_the_platform_is_asked_about_pairs(gts, served):
    assert gts("predict", served("similarity", "read", "infer"), "soup salt", "bread soup")[1].startswith(
        "alike\t"
    )


def test_a_revision_may_stand_behind_the_name(gts, served):
    model = served("similarity", "read", "infer")
    assert gts("predict", f"{model}@main", "soup salt", "bread soup")[1].startswith("alike\t")
    code, _, err = gts("predict", f"{model}@nowhere", "soup salt", "bread soup")
    assert code == 1 and "no revision 'nowhere'" in err


def test_a_token_that_may_only_ask_is_enough_for_texts(gts, served, labelled_file):
    model = served("ner", "infer")
    assert gts("predict", model, "please soup")[1].startswith("dish\tsoup\t7-11")
    code, _, err = gts("evaluate", model, labelled_file("ner"))
    assert code == 1 and "scope `read`" in err
