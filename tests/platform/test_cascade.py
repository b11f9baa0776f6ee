"""Answers within a bound on errors: by the student, by a language model, by nobody."""

import json
import shutil

import pytest
from scripted_server import chat, serving
from tiny_student import write_tiny_student

from gts.platform.cli import run
from gts.student.layout import read_manifest, write_manifest
from gts.student.opening import open_student
from gts.student.selective import HeldOut, certainty_of

URL = "/api/v1/models/local/tickets/predict"
TEXTS = ["my parcel is late", "hello there"]
HELD_OUT = HeldOut.of([0.98] * 40 + [0.5] * 20, [True] * 40 + [True, False] * 10)


def sure(folder, held_out=HELD_OUT):
    write_tiny_student(folder)
    write_manifest(folder, read_manifest(folder).model_copy(update={"held_out": held_out}))
    return folder


@pytest.fixture
def model(services, tmp_path):
    return services.registry.publish("local", "tickets", sure(tmp_path / "sure"), "first", author="local")


@pytest.fixture
def big(monkeypatch, tmp_path):
    """A language model that always says A, and its requests."""
    with serving(lambda body, count: chat("A")) as server:
        entry = {"name": "big", "kind": "openai", "model": "m", "base_url": server.url}
        (tmp_path / "models.json").write_text(
            json.dumps({"models": [{**entry, "price": {"input": 1e6, "output": 1e6}}]})
        )
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.json"))
        yield server


def allow(app, services, *names):
    from dataclasses import replace

    settings = services.settings.model_copy(update={"serving_models": names})
    app.state.services = replace(services, settings=settings)


def test_what_the_student_is_not_sure_of_stays_open(http, model):
    answer = http.post(URL, json={"texts": TEXTS, "max_error": 0.1}).json()
    assert [(one["labels"], one["answered_by"]) for one in answer["predictions"]] == [
        (["delivery"], "student"),
        ([], None),
    ]
    assert answer["cascade"] == {
        "threshold": 0.98,
        "expected_share": 0.6667,
        "student": 1,
        "teacher": 0,
        "unanswered": 1,
        "tokens": 0,
        "money": 0.0,
    }
    assert 'gts_cascade_rows_total{by="nobody",model="local/tickets"} 1.0' in http.get("/metrics").text


def test_a_bound_that_few_labelled_texts_cannot_promise_leaves_all_open(http, model):
    answer = http.post(URL, json={"texts": TEXTS, "max_error": 0.001}).json()
    assert answer["cascade"]["threshold"] is None
    assert [one["answered_by"] for one in answer["predictions"]] == [None, None]


def test_a_language_model_answers_the_rest_and_is_paid_once(http, app, services, model, big):
    allow(app, services, "big")
    body = {"texts": TEXTS, "max_error": 0.1, "fallback": "big"}
    answer = http.post(URL, json=body).json()
    assert [(one["labels"], one["answered_by"]) for one in answer["predictions"]] == [
        (["delivery"], "student"),
        (["billing"], "big"),
    ]
    assert (answer["cascade"]["teacher"], answer["cascade"]["unanswered"]) == (1, 0)
    assert answer["cascade"]["tokens"] > 0 and answer["cascade"]["money"] > 0
    asked = len(big.bodies)
    assert all("hello there" in json.dumps(one) for one in big.bodies)
    again = http.post(URL, json=body).json()
    assert again["predictions"] == answer["predictions"]
    assert (len(big.bodies), again["cascade"]["tokens"]) == (asked, 0)


def test_a_language_model_must_be_allowed_to_cost(http, model, big):
    answer = http.post(URL, json={"texts": TEXTS, "max_error": 0.1, "fallback": "big"})
    assert answer.status_code == 403 and "serving_models" in answer.json()["error"]["mend"]
    assert big.bodies == []


def test_a_student_that_does_not_know_how_sure_it_is_says_so(http, published):
    answer = http.post(URL, json={"texts": TEXTS, "max_error": 0.1})
    assert answer.status_code == 422 and "max_error" in answer.json()["error"]["mend"]


@pytest.fixture
def pairs(services, row_students, tmp_path):
    """A student that tells whether two texts are alike, and pairs of which it is sure of the first half."""
    folder, rows = row_students["similarity"]
    folder = shutil.copytree(folder, tmp_path / "pairs")
    asked = [{key: row[key] for key in ("text_a", "text_b")} for row in rows]
    student = open_student(folder)
    asked.sort(key=lambda row: -certainty_of(student.manifest, student.answer([row])[0]))
    sure = [certainty_of(student.manifest, answer) for answer in student.answer(asked)]
    middle = len(asked) // 2
    assert sure[middle - 1] > sure[middle], "the pairs can be told apart"
    held_out = HeldOut.of(
        [sure[middle - 1] - 1e-5] * 40 + [sure[middle] - 1e-5] * 20, [True] * 40 + [False] * 20
    )
    write_manifest(folder, student.manifest.model_copy(update={"held_out": held_out}))
    services.registry.publish("local", "twins", folder, "first", author="local")
    return asked


def test_pairs_are_left_open_where_nobody_is_sure(http, pairs):
    url, middle = "/api/v1/models/local/twins/predict", len(pairs) // 2
    answer = http.post(url, json={"rows": pairs, "max_error": 0.1}).json()
    by = [one["answered_by"] for one in answer["predictions"]]
    assert by == ["student"] * middle + [None] * (len(pairs) - middle)
    assert {one["alike"] for one in answer["predictions"][middle:]} == {None}
    assert None not in {one["alike"] for one in answer["predictions"][:middle]}


def test_a_language_model_answers_for_classifiers_only(http, app, services, pairs, big):
    allow(app, services, "big")
    body = {"rows": pairs, "max_error": 0.1, "fallback": "big"}
    answer = http.post("/api/v1/models/local/twins/predict", json=body)
    assert answer.status_code == 422 and "fallback" in answer.json()["error"]["mend"]
    assert big.bodies == []


@pytest.mark.parametrize("body", [{"max_error": 0}, {"max_error": 1}, {"max_error": -1}, {"fallback": "big"}])
def test_a_bound_is_a_share_and_a_fallback_needs_one(http, model, body):
    assert http.post(URL, json={"texts": TEXTS, **body}).status_code == 422


def test_the_command_line_asks_a_folder_within_a_bound(tmp_path, capsys):
    assert run(["predict", str(sure(tmp_path / "sure")), *TEXTS, "--max-error", "0.1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("delivery\t") and second.startswith("(not sure)\t")
    assert run(["predict", str(tmp_path / "sure"), *TEXTS, "--max-error", "0.1", "--fallback", "big"]) == 2
    assert run(["predict", str(tmp_path / "sure"), *TEXTS, "--fallback", "big"]) == 2
