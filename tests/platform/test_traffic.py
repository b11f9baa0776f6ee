"""Traffic over REST, by client, commands and pages: what is kept, whether it looks like training, and learning from it."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from test_client import Bridge
from tiny_student import write_tiny_student

from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.orchestrator.taskstore import get_task
from gts.platform.cli import run
from gts.platform.client import Client
from gts.platform.pages.languages import languages
from gts.platform.pages.trafficwords import shift_sentence, verdict_sentence
from gts.platform.tokens import Scope
from gts.platform.traffic.drift import Shift
from gts.platform.traffic.improving import choose
from gts.platform.traffic.report import Look, Traffic
from gts.student.layout import read_manifest, write_manifest
from gts.student.observing import reference_of

MODEL = "local/tickets"
URL = f"/api/v1/models/{MODEL}"


def texts(count, seed, *, words=(3, 9), parcels=0.5):
    rng = random.Random(seed)
    made = []
    for number in range(count):
        said = [rng.choice(("my", "the", "is", "late", "again", "hello")) for _ in range(rng.randint(*words))]
        said[rng.randrange(len(said))] = "parcel" if rng.random() < parcels else "refund"
        made.append(f"{' '.join(said)} {number + 1_000_000 * seed}")
    return made


@pytest.fixture
def model(services, tmp_path):
    """The tiny student with a reference, of which everything asked is kept."""
    folder = write_tiny_student(tmp_path / "known")
    reference = reference_of(folder, [{"text": text} for text in texts(400, 1)], learnt=False, seed=0)
    write_manifest(folder, read_manifest(folder).model_copy(update={"reference": reference}))
    return services.registry.publish("local", "tickets", folder, "first", author="local")


@pytest.fixture
def ask(http, services):
    def call(asked, **body):
        answer = http.post(f"{URL}/predict", json={"texts": asked, **body})
        assert answer.status_code == 200 and services.traffic.flush()
        return answer.json()

    return call


@pytest.fixture
def logged(http):
    """Switches the log of the model on."""

    def call(share=1.0):
        answer = http.put(f"{URL}/traffic/logging", json={"share": share})
        assert answer.status_code == 200
        return answer.json()["logging"]

    return call


@pytest.fixture
def client(http, token):
    with Client("http://testserver", token, transport=Bridge(http)) as client:
        yield client


@pytest.fixture
def gts(http, token, monkeypatch, capfd):
    """Runs a command against the application under test; returns exit code, standard output, standard error."""

    def connect(*given):
        return Client("http://testserver", token, transport=Bridge(http))

    for module in ("traffic", "asking"):
        monkeypatch.setattr(f"gts.platform.cli.{module}.connect", connect)

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def rows_of(http):
    return http.get(f"{URL}/traffic/rows?limit=200").json()["rows"]


# What is kept


def test_every_door_leads_to_the_log_and_tests_to_none(http, services, model, logged):
    assert logged() == {"share": 1.0, "chosen_by": "test", "kept": 0, "dropped": 0}
    http.post(f"{URL}/predict", json={"texts": ["typed parcel"]})
    http.post(f"/models/{MODEL}", json={"inputs": "parcel of a Hub client"})
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["parcel in a tensor"]}
    assert http.post(f"/v2/models/{MODEL}/infer", json={"inputs": [tensor]}).status_code == 200
    assert http.post(f"{URL}/predict-lines", content=b'"parcel on a line"\n').status_code == 200
    http.headers["accept"] = "text/html"
    http.post(f"/models/{MODEL}/try", data={"text": "tried parcel"})
    http.headers["accept"] = "application/json"
    http.post(f"{URL}/predict", json={"texts": ["a test parcel"], "test": True})
    http.post(f"{URL}/predict-lines?test=true", content=b'"another test parcel"\n')
    rows = [{"text": "compared parcel", "label": "delivery"}, {"text": "refund", "label": "billing"}]
    compared = http.post(f"{URL}/compare", json={"from": model.oid, "to": "main", "rows": rows})
    assert compared.status_code == 200, compared.text
    assert services.traffic.flush()
    kept = rows_of(http)
    assert {row["row"]["text"] for row in kept} == {
        "typed parcel",
        "parcel of a Hub client",
        "parcel in a tensor",
        "parcel on a line",
        "tried parcel",
    }
    assert {row["commit"] for row in kept} == {model.oid}
    assert all(row["answer"]["labels"] == ["delivery"] for row in kept)
    assert "gts_traffic_kept 5.0" in http.get("/metrics").text


def test_a_bound_on_errors_says_who_answered(http, services, tmp_path, logged):
    from test_cascade import sure

    services.registry.publish("local", "tickets", sure(tmp_path / "sure"), "first", author="local")
    logged()
    http.post(f"{URL}/predict", json={"texts": ["my parcel is late", "hello there"], "max_error": 0.1})
    assert services.traffic.flush()
    unsure, certain = rows_of(http)
    assert (certain["answered_by"], unsure["answered_by"]) == ("student", None)
    assert unsure["answer"]["labels"] == ["billing"], "what the student would have said"


def test_rows_come_in_pages_and_are_forgotten(http, client, model, ask, logged):
    logged()
    ask([f"parcel {number}" for number in range(5)])
    page = http.get(f"{URL}/traffic/rows?limit=2").json()
    assert [row["row"]["text"] for row in page["rows"]] == ["parcel 4", "parcel 3"]
    rest = http.get(f"{URL}/traffic/rows", params={"before": page["next_before"]}).json()
    assert len(rest["rows"]) == 3 and rest["next_before"] is None
    assert [row["number"] for row in client.traffic_rows(MODEL, limit=3)] == [5, 4, 3]
    assert client.clear_traffic(MODEL) == 5 and rows_of(http) == []
    assert client.clear_traffic(MODEL) == 0
    assert client.log_traffic(MODEL, None)["logging"]["chosen_by"] is None
    ask(["parcel"])
    assert rows_of(http) == []
    with pytest.raises(NotFound):
        client.traffic("local/nothing")
    with pytest.raises(InvalidInput):
        client.log_traffic(MODEL, 2)


def test_reading_needs_read_and_everything_else_write(services, anonymous, model):
    calls = {
        Scope.READ: [("GET", "/traffic"), ("GET", "/traffic/rows")],
        Scope.WRITE: [("PUT", "/traffic/logging"), ("DELETE", "/traffic/rows"), ("POST", "/improve")],
    }
    for scope in Scope:
        secret, _ = services.tokens.create(scope.value, scopes=frozenset({scope}))
        for needed, asked in calls.items():
            for method, path in asked:
                answer = anonymous.request(
                    method, URL + path, headers={"Authorization": f"Bearer {secret}"}, json={"share": 1}
                )
                may = scope in (needed, Scope.WRITE)  # whoever may write may read
                assert (answer.status_code == 403) == (not may), (scope, method, path)
    elsewhere, _ = services.tokens.create("limited", repositories=("local/other",))
    for method, path in [*calls[Scope.READ], *calls[Scope.WRITE]]:
        answer = anonymous.request(
            method, URL + path, headers={"Authorization": f"Bearer {elsewhere}"}, json={"share": 1}
        )
        assert answer.status_code == 403, (method, path)


# The verdict


def test_traffic_like_training_is_said_to_be_so(http, model, ask, logged):
    assert http.get(f"{URL}/traffic").json()["verdict"] == "off"
    logged()
    ask(texts(60, 2) * 3)
    few = http.get(f"{URL}/traffic").json()
    assert (few["verdict"], few["rows"]) == ("few", 60), "a text that comes again counts once"
    assert few["sentence"] == "too few answers logged yet to tell (60 of 100)" and few["shifts"] == []
    ask(texts(200, 3))
    same = http.get(f"{URL}/traffic").json()
    assert (same["verdict"], same["sentence"]) == ("same", "traffic looks like the training pool")
    assert {shift["quantity"] for shift in same["shifts"]} == {"length", "tokens", "confidence", "labels"}
    assert same["rows"] == 260 and same["reference_rows"] == 400


def test_longer_texts_and_other_answers_are_named(http, client, model, ask, logged):
    logged()
    ask(texts(300, 4, words=(12, 40)))
    found = client.traffic(MODEL)
    assert found["verdict"] == "moved"
    assert found["shifts"][0]["index"] > found["shifts"][0]["by_chance"]
    told = {shift["quantity"]: shift["sentence"] for shift in found["shifts"]}
    assert told["length"].startswith("texts are much longer than in training: half of them have more than 1")
    assert told["labels"] == "answers are as frequent as in training"
    assert told[found["shifts"][0]["quantity"]] in found["sentence"]
    http.delete(f"{URL}/traffic/rows")
    ask(texts(300, 5, parcels=0.95))
    found = client.traffic(MODEL, days=1)
    assert found["sentence"].startswith("the answer “delivery” comes much more often than in training: 9")


def test_rows_of_another_revision_are_not_mixed_in(http, services, model, ask, logged, tmp_path):
    logged()
    ask(texts(150, 6))
    (tmp_path / "known" / "README.md").write_text("# another")
    services.registry.publish("local", "tickets", tmp_path / "known", "second", author="local")
    assert http.get(f"{URL}/traffic").json()["rows"] == 0
    assert http.get(f"{URL}/traffic", params={"revision": model.oid}).json()["verdict"] == "same"
    assert http.get(f"{URL}/traffic").json()["logging"]["kept"] == 150


def test_a_model_without_a_reference_has_nothing_to_compare_with(http, published, ask, logged):
    logged()
    ask(texts(120, 7))
    found = http.get(f"{URL}/traffic").json()
    assert found["verdict"] == "unknown" and "nothing to compare with" in found["sentence"]


def test_what_a_student_learnt_from_is_compared_by_its_texts_only(http, services, tmp_path, ask, logged):
    folder = write_tiny_student(tmp_path / "learnt")
    manifest = read_manifest(folder)
    for base_model, quantities in ((None, {"length"}), ("minilm", {"length", "tokens"})):
        write_manifest(folder, manifest.model_copy(update={"base_model": base_model}))
        reference = reference_of(folder, [{"text": text} for text in texts(300, 1)], learnt=True, seed=0)
        assert set(reference.histograms) == quantities and reference.labels is None
    write_manifest(folder, manifest.model_copy(update={"reference": reference}))
    services.registry.publish("local", "tickets", folder, "first", author="local")
    logged()
    ask(texts(200, 8, parcels=0.9))
    found = http.get(f"{URL}/traffic").json()
    assert found["verdict"] == "same" and "the answers cannot be compared" in found["sentence"]


@pytest.mark.parametrize(
    "name", ["ner", "relation", "given", "event", "similarity", "graded", "summarization"]
)
def test_every_task_type_is_kept_and_compared(name, http, services, row_students, tmp_path):
    import shutil

    folder, labelled = row_students[name]
    folder = shutil.copytree(folder, tmp_path / name)
    keys = ("text", "text_a", "text_b", *(("entities",) if name == "given" else ()))
    base = [{key: row[key] for key in keys if key in row} for row in labelled]

    def varied(seed):
        """Rows that differ in their last word."""
        key = "text_b" if "text_b" in base[0] else "text"
        return [
            {**row, key: f"{row[key]} {seed}{number}"}
            for number in range(30)
            for row in base[: len(base) // 2]
        ]

    reference = reference_of(folder, varied(1), learnt=False, seed=0)
    write_manifest(folder, read_manifest(folder).model_copy(update={"reference": reference}))
    services.registry.publish("local", "tickets", folder, "first", author="local")
    http.put(f"{URL}/traffic/logging", json={"share": 1})
    asked = varied(2)[:200]
    for start in range(0, len(asked), 50):
        answer = http.post(f"{URL}/predict", json={"rows": asked[start : start + 50]})
        assert answer.status_code == 200, answer.text
    assert services.traffic.flush()
    kept = rows_of(http)
    assert kept[-1]["row"] == asked[0]
    found = http.get(f"{URL}/traffic").json()
    assert found["verdict"] == "same", found["sentence"]
    wanted = {"length", "tokens"}
    wanted |= {"grade"} if name == "graded" else set()
    wanted |= {"confidence", "labels"} if name == "similarity" else set()
    wanted |= {"findings", "labels"} if name in ("ner", "relation", "given", "event") else set()
    assert {shift["quantity"] for shift in found["shifts"]} == wanted


def said(**fields):
    shift = Shift("length", 0.5, 0.1, "much", (0.5, 0.5), (0.1, 0.9), (10.0,), (), 12.0, 240.0, 0.9)
    return replace(shift, **fields)


@pytest.mark.parametrize(
    ("shift", "task_type", "english", "chinese"),
    [
        (
            said(),
            "classification",
            "texts are much longer than in training: half of them have more than 240 characters, it was 12",
            "文本比训练时明显更长",
        ),
        (
            said(verdict="some", greater=0.2),
            "ner",
            "texts are shorter than in training: half of them",
            "更短",
        ),
        (said(greater=0.5), "ner", "the lengths of texts are spread much otherwise than in training", "分布"),
        (
            said(quantity="confidence", greater=0.1, typical_then=0.93, typical_now=0.51),
            "classification",
            "the model is much less sure than in training: half of its answers reach 51%, it was 93%",
            "模型",
        ),
        (
            said(quantity="labels", labels=("1", "0"), then=(0.5, 0.5), now=(0.8, 0.2), greater=None),
            "similarity",
            "the answer “alike” comes much more often than in training: 80%, it was 50%",
            "相似",
        ),
        (
            said(
                quantity="labels",
                labels=("x", "", None),
                then=(0.9, 0.05, 0.05),
                now=(0.2, 0.4, 0.4),
                verdict="some",
            ),
            "ner",
            "the answer “x” comes less often than in training: 20%, it was 90%",
            "x",
        ),
        (said(verdict="same"), "ner", "the lengths of texts are as in training", "训练时"),
    ],
)
def test_what_moved_is_said_in_plain_words(shift, task_type, english, chinese):
    assert shift_sentence(shift, task_type).startswith(english)
    assert chinese in shift_sentence(shift, task_type, languages()["zh"])


def test_further_quantities_are_counted():
    look = Look(200, "ner", 300, False, (said(), said(quantity="tokens"), said(verdict="same")))
    traffic = Traffic(MODEL, "c", 1.0, None, 200, 0, 30, look)
    assert verdict_sentence(traffic).endswith("it was 12 (and 1 quantity more has moved)")


# Learning from it


@pytest.fixture
def made(http, run_worker, task):
    """The id of a job of the fake engine that has made ``local/tickets``."""
    job_id = http.post("/api/v1/jobs", json={**task, "budget": {"seconds": 60}}).json()["id"]
    run_worker()
    return job_id


def test_a_job_goes_on_with_traffic_among_its_unlabelled_texts(http, services, made, ask, logged, run_worker):
    logged()
    ask(["Refund   me", "a new parcel", "A NEW parcel", "a refund please", "  ", "another refund"])
    answer = http.post(f"{URL}/improve", json={"questions": 7})
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert (found["kept"], found["added"], found["unsure"]) == (6, 2, 0)
    assert (found["job"]["id"], found["job"]["state"]) == (made, "queued")
    assert found["job"]["budget"]["questions"] == 7 and found["job"]["budget"]["seconds"] == 60
    from gts.orchestrator import jobs

    with services.database.reading() as session:
        task = get_task(services.store, jobs.get(session, made).task_artifact)
    assert task.pool == ("a refund please", "no parcel came", "another refund", "A NEW parcel")
    assert len(task.gold) == 4 and "2 rows of recent traffic added to what is unlabelled" in task.notes
    assert task.picked == 0
    again = http.post(f"{URL}/improve", json={})
    assert again.status_code == 409 and "queued" in again.json()["error"]["message"]
    run_worker()
    assert http.get(f"/api/v1/jobs/{made}").json()["state"] == "succeeded"
    events = http.get(f"/api/v1/jobs/{made}/events?after=0").json()["events"]
    assert "continued by test with recent traffic" in [event["data"].get("reason") for event in events]
    nothing_new = http.post(f"{URL}/improve", json={})
    assert nothing_new.status_code == 409
    assert (
        "6 rows of local/tickets are kept, and the job that made it has all"
        in nothing_new.json()["error"]["message"]
    )


def test_of_many_rows_the_least_sure_and_a_random_half_are_taken(http, services, made, ask, logged):
    logged()
    ask(
        [f"parcel number {number}" for number in range(50)]
        + [f"unknown words {number}" for number in range(6)]
    )
    found = http.post(f"{URL}/improve", json={"rows": 10, "seconds": 90}).json()
    assert (found["added"], found["unsure"]) == (10, 5)
    assert found["job"]["budget"]["seconds"] == 90
    from gts.orchestrator import jobs

    with services.database.reading() as session:
        task = get_task(services.store, jobs.get(session, made).task_artifact)
    assert task.picked == 5 and all(text.startswith("unknown") for text in task.pool[-5:])
    assert any(text.startswith("parcel") for text in task.pool[2:7])


def test_rows_without_confidence_are_drawn_at_random():
    fair, unsure = choose([None] * 100, 10)
    assert len(fair) == 10 and unsure == []
    assert choose([], 10) == ([], [])


def test_a_waiting_job_goes_on_with_traffic_and_keeps_its_questions(http, client, ask, task, run_worker):
    job_id = http.post("/api/v1/jobs", json={**task, "name": "asking"}).json()["id"]
    run_worker()
    model = "local/asking"
    questions = http.get(f"/api/v1/jobs/{job_id}/questions").json()["questions"]
    client.answer(job_id, questions[0]["id"], {"labels": ["billing"]})
    client.log_traffic(model, 1)
    http.post(f"/api/v1/models/{model}/predict", json={"texts": ["something new"]})
    found = client.improve(model, questions=5)
    assert found["job"]["id"] == job_id and found["job"]["budget"]["questions"] == 6, (
        "one was answered before"
    )


def test_what_cannot_be_improved_is_refused_plainly(http, client, services, published, made, anonymous):
    with pytest.raises(Conflict, match="nothing that local/tickets was asked is kept") as refused:
        client.improve(MODEL)
    assert "gts traffic log local/tickets --share 1" in refused.value.mend
    other, _ = services.tokens.create("other", owner="other")
    answer = anonymous.post(f"{URL}/improve", headers={"Authorization": f"Bearer {other}"}, json={})
    assert answer.status_code == 404 and "no job of yours" in answer.json()["error"]["message"]
    for wrong in ({"rows": 0}, {"questions": -1}, {"row": 5}, {"seconds": "soon"}):
        assert http.post(f"{URL}/improve", json=wrong).status_code == 422


def test_a_model_that_nobody_produced_here_is_refused(client, published):
    with pytest.raises(NotFound, match="no job of yours has made local/tickets"):
        client.improve(MODEL)


# Commands


def test_commands(gts, model, ask, services):
    code, out, _ = gts("traffic", MODEL)
    assert code == 0 and "nothing of what this model is asked is kept" in out
    code, out, _ = gts("traffic", "log", MODEL, "--share", "1")
    assert code == 0 and "100% of the rows are kept (chosen by test)" in out
    ask(texts(130, 9, words=(30, 60)))
    code, out, _ = gts("traffic", MODEL, "--days", "3")
    assert code == 0 and "moved (much)" in out and "130 there now" in out
    code, out, _ = gts("traffic", "show", MODEL, "--json")
    assert json.loads(out)["verdict"] == "moved"
    code, out, _ = gts("traffic", "rows", MODEL, "--limit", "2", "--json")
    assert len(out.splitlines()) == 2 and json.loads(out.splitlines()[0])["row"]["text"]
    code, out, _ = gts("traffic", "rows", MODEL)
    assert code == 0 and "…" in out
    code, out, err = gts("traffic", "log", MODEL)
    assert code == 2 and "--share 1" in err
    code, out, err = gts("traffic", "improve", MODEL)
    assert code == 1 and "no job of yours" in err
    code, out, _ = gts("traffic", "clear", MODEL)
    assert code == 0 and "130 rows forgotten" in out
    code, out, _ = gts("traffic", "rows", MODEL)
    assert "nothing is kept" in out
    code, out, _ = gts("traffic", "log", MODEL, "--default", "--json")
    assert json.loads(out)["chosen_by"] is None


def test_the_command_starts_the_job_again(gts, made, ask, logged):
    logged()
    ask(["a new parcel", "a new refund"])
    code, out, _ = gts("traffic", "improve", MODEL, "--questions", "3")
    assert code == 0 and out.strip() == f"job {made} goes on with 2 new rows of 2"


def test_an_evaluation_is_no_traffic(gts, http, model, logged, services, tmp_path):
    logged()
    (tmp_path / "test.jsonl").write_text('{"text": "my parcel", "label": "delivery"}\n')
    code, _, err = gts("evaluate", MODEL, tmp_path / "test.jsonl")
    assert code == 0, err
    assert services.traffic.flush() and rows_of(http) == []


# Pages


def test_the_page_says_it_and_does_it(http, services, made, ask):
    from test_pages import assert_clean

    def page(language="en"):
        headers = {"accept": "text/html", "accept-language": language}
        answer = http.get(f"/models/{MODEL}", headers=headers)
        assert answer.status_code == 200
        assert_clean(answer.text)
        return answer.text

    http.headers["accept"] = "text/html"
    assert "Nothing of what this model is asked is kept." in page()
    answer = http.post(f"/models/{MODEL}/traffic/logging", data={"share": "1"})
    assert answer.status_code == 303 and answer.headers["location"] == f"/models/{MODEL}#traffic"
    ask(["<script>alert(1)</script> parcel"])
    html = page()
    assert "Too few answers logged yet to tell (1 of 100)." in html
    assert "Chosen for this model by test." in html
    assert "已记录的回答太少" in page("zh")
    refused = http.post(f"/models/{MODEL}/improve", data={"questions": "many"})
    assert refused.status_code == 422 and "whole number" in refused.text
    go = http.post(f"/models/{MODEL}/improve", data={"questions": "4"})
    assert go.status_code == 303 and go.headers["location"] == f"/jobs/{made}"
    busy = http.post(f"/models/{MODEL}/improve", data={})
    assert busy.status_code == 409 and "wait until it has ended" in busy.text.lower()
    assert http.post(f"/models/{MODEL}/traffic/clear").status_code == 303
    assert "Improve with recent traffic" not in page()
    assert http.post(f"/models/{MODEL}/traffic/logging", data={"share": "7"}).status_code == 422
    assert http.post(f"/models/{MODEL}/traffic/logging", data={"share": ""}).status_code == 303


def test_the_page_draws_what_moved(http, model, ask, logged):
    logged()
    ask(texts(200, 10, words=(20, 40)))
    html = http.get(f"/models/{MODEL}", headers={"accept": "text/html"}).text
    assert html.count('<svg class="histograms"') == 4 and 'class="notice warn"' in html
    assert "Texts are much longer than in training" in html
    assert "refund" not in html.split('id="traffic"')[1].split("</section>")[0], "no word of a text"
    chinese = http.get(f"/models/{MODEL}", headers={"accept": "text/html", "accept-language": "zh"}).text
    assert "文本比训练时明显更长" in chinese and "训练时" in chinese
