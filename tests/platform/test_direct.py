"""The short way of predictions answers as the documented routes do, and refuses what they refuse."""

import asyncio
import dataclasses
import json

import pytest
from fastapi.testclient import TestClient
from tiny_student import write_tiny_student

from gts.platform.app import create_app
from gts.platform.serving.engine import Engine
from gts.platform.serving.values import Served
from gts.platform.tokens import Scope
from gts.student.layout import StudentManifest, TaskInfo

TEXT = "my parcel is late"
TENSORS = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [TEXT]}]}
DOORS = {
    "/api/v1/models/local/tickets/predict": {"texts": [TEXT]},
    "/models/local/tickets": {"inputs": TEXT},
    "/v2/models/local/tickets/infer": TENSORS,
}
PREDICT = "/api/v1/models/local/tickets/predict"


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


@pytest.fixture
def documented(app, token):
    """A client whose requests go by the documented routes: those under a prefix never go the short way."""
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(
        app, root_path="/under", raise_server_exceptions=False, follow_redirects=False, headers=headers
    ) as client:
        yield client


def told(answer):
    headers = {key: value for key, value in answer.headers.items() if key != "content-length"}
    return answer.status_code, headers, answer.json()


def test_both_ways_answer_alike(http, documented, door, published):
    first, second = http.post(door, json=DOORS[door]), documented.post("/under" + door, json=DOORS[door])
    assert first.status_code == 200 and told(first) == told(second)


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"texts": 3, "inputs": 3}},
        {"json": {"texts": [TEXT], "inputs": TEXT, "surprise": 1}},
        {"json": []},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
        {"content": b'"\\ud800"', "headers": {"Content-Type": "application/json"}},
        {"content": b'{"texts": ["a"], "inputs": "a"}', "headers": {"Content-Type": "text/plain"}},
        {"content": b'{"texts": ["a"]}', "headers": {"Content-Type": "application/vnd.x+json"}},
        {"content": b'{"texts": ["a"], "inputs": "a"}'},
        {},
    ],
)
def test_both_ways_say_the_same_of_a_body_that_is_not_right(http, documented, door, published, sent):
    assert told(http.post(door, **sent)) == told(documented.post("/under" + door, **sent))


def test_both_ways_say_the_same_of_half_a_character(http, documented, door, published):
    content = json.dumps(DOORS[door]).replace(TEXT, "\\ud800")
    sent = {"content": content, "headers": {"Content-Type": "application/json"}}
    first = http.post(door, **sent)
    assert first.status_code in (400, 422) and told(first) == told(documented.post("/under" + door, **sent))


@pytest.mark.parametrize("path", [door.replace("tickets", "nothing") for door in DOORS])
def test_both_ways_say_the_same_of_a_model_that_is_not_there(http, documented, path, published):
    body = DOORS[path.replace("nothing", "tickets")]
    first = http.post(path, json=body)
    assert first.status_code == 404 and told(first) == told(documented.post("/under" + path, json=body))


def test_the_token_is_asked_for_before_the_body_is_read(anonymous, door, published):
    def never():
        pytest.fail("the body was read")
        yield b""

    assert anonymous.post(door, content=never()).status_code == 401
    headers = {"Authorization": "Bearer wrong"}
    assert anonymous.post(door, content=never(), headers=headers).status_code == 401


def test_a_token_counts_as_it_stands(services, anonymous, door, published):
    def status(secret):
        headers = {"Authorization": f"Bearer {secret}"}
        return anonymous.post(door, json=DOORS[door], headers=headers).status_code

    secret, token = services.tokens.create("laptop", scopes=frozenset({Scope.INFER}))
    reader, _ = services.tokens.create("reader", scopes=frozenset({Scope.READ}))
    other, _ = services.tokens.create("other", repositories=frozenset({"local/other"}))
    assert [status(one) for one in (secret, secret, reader, other)] == [200, 200, 403, 403]
    services.tokens.revoke(token.id)
    assert status(secret) == 401


