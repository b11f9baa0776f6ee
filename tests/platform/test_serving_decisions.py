"""Choice questions to classifiers."""

import pytest
from tiny_student import write_tiny_student

QUESTION = {
    "type": "choice",
    "instructions": "Which desk?",
    "criteria": {"billing": None, "delivery": "parcels"},
}


def ask(http, **changes):
    body = {
        "model": "local/tickets",
        "state": "my parcel is late",
        "questions": {"desk": QUESTION},
        **changes,
    }
    return http.post("/v1/systemone", json=body)


def test_a_classifier_chooses_among_its_labels(http, published):
    answer = ask(http).json()
    assert (answer["model"], answer["commit"]) == ("local/tickets", published.oid)
    found = answer["answers"]["desk"]
    assert (found["type"], found["choice"]) == ("choice", "delivery")
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert found["confidence"] == pytest.approx(2 * found["probabilities"]["delivery"] - 1, abs=1e-5)


def test_some_options_share_what_the_others_would_have(http, published):
    only = {"type": "choice", "criteria": {"billing": "whatever"}}
    found = ask(http, questions={"one": only, "desk": QUESTION}).json()["answers"]
    assert found["one"]["probabilities"] == {"billing": 1.0} and found["one"]["confidence"] == 1
    assert found["desk"]["choice"] == "delivery"


def test_a_revision_can_be_named(http, published, services, tmp_path):
    write_tiny_student(tmp_path / "next", multi_label=True)
    services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")
    assert ask(http, model=f"local/tickets@{published.oid}").json()["commit"] == published.oid
    refused = ask(http)
    assert refused.status_code == 422 and "several labels" in refused.json()["error"]["message"]


def test_what_cannot_be_answered_is_refused(http, anonymous, published, publish_rows):
    publish_rows("ner")
    foreign = {"type": "choice", "criteria": {"sales": None}}
    for answer, status, said in (
        (ask(http, questions={"desk": foreign}), 422, "billing, delivery"),
        (ask(http, questions={"desk": {"type": "noul"}}), 422, "choice"),
        (ask(http, questions={}), 422, "questions"),
        (ask(http, state={"text": "a"}), 422, "send a string"),
        (ask(http, model="local/ner"), 422, "ner model"),
        (ask(http, model="local/none"), 404, "local/none"),
        (ask(http, model="none"), 422, "namespace/name"),
        (ask(anonymous), 401, "token"),
    ):
        assert answer.status_code == status and said in str(answer.json()["error"]), answer.text
