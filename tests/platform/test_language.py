"""The site's language models over REST and in the form: listed, chosen by name, probed; their keys never told."""

import pytest
from tiny_causal import write_tiny_causal

from gts.core.llm.backend import open_backend
from gts.core.llm.entries import find
from gts.core.llm.kinds import KINDS, Kind
from gts.core.llm.values import Completion, Usage
from gts.platform.cli import app

PICKY = 'kind: openai, model: m, base_url: "http://10.0.0.9:8000/v1", key_env: SECRET_KEY, price: {input: 1, output: 2}'


@pytest.fixture
def models(tmp_path, monkeypatch):
    def write(**entries):
        rows = "".join(f"  - {{name: {name}, {text}}}\n" for name, text in entries.items())
        (tmp_path / "models.yaml").write_text(f"models:\n{rows}")
        monkeypatch.setenv("GTS_MODELS", str(tmp_path / "models.yaml"))
        monkeypatch.setenv("SECRET_KEY", "very-secret")

    return write


def test_models_are_listed_without_address_and_key(http, models, tmp_path):
    models(big=PICKY, own=f"kind: transformers, model: {tmp_path / 'weights'}")
    answer = http.get("/api/v1/language-models")
    assert [model["name"] for model in answer.json()["models"]] == ["big", "own"]
    assert answer.json()["models"][1]["model"] == "weights"
    for secret in ("very-secret", "SECRET_KEY", "10.0.0.9", str(tmp_path)):
        assert secret not in answer.text


class Parrot:
    """A backend of a new kind: it says what it was asked."""

    def __init__(self, entry):
        self._name = entry.model

    def complete(self, calls, on_answer):
        for index, call in enumerate(calls):
            on_answer(index, Completion(f"{self._name}: {call.messages[-1].content}", Usage(3, 3)))


def test_a_new_kind_is_one_line_of_the_table(http, models, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(KINDS, "parrot", Kind(f"{__name__}:Parrot", is_remote=False))
    models(polly="kind: parrot, model: macaw")

    listed = http.get("/api/v1/language-models").json()["models"]
    assert [(model["name"], model["kind"]) for model in listed] == [("polly", "parrot")]
    assert "writes:polly" in http.get("/new").text
    assert app(["doctor", "--data-dir", str(tmp_path / "data")], standalone_mode=False) in (None, 0, 1)
    assert "macaw by parrot" in capsys.readouterr().out
    assert open_backend(find("polly")).complete is not None


def test_without_a_file_there_are_none(http):
    assert http.get("/api/v1/language-models").json() == {"models": []}


def test_a_task_names_models_of_the_site_only(http, task, models):
    models(big=PICKY)
    known = http.post("/api/v1/jobs", json={**task, "teachers": ["big"], "generators": ["embedded", "big"]})
    assert known.status_code == 202
    for wrong in ({"teachers": ["bigg"]}, {"generators": ["huge"]}):
        answer = http.post("/api/v1/jobs", json={**task, **wrong})
        assert answer.status_code == 422
        assert "no language model is named" in answer.json()["error"]["message"]
        assert "big" in answer.json()["error"]["details"]["known"]
    address = http.post("/api/v1/jobs", json={**task, "teachers": ["http://10.0.0.1/v1"]})
    assert address.status_code == 422


def test_the_form_offers_the_models_and_keeps_what_was_ticked(http, models):
    models(big=PICKY, small=PICKY)
    page = http.get("/new")
    assert "teaches:big" in page.text and "writes:small" in page.text
    rows = "\n".join(f"refund {i}\tbilling\nparcel {i}\tdelivery" for i in range(3))
    fields = {"name": "t", "labels": "", "examples": rows, "unlabeled": "", "teaches:big": "on"}
    sent = {name: (None, value) for name, value in fields.items()}
    check = http.post("/new", files=sent, headers={"Origin": "http://testserver"})
    assert check.status_code == 303, check.text
    assert "big" in http.get(check.headers["location"]).text
    again = http.get(f"/new?draft={check.headers['location'].rpartition('/')[2]}").text
    assert again.count("checked") == 1


def test_the_form_takes_limits_of_tokens_and_money(http, models):
    models(big=PICKY)
    page = http.get("/new").text
    assert 'name="tokens"' in page and 'name="money"' in page
    rows = "\n".join(f"refund {i}\tbilling\nparcel {i}\tdelivery" for i in range(3))
    fields = {"name": "t", "examples": rows, "teaches:big": "on", "tokens": "2000", "money": "0.5"}
    origin = {"Origin": "http://testserver"}
    check = http.post("/new", files={name: (None, value) for name, value in fields.items()}, headers=origin)
    assert check.status_code == 303, check.text
    again = http.get(f"/new?draft={check.headers['location'].rpartition('/')[2]}").text
    assert 'name="tokens" value="2000"' in again and 'name="money" value="0.5"' in again
    fields["tokens"] = "many"
    wrong = http.post("/new", files={name: (None, value) for name, value in fields.items()}, headers=origin)
    assert wrong.status_code == 422
    assert 'id="tokens-problem"' in wrong.text


def test_a_statement_is_weighed_against_its_opposite(http, models, tmp_path):
    models(own=f"kind: transformers, model: {write_tiny_causal(tmp_path / 'weights', ['rain is wet.'] * 4)}")
    body = {"subject": "rain", "relation": "is", "object": "wet"}
    answer = http.post("/api/v1/probe", json=body)
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["statements"]
    assert (first["statement"], second["statement"]) == ("rain is wet.", "rain is not wet.")
    assert first["probability"] > 0.5 > second["probability"]
    assert first["perplexity"] < second["perplexity"]


def test_what_cannot_be_probed_is_refused_in_words(http, models):
    models(big=PICKY)
    body = {"subject": "--help", "relation": "is", "object": "wet"}
    for model in ("big", "nobody"):
        answer = http.post("/api/v1/probe", json={**body, "model": model})
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["mend"]