def test_an_alias_that_moved_counts_from_the_next_request_on(http, services, published, tmp_path):
    write_tiny_student(tmp_path / "next", multi_label=True)
    newer = services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")

    def commit():
        return http.post(PREDICT, json={"texts": [TEXT], "revision": "production"}).json()["commit"]

    for oid in (published.oid, newer.oid, published.oid):
        url = "/api/v1/models/local/tickets/aliases/production"
        assert http.put(url, json={"revision": oid}).status_code == 200
        assert [commit(), commit()] == [oid, oid]
    assert http.delete(url).status_code == 204
    assert http.post(PREDICT, json={"texts": [TEXT], "revision": "production"}).status_code == 404


def test_a_page_of_another_site_cannot_ask_with_the_cookie(anonymous, token, published):
    anonymous.get(f"/?token={token}")
    foreign = {"Origin": "https://evil.example"}
    assert anonymous.post(PREDICT, json={"texts": [TEXT]}, headers=foreign).status_code == 403
    own = {"Origin": "http://testserver"}
    assert anonymous.post(PREDICT, json={"texts": [TEXT]}, headers=own).status_code == 200


def test_a_body_that_is_too_large_is_refused_while_it_comes(http, services, door, published):
    def parts():
        for _ in range(services.settings.max_predict_bytes // 1000 + 1):
            yield b" " * 1000

    answer = http.post(door, content=parts(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_documented_route_says_in_its_clients_shape_that_a_body_is_too_large(http, services, published):
    def parts():
        for _ in range(services.settings.max_predict_bytes // 1000 + 1):
            yield b" " * 1000

    path = "/v2/models/local/tickets/versions/main/infer"
    answer = http.post(path, content=parts(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and isinstance(answer.json()["error"], str)


def test_a_client_that_leaves_is_no_fault(app, token, published):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": PREDICT,
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    asyncio.run(app(scope, receive, send))
    assert sent == []


def test_other_methods_are_told_what_is_possible(http, published):
    answer = http.get(PREDICT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_what_is_asked_is_counted(http, published):
    assert (
        http.post(
            PREDICT,
            content=json.dumps({"texts": [TEXT]}),
            headers={"Content-Type": "Application/JSON; charset=utf-8"},
        ).status_code
        == 200
    )
    text = http.get("/metrics").text
    assert 'gts_predict_requests_total{model="local/tickets",outcome="ok"} 1.0' in text
    assert 'gts_predict_rows_total{model="local/tickets"} 1.0' in text


class NeverDone(Engine):
    """An engine that does not come to an end."""

    async def find(self, model, revision):
        return Served(
            model, "0" * 40, StudentManifest(task=TaskInfo(name="x"), labels=("a", "b"), tier="static")
        )

    async def answer(self, served, rows):
        await asyncio.Event().wait()

    def close(self):
        pass


CHOICE = {"a": "this", "b": "that"}
LEAVING = {
    **{("", door): body for door, body in DOORS.items()},
    **{("/under", door): body for door, body in DOORS.items()},
    ("", "/v2/models/local/tickets/versions/main/infer"): TENSORS,
    ("", "/v1/systemone"): {
        "model": "local/tickets",
        "state": TEXT,
        "questions": {"q": {"type": "choice", "criteria": CHOICE}},
    },
}


@pytest.mark.parametrize(("under", "path"), LEAVING)
def test_work_is_given_up_when_the_client_leaves(services, token, under, path):
    engine = NeverDone(services.settings)
    app = create_app(dataclasses.replace(services, students=engine))
    sent = []

    async def ask():
        left = asyncio.Event()
        messages = [{"type": "http.request", "body": json.dumps(LEAVING[under, path]).encode()}]

        async def receive():
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = {
            "host": "testserver",
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": under + path,
            "root_path": under,
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        }
        asked = asyncio.create_task(app(scope, receive, send))
        while not engine._in_flight:
            await asyncio.sleep(0.01)
        left.set()
        await asyncio.wait_for(asked, 10)

    asyncio.run(ask())
    assert [message.get("status", 400) for message in sent] in ([], [400, 400]), "nobody reads it"
    assert not engine._in_flight
    assert b'outcome="cancelled"' in engine.metrics.text()
