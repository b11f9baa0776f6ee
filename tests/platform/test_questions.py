"""Questions of a job over REST, client, command line and page: asked, answered, skipped, taken back; several people."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import update
from test_client import Bridge
from test_pages import assert_clean

from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.orchestrator import asking, jobs
from gts.orchestrator.questions import Question, QuestionKind
from gts.orchestrator.records import Job
from gts.orchestrator.states import JobState
from gts.orchestrator.tables import JobRow
from gts.platform.cli import run
from gts.platform.client import Client
from gts.platform.services import Services
from gts.tasks.dataset import Origin

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>alert(1)</script>"
OPTIONS = ["billing", "delivery"]
ADA = {"text": "Ada in Rome", "entities": [{"start": 0, "end": 3, "type": "person"}]}
Pose = Callable[..., list[str]]


def about(text: str, **changed: Any) -> dict[str, Any]:
    return {"text": text, "options": OPTIONS, "suggested": {"delivery": 0.6, "billing": 0.4}, **changed}


@pytest.fixture
def job_id(http: TestClient, task: dict[str, Any]) -> str:
    submitted: str = http.post("/api/v1/jobs", json=task).json()["id"]
    return submitted


@pytest.fixture
def pose(services: Services, job_id: str) -> Pose:
    """Has the job ask, and wait; texts stand for questions which label they have."""

    def pose(*asked: Any, state: JobState | None = JobState.WAITING, **spec: Any) -> list[str]:
        questions = [one if isinstance(one, tuple) else (QuestionKind.LABEL, about(one)) for one in asked]
        with services.database.writing() as session:
            job = jobs.get(session, job_id)
            values: dict[str, Any] = {"spec": {**job.spec, **spec}}
            session.execute(
                update(JobRow).where(JobRow.id == job_id).values(**values, state=state or job.state)
            )
            new = [
                Question.new(job_id, kind, payload, "two labels are equally likely", origin=Origin.POOL)
                for kind, payload in questions
            ]
            return [question.id for question in asking.pose(session, job, new)]

    return pose


@pytest.fixture
def bob(app: Any, services: Services) -> Iterator[TestClient]:
    """Another person of the same owner."""
    secret, _ = services.tokens.create("bob")
    with TestClient(app, headers={"Authorization": f"Bearer {secret}"}) as client:
        yield client


def state_of(services: Services, job_id: str) -> str:
    with services.database.reading() as session:
        return jobs.get(session, job_id).state.value


def job_of(services: Services, job_id: str) -> Job:
    with services.database.reading() as session:
        return jobs.get(session, job_id)


# REST


def test_questions_are_listed_with_their_options_and_why_they_are_asked(
    pose: Pose, http: TestClient, job_id: str
) -> None:
    path = f"/api/v1/jobs/{job_id}/questions"
    assert http.get(path).json() == {
        "questions": [],
        "counts": {"open": 0, "answered": 0, "skipped": 0, "withdrawn": 0},
        "next_cursor": None,
    }
    assert http.get(f"{path}/next").status_code == 204
    (name, _, _) = pose("refund?", "where is it", "hello")
    page = http.get(f"{path}?limit=2").json()
    assert page["questions"][0] == {
        "id": name,
        "batch": 1,
        "kind": "label",
        "payload": about("refund?"),
        "options": OPTIONS,
        "is_pair": False,
        "several": False,
        "takes_none": True,
        "proposed": None,
        "reason": "two labels are equally likely",
        "origin": "pool",
        "state": "open",
        "answer": None,
        "answered": None,
        "by": None,
        "at": None,
    }
    rest = http.get(f"{path}?limit=2&cursor={page['next_cursor']}").json()
    assert [one["payload"]["text"] for one in rest["questions"]] == ["hello"] and rest["next_cursor"] is None
    assert http.get(f"{path}?state=answered").json()["questions"] == []
    for wrong in ("state=lost", "limit=0", "limit=201", "cursor=-1"):
        assert http.get(f"{path}?{wrong}").status_code == 422


def test_the_job_goes_on_after_the_last_of_a_batch(
    pose: Pose, http: TestClient, job_id: str, services: Services
) -> None:
    first, second, third = pose("a", "b", "c")
    path = f"/api/v1/jobs/{job_id}/questions"
    step = http.get(f"{path}/next").json()
    assert step["question"]["id"] == first and step["counts"]["open"] == 3
    step = http.put(f"{path}/{first}/answer", json={"labels": ["billing"]}).json()
    assert step["question"]["answer"] == {"labels": ["billing"]} and step["question"]["by"] == "test"
    assert not step["goes_on"] and step["counts"]["answered"] == 1
    assert not http.post(f"{path}/{second}/skip").json()["goes_on"]
    assert state_of(services, job_id) == "waiting"
    assert http.put(f"{path}/{third}/answer", json={"none": True}).json()["goes_on"]
    assert state_of(services, job_id) == "queued"
    with services.database.reading() as session:
        answers = asking.answers_of(session, "local", "tickets")
    assert [answer.answer for answer in answers] == [{"labels": ["billing"]}, {"none": True}]


def test_a_job_that_does_not_wait_stays_as_it_is(
    pose: Pose, http: TestClient, job_id: str, services: Services
) -> None:
    (name,) = pose("a", state=None)
    before = state_of(services, job_id)
    assert not http.post(f"/api/v1/jobs/{job_id}/questions/{name}/skip").json()["goes_on"]
    assert state_of(services, job_id) == before


def test_answers_are_taken_back(pose: Pose, http: TestClient, job_id: str) -> None:
    first, second, _ = pose("a", "b", "c")
    path = f"/api/v1/jobs/{job_id}/questions"
    http.put(f"{path}/{first}/answer", json={"labels": ["billing"]})
    http.post(f"{path}/{second}/skip")
    assert http.post(f"{path}/undo").json()["question"]["id"] == second
    undone = http.delete(f"{path}/{first}/answer").json()
    assert undone["question"]["state"] == "open" and undone["counts"]["open"] == 3
    assert http.delete(f"{path}/{first}/answer").status_code == 404
    assert http.post(f"{path}/undo").status_code == 404


def test_two_people_get_different_questions_and_the_second_answer_is_a_conflict(
    pose: Pose, http: TestClient, bob: TestClient, job_id: str
) -> None:
    first, second = pose("a", "b")
    path = f"/api/v1/jobs/{job_id}/questions"
    assert http.get(f"{path}/next").json()["question"]["id"] == first
    assert bob.get(f"{path}/next").json()["question"]["id"] == second
    bob.put(f"{path}/{first}/answer", json={"labels": ["delivery"]})
    answer = http.put(f"{path}/{first}/answer", json={"labels": ["billing"]})
    assert answer.status_code == 409
    assert answer.json()["error"]["details"]["answer"] == {"labels": ["delivery"]}
    assert "bob has answered" in answer.json()["error"]["message"]
    refused = http.delete(f"{path}/{first}/answer")
    assert refused.status_code == 403 and "ask bob" in refused.json()["error"]["mend"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"labels": ["bill"]}, 422),
        ({"labels": []}, 422),
        ({}, 422),
        ({"labels": None}, 422),
        ({"yes": True}, 422),
        ({"none": False}, 422),
        ({"labels": ["billing"], "extra": 1}, 422),
        ({"row": {"text": "a"}}, 422),
        ([], 422),
    ],
)
def test_what_is_no_answer_is_refused(
    pose: Pose, http: TestClient, job_id: str, body: Any, status: int
) -> None:
    (name,) = pose("a")
    answer = http.put(f"/api/v1/jobs/{job_id}/questions/{name}/answer", json=body)
    assert answer.status_code == status and answer.json()["error"]["mend"]
    assert http.get(f"/api/v1/jobs/{job_id}/questions").json()["counts"]["open"] == 1


def test_rows_are_answered_as_json_or_text(pose: Pose, http: TestClient, job_id: str) -> None:
    people = {"type": "ner", "labels": {}, "multi_label": None, "entities": {"person": {}, "place": {}}}
    mark = (QuestionKind.MARK, {"text": ADA["text"], "proposed": ADA})
    (name,) = pose(mark, **people)
    path = f"/api/v1/jobs/{job_id}/questions/{name}/answer"
    shown = http.get(f"/api/v1/jobs/{job_id}/questions").json()["questions"][0]
    assert shown["proposed"] == "[person: Ada] in Rome" and shown["options"] == []
    refused = http.put(path, json={"row": "[animal: Ada] in Rome"})
    assert refused.status_code == 422 and "marks" in refused.json()["error"]["message"]
    kept = http.put(path, json={"row": "[person: Ada] in [place: Rome]"}).json()["question"]
    assert kept["answered"] == "[person: Ada] in [place: Rome]"
    assert kept["answer"]["row"]["entities"][1] == {"start": 7, "end": 11, "type": "place"}


def test_questions_are_guarded_as_jobs_are(
    pose: Pose, anonymous: TestClient, services: Services, app: Any, job_id: str
) -> None:
    (name,) = pose("a")
    path = f"/api/v1/jobs/{job_id}/questions"
    secret, _ = services.tokens.create("eve", owner="eve")
    reader, _ = services.tokens.create("reader", scopes=frozenset({"read"}))
    calls = (
        ("GET", ""),
        ("GET", "/next"),
        ("PUT", f"/{name}/answer"),
        ("POST", f"/{name}/skip"),
        ("DELETE", f"/{name}/answer"),
        ("POST", "/undo"),
    )
    for method, rest in calls:
        body = {"json": {"labels": ["billing"]}} if method == "PUT" else {}
        assert anonymous.request(method, path + rest, **body).status_code == 401
        stranger = {"Authorization": f"Bearer {secret}"}
        assert anonymous.request(method, path + rest, headers=stranger, **body).status_code == 404
        looker = {"Authorization": f"Bearer {reader}"}
        expected = 200 if method == "GET" else 403
        assert anonymous.request(method, path + rest, headers=looker, **body).status_code == expected
    described = app.openapi()["paths"]["/api/v1/jobs/{job_id}/questions/{question_id}/answer"]["put"]
    assert "none" in described["requestBody"]["content"]["application/json"]["examples"]


# Client and command line


@pytest.fixture
def client(http: TestClient, token: str) -> Iterator[Client]:
    with Client("http://testserver", token, transport=Bridge(http)) as client:
        yield client


def test_the_client_does_the_same(pose: Pose, client: Client, job_id: str) -> None:
    ids = pose("a", "b", "c")
    assert [question["id"] for question in client.questions(job_id)] == ids
    assert [question["id"] for question in client.questions(job_id, limit=2)] == ids[:2]
    step = client.next_question(job_id)
    assert step is not None and step["question"]["id"] == ids[0]
    assert client.answer(job_id, ids[0], {"labels": ["billing"]})["counts"]["answered"] == 1
    assert client.skip(job_id, ids[1])["question"]["state"] == "skipped"
    assert client.undo(job_id)["question"]["id"] == ids[1]
    assert client.undo(job_id, ids[0])["question"]["state"] == "open"
    for name in ids:
        client.skip(job_id, name)
    assert client.next_question(job_id) is None
    assert len(list(client.questions(job_id, state="skipped"))) == 3
    with pytest.raises(NotFound):
        client.answer(job_id, "../../x", {"yes": True})
    with pytest.raises(InvalidInput):
        client.answer(job_id, ids[0], {"labels": ["bill"]})
    client.answer(job_id, ids[0], {"labels": ["billing"]})
    with pytest.raises(Conflict, match="you have answered"):
        client.answer(job_id, ids[0], {"labels": ["delivery"]})


Gts = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gts(
    http: TestClient, token: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Gts:
    """Runs a command against the application under test; ``typed`` is what comes through the pipe."""

    def call(*arguments: object, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    def connect(url: Any, given: Any, data_dir: Any) -> Client:
        return Client("http://testserver", token, transport=Bridge(http))

    monkeypatch.setattr("gts.platform.cli.answering.connect", connect)
    return call


def answers(http: TestClient, job_id: str) -> list[Any]:
    found = http.get(f"/api/v1/jobs/{job_id}/questions").json()["questions"]
    return [question["answer"] or question["state"] for question in found]


def test_a_person_answers_one_after_the_other(pose: Pose, gts: Gts, http: TestClient, job_id: str) -> None:
    pose("refund?", "where is it", "hello", "late", "paid", "left over")
    code, out, err = gts("answer", job_id, typed="1\n\n0\ns\nu\nDEL\nq\n")
    assert code == 0
    assert answers(http, job_id) == [
        {"labels": ["billing"]},
        {"labels": ["delivery"]},
        {"none": True},
        {"labels": ["delivery"]},
        "open",
        "open",
    ]
    for said in (
        "[1 of 6] which label fits?",
        "refund?",
        "(two labels are equally likely)",
        "1) billing",
        "0) none of these",
        "Enter: delivery",
    ):
        assert said in err
    assert "4 answered, 1 skipped, 1 taken back; 2 open" in out
    assert f"gts continue {job_id}" in out


def test_the_end_of_a_pipe_is_the_end_and_mistakes_are_asked_again(
    pose: Pose, gts: Gts, http: TestClient, job_id: str
) -> None:
    pose("a", "b")
    code, out, err = gts("answer", job_id, "--json", typed="7\nx\n2\n")
    assert code == 0 and answers(http, job_id) == [{"labels": ["delivery"]}, "open"]
    assert "'7' is none of the labels" in err
    assert json.loads(out) == {"done": {"answered": 1}, "open": 1, "answered": 1, "state": "waiting"}
    code, out, _ = gts("answer", job_id, typed="1\n")
    assert "the job goes on" in out
    assert "nothing was answered; 0 open" in gts("answer", job_id)[1]
    assert "1 taken back; 1 open" in gts("answer", job_id, "--undo")[1]


def test_names_that_begin_alike_have_to_be_told_apart(
    pose: Pose, gts: Gts, http: TestClient, job_id: str
) -> None:
    options = [f"card {n}" for n in range(12)] + ["cash"]
    labels = {"labels": dict.fromkeys(options, "")}
    pose((QuestionKind.LABEL, {"text": "a", "options": options}), **labels)
    _, _, err = gts("answer", job_id, typed="\ncar\ncas\n")
    assert "nothing is suggested" in err and "'car' may be" in err
    assert answers(http, job_id) == [{"labels": ["cash"]}]


def test_every_kind_is_answered_in_a_terminal(pose: Pose, gts: Gts, http: TestClient, job_id: str) -> None:
    pose(
        (QuestionKind.CONFIRM, {"text": "never", "label": "billing", "beside": {"text": "always", "label": "delivery"}}),
        (QuestionKind.DEFINE, {"labels": OPTIONS, "examples": {"billing": ["refund me"]}}),
        (QuestionKind.MISLABELLED, {"text": "where", "labels": ["billing"], "suggested": {"delivery": 0.9}}),
        (QuestionKind.LABEL, about("several", suggested={"billing": 0.8, "delivery": 0.7})),
        multi_label=True,
    )  # fmt: skip
    _, _, err = gts("answer", job_id, typed="maybe\nn\nmoney\n\n\n1, delivery\n")
    assert answers(http, job_id) == [
        {"yes": False},
        {"descriptions": {"billing": "money"}},
        {"labels": ["billing"]},  # Enter leaves an example as the person has labelled it
        {"labels": OPTIONS},
    ]
    for said in ("is this billing?", "always", "neither yes nor no", "refund me", "your data says: billing"):
        assert said in err
    _, out, _ = gts("answer", job_id, "--list")
    assert "no, not billing" in " ".join(out.split()) and "billing: money" in " ".join(out.split())


def test_pairs_and_rows_are_answered_in_a_terminal(
    pose: Pose, gts: Gts, http: TestClient, job_id: str
) -> None:
    pair = {"text_a": "one", "text_b": "two", "options": ["1", "0"]}
    plain = {"labels": {}, "multi_label": None}
    pose((QuestionKind.LABEL, pair), **plain, type="similarity")
    _, _, err = gts("answer", job_id, typed="0\n")
    assert "are these two alike?" in err and "0) not alike" in err and "none of these" not in err
    people = {"type": "ner", "entities": {"person": {}, "place": {}}}
    rows = [{**ADA, "text": text} for text in ("Ada in Rome", "Ada is in Rome", "Ada left")]
    pose(*((QuestionKind.MARK, {"text": row["text"], "proposed": row}) for row in rows), **plain, **people)
    gts("answer", job_id, typed="\n[person: Ada] is in [place: Rome]\n.\nAda left\n.\n")
    found = answers(http, job_id)
    assert found[0] == {"labels": ["0"]}
    assert [len(answer["row"]["entities"]) for answer in found[1:]] == [1, 2, 0]


def test_answers_come_from_a_file_and_what_is_wrong_with_a_line_is_told(
    pose: Pose, gts: Gts, http: TestClient, job_id: str, tmp_path: Any
) -> None:
    ids = pose("a", "b", "c")
    _, out, _ = gts("answer", job_id, "--list", "--state", "open", "--json")
    assert [question["id"] for question in json.loads(out)["questions"]] == ids
    lines = [
        {"id": ids[0], "labels": ["billing"]},
        {"id": ids[1], "labels": ["bill"]},
        {"id": ids[2], "skip": True},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\nno json\n")
    code, out, err = gts("answer", job_id, "--from", path)
    assert code == 2 and "line 2: 'bill' is no label" in err and "line 5: the line is no answer" in err
    assert "1 answered, 1 skipped; 1 open" in out and "2 of the answers" in err
    path.write_text(json.dumps({"id": ids[1], "none": True}))
    code, out, _ = gts("answer", job_id, "--from", "-", typed=path.read_text())
    assert code == 0 and answers(http, job_id) == [{"labels": ["billing"]}, {"none": True}, "skipped"]
    path.write_bytes(b"\xff\xfe")
    assert gts("answer", job_id, "--from", path)[0] == 2
    assert gts("answer", "0" * 32)[0] == 1


def test_control_characters_of_texts_do_not_reach_the_terminal(pose: Pose, gts: Gts, job_id: str) -> None:
    pose("red \x1b[31m text")
    _, out, err = gts("answer", job_id, typed="q\n")
    assert "red" in err and "\x1b[31m" not in err + out


# Page


@pytest.fixture
def browser(app: Any, token: str) -> Iterator[TestClient]:
    """A browser without scripts, signed in."""
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        client.headers.update({"accept": "text/html", "origin": "http://testserver"})
        client.cookies.set("gts_token_0", token)
        yield client


def show(browser: TestClient, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, answer.text[:500]
    assert_clean(answer.text)
    assert "alert(1)</script>" not in answer.text
    return answer.text


def send(browser: TestClient, path: str, **fields: Any) -> str:
    answer = browser.post(path, data=fields)
    assert answer.status_code == 303, answer.text[:500]
    return answer.headers["location"]


def test_the_page_asks_one_question_at_a_time_without_scripts(
    pose: Pose, browser: TestClient, job_id: str, http: TestClient
) -> None:
    path = f"/jobs/{job_id}/questions"
    assert "No question is open." in show(browser, path)
    first, second, third, _ = pose("refund?", "where is it", "hello", "late")
    assert "Answer 4 questions" in show(browser, f"/jobs/{job_id}")
    html = show(browser, path)
    for said in (
        "Which label fits?",
        "refund?",
        "Two labels are equally likely",
        "0 answered",
        "4 open",
        "60%",
    ):
        assert said in html
    assert html.index("<details") < html.index("60%"), "what the machine thinks is not seen at once"
    assert re.findall(r'<button name="labels" value="(\w+)" accesskey="(\d)"', html) == [
        ("billing", "1"),
        ("delivery", "2"),
    ]
    assert send(browser, f"{path}/{first}", labels="billing") == path
    assert send(browser, f"{path}/{second}", said="none") == path
    assert send(browser, f"{path}/{third}", said="skip") == path
    assert answers(http, job_id) == [{"labels": ["billing"]}, {"none": True}, "skipped", "open"]
    html = show(browser, path)
    assert "late" in html and "Answered so far" in html and "none of these" in html and "2 by test" in html
    assert send(browser, path, said="undo") == f"{path}?q={third}"
    assert "hello" in show(browser, f"{path}?q={third}").split("Answered so far")[0]
    assert send(browser, f"{path}/{first}", said="undo") == f"{path}?q={first}"
    assert answers(http, job_id)[0] == "open"


def test_the_job_goes_on_with_the_answers_there_are(
    pose: Pose, browser: TestClient, job_id: str, services: Services
) -> None:
    path = f"/jobs/{job_id}/questions"
    first, _ = pose("a", "b")
    assert "Go on with these answers" not in show(browser, path)
    send(browser, f"{path}/{first}", labels="billing")
    assert "Go on with these answers" in show(browser, path)
    assert send(browser, path, said="go-on") == f"/jobs/{job_id}"
    assert state_of(services, job_id) == "queued"
    assert send(browser, path, said="go-on") == f"/jobs/{job_id}", "sent twice"
    assert "Go on with these answers" not in show(browser, path)


def test_an_answer_that_does_not_fit_is_shown_again(pose: Pose, browser: TestClient, job_id: str) -> None:
    define = (QuestionKind.DEFINE, {"labels": OPTIONS, "examples": {"billing": ["refund me"]}})
    name, other = pose(define, "a")
    path = f"/jobs/{job_id}/questions/{name}"
    html = show(browser, f"/jobs/{job_id}/questions")
    assert "What tells “billing” from “delivery”?" in html and "refund me" in html
    long = browser.post(path, data={"names": OPTIONS, "descriptions": ["x" * 1001, ""]})
    assert long.status_code == 413 and "1,001 characters" in long.text and "x" * 1001 in long.text
    assert 'aria-invalid="true"' in long.text
    empty = browser.post(path, data={"names": OPTIONS, "descriptions": ["", " "]})
    assert empty.status_code == 422 and "No label was described" in empty.text
    send(browser, path, names=OPTIONS, descriptions=["money", "parcels"])
    html = show(browser, f"/jobs/{job_id}/questions")
    assert "money" in html.split("Answered so far")[1]
    assert browser.post(f"/jobs/{job_id}/questions/{other}", data={"said": "hm"}).status_code == 422
    assert browser.post(f"/jobs/{job_id}/questions/{other}", data={"labels": HOSTILE}).status_code == 422


def test_the_first_answer_is_shown_to_the_second_person(
    pose: Pose, browser: TestClient, bob: TestClient, job_id: str
) -> None:
    first, _ = pose("a", "b text")
    bob.put(f"/api/v1/jobs/{job_id}/questions/{first}/answer", json={"labels": ["delivery"]})
    answer = browser.post(f"/jobs/{job_id}/questions/{first}", data={"labels": "billing"})
    assert answer.status_code == 409
    assert "Bob has answered this question" in answer.text or "bob has answered" in answer.text
    assert "b text" in answer.text and "Answered so far" in answer.text
    assert 'value="undo">Undo<' not in answer.text, "only bob takes his answer back"


def test_each_kind_has_its_form(pose: Pose, browser: TestClient, job_id: str, http: TestClient) -> None:
    path = f"/jobs/{job_id}/questions"
    confirm, wrong, several = pose(
        (QuestionKind.CONFIRM, {"text": "never", "label": "billing", "beside": {"text": "always", "label": "delivery"}}),
        (QuestionKind.MISLABELLED, {"text": "where", "labels": ["billing"]}),
        "several",
        multi_label=True,
    )  # fmt: skip
    html = show(browser, path)
    assert "Is this “billing”?" in html and "always" in html and 'value="yes" accesskey="1"' in html
    send(browser, f"{path}/{confirm}", said="no")
    html = show(browser, path)
    assert "Is this example right?" in html and "Drop this example" in html and "Your data says:" in html
    send(browser, f"{path}/{wrong}", labels=["delivery"])
    html = show(browser, path)
    assert html.count('type="checkbox"') == 2 and "Which labels fit?" in html
    send(browser, f"{path}/{several}", labels=OPTIONS)
    assert answers(http, job_id) == [{"yes": False}, {"labels": ["delivery"]}, {"labels": OPTIONS}]
    html = show(browser, path)
    assert "no, not billing" in html and "No question is open." in html


def test_pairs_and_rows_have_their_forms(
    pose: Pose, browser: TestClient, job_id: str, http: TestClient
) -> None:
    path, plain = f"/jobs/{job_id}/questions", {"labels": {}, "multi_label": None}
    pair = {"text_a": "one", "text_b": "two", "options": ["1", "0"], "suggested": {"1": 0.5, "0": 0.5}}
    (alike,) = pose((QuestionKind.LABEL, pair), **plain, type="similarity")
    html = show(browser, path)
    assert (
        'value="0" accesskey="0"' in html and "Are these two alike?" in html and "None of these" not in html
    )
    send(browser, f"{path}/{alike}", labels="0")
    assert "not alike</span>" in show(browser, path)
    people = {"type": "ner", "entities": {"person": {}, "place": {}}}
    (row,) = pose((QuestionKind.MARK, {"text": ADA["text"], "proposed": ADA}), **plain, **people)
    assert "[person: Ada] in Rome</textarea>" in show(browser, path)
    faulty = browser.post(f"{path}/{row}", data={"said": "answer", "row": "[animal: Ada] in Rome"})
    assert faulty.status_code == 422 and "[animal: Ada] in Rome</textarea>" in faulty.text
    send(browser, f"{path}/{row}", said="answer", row="[person: Ada] in [place: Rome]")
    assert len(answers(http, job_id)[1]["row"]["entities"]) == 2
    assert "[person: Ada] in [place: Rome]" in show(browser, path)


def test_whatever_is_asked_and_said_stays_text(pose: Pose, browser: TestClient, job_id: str) -> None:
    labels = {"labels": {HOSTILE: "", "b": ""}}
    payload = about(HOSTILE, options=[HOSTILE, "b"], suggested={HOSTILE: 0.9})
    beside = {"text": HOSTILE, "label": HOSTILE, "beside": {"text": HOSTILE, "label": HOSTILE}}
    define = {"labels": [HOSTILE, "b"], "examples": {HOSTILE: [HOSTILE]}}
    ids = pose(
        (QuestionKind.LABEL, payload), (QuestionKind.CONFIRM, beside), (QuestionKind.DEFINE, define), **labels
    )
    path = f"/jobs/{job_id}/questions"
    said: list[dict[str, Any]] = [
        {"labels": HOSTILE},
        {"said": "yes"},
        {"names": [HOSTILE], "descriptions": [f"</textarea>{HOSTILE}"]},
    ]
    for name, fields in zip(ids, said, strict=True):
        assert "&lt;script&gt;" in show(browser, f"{path}?q={name}")
        send(browser, f"{path}/{name}", **fields)
    assert "&lt;/textarea&gt;" in show(browser, path)


def test_the_page_speaks_chinese(pose: Pose, browser: TestClient, job_id: str) -> None:
    first, _ = pose("a", "b")
    browser.headers["accept-language"] = "zh-CN"
    send(browser, f"/jobs/{job_id}/questions/{first}", labels="billing")
    html = show(browser, f"/jobs/{job_id}/questions")
    for said in ("哪个标签合适？", "已回答 1 个", "test：1 个", "都不是", "用这些回答继续", "已回答的问题"):
        assert said in html
    assert "回答 1 个问题" in show(browser, f"/jobs/{job_id}")


def test_other_sites_and_other_people_cannot_answer(
    pose: Pose, browser: TestClient, services: Services, job_id: str
) -> None:
    (name,) = pose("a")
    path = f"/jobs/{job_id}/questions"
    for rest in ("", f"/{name}"):
        evil = browser.post(path + rest, data={"said": "undo"}, headers={"origin": "https://evil.example"})
        assert evil.status_code == 403
    assert browser.post(f"{path}/{'0' * 16}", data={"labels": "billing"}).status_code == 404
    show(browser, f"{path}?q=..%2f..", 404)
    secret, _ = services.tokens.create("eve", owner="eve")
    browser.cookies.set("gts_token_0", secret)
    show(browser, path, 404)
    browser.cookies.clear()
    assert browser.get(path).status_code in (303, 401)


# In a browser


@pytest.fixture
def address(app: Any) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.stopping = True
        server.should_exit = True
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_keys_answer_in_a_real_browser(
    pose: Pose, http: TestClient, address: str, token: str, job_id: str
) -> None:
    from playwright.sync_api import expect, sync_playwright

    pose("refund?", "where is it", "hello", "late")
    many = {"text": "which card", "options": [f"card {n}" for n in range(1, 31)]}
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 360, "height": 740}, locale="en-GB")
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(f"{address}/?token={token}")
        tab.goto(f"{address}/jobs/{job_id}/questions")
        text = tab.locator(".question .big")

        def press(key: str, then: str) -> None:
            tab.keyboard.press(key)
            expect(text).to_have_text(then)
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert tab.evaluate(wider) == 0, "it scrolls sideways"

        expect(text).to_have_text("refund?")
        press("1", "where is it")
        press("s", "hello")
        press("0", "late")
        press("u", "hello")
        press("9", "hello")
        assert answers(http, job_id) == [{"labels": ["billing"]}, "skipped", "open", "open"]
        press("2", "late")
        tab.get_by_text("What the machine thinks").click()
        expect(tab.get_by_text("60%")).to_be_visible()
        labels = dict.fromkeys([*OPTIONS, *many["options"]], "")
        pose((QuestionKind.LABEL, many), labels=labels)
        press("s", "which card")
        tab.get_by_label("Find a label").fill("card 23")
        expect(tab.locator(".answers button:visible")).to_have_count(1)
        tab.keyboard.press("Enter")
        expect(tab.get_by_text("No question is open.")).to_be_visible()
        tab.get_by_role("button", name=re.compile("Undo.*late")).click()
        expect(text).to_have_text("late")
        browser.close()
    assert answers(http, job_id)[4] == {"labels": ["card 23"]}
    assert said == [], "the console stays empty: no error, nothing the content policy blocked"
