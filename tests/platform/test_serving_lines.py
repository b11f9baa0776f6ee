"""Files of any length, line by line: in order, within bounds, and only as long as somebody listens."""

import asyncio
import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from tiny_student import write_tiny_student

from gts.core.errors import NotFound, Overloaded
from gts.platform import client_lines
from gts.platform.client import Client
from gts.platform.connection import Connection
from gts.platform.serving import lines
from gts.platform.serving.lines import LineReader

URL = "/api/v1/models/local/tickets/predict-lines"


def post(http, content, **options):
    answer = http.post(URL, content=content, **options)
    return answer, [json.loads(line) for line in answer.text.splitlines()]


def labels(answers):
    return [answer.get("labels") for answer in answers]


def test_texts_and_rows_are_answered_in_their_order(http, published):
    body = b'"my parcel"\n{"text": "refund", "note": 1}\n\n  \n"a parcel"'
    answer, found = post(http, body)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["x-gts-commit"] == published.oid
    assert labels(found) == [["delivery"], ["billing"], ["delivery"]]
    assert found[0]["scores"][0]["score"] > 0.5


def test_a_fault_stays_in_its_line(http, published, services):
    long = json.dumps("a" * (services.settings.max_text_chars + 1)).encode()
    body = b"\n".join(
        [b'"parcel"', b"no json", b'{"txt": 1}', b"3", b"", long, b'"\\ud83d"', b"[" * 5000, b'"refund"']
    )
    _, found = post(http, body)
    assert labels(found)[0] == ["delivery"] and labels(found)[-1] == ["billing"]
    faults = found[1:-1]
    assert [fault["line"] for fault in faults] == [2, 3, 4, 6, 7, 8]
    said = [fault["error"]["message"] for fault in faults]
    assert "not JSON" in said[0] and said[1].startswith("line 3 has no") and "object was expected" in said[2]
    assert "limit is 100,000" in said[3] and "surrogate" in said[4] and "not JSON" in said[5]
    assert faults[3]["error"]["code"] == "too_large"


def test_a_line_without_end_takes_no_memory(services):
    reader = LineReader(services.settings.model_copy(update={"max_predict_bytes": 1000}))
    found = [line for _ in range(100) for line in reader.feed(b"x" * 500)]
    assert found == [] and len(reader._rest) <= 1000
    (overlong, good) = reader.feed(b'\n"parcel"\n')
    assert overlong.number == 1 and "longer than the limit" in str(overlong.fault)
    assert (good.number, good.row) == (2, {"text": "parcel"})


def test_lines_may_be_cut_anywhere(services):
    body = '"my parcel"\n\n{"text": "naïve 中"}\r\n"last"'.encode()
    for size in range(1, len(body)):
        reader = LineReader(services.settings)
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        found = [line for piece in pieces for line in reader.feed(piece)] + list(reader.end())
        assert [(line.number, line.row["text"]) for line in found] == [
            (1, "my parcel"),
            (3, "naïve 中"),
            (4, "last"),
        ]


def test_a_body_over_the_limit_of_other_requests_is_answered(http, published, services):
    one = json.dumps("a parcel " * 400).encode() + b"\n"
    count = services.settings.max_predict_bytes // len(one) + 10
    _, found = post(http, (one for _ in range(count)))
    assert len(found) == count and found[-1]["labels"] == ["delivery"]


def test_errors_before_the_first_line_are_ordinary_ones(http, anonymous, services, published):
    assert anonymous.post(URL, content=b'"a"').status_code == 401
    assert http.post("/api/v1/models/local/none/predict-lines", content=b'"a"').status_code == 404
    answer = http.post(f"{URL}?revision=none", content=b'"a"')
    assert answer.status_code == 404 and answer.json()["error"]["code"]
    assert post(http, b"")[1] == []


class Duplex:
    """A client that reads while it sends."""

    def __init__(self, url, token):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self.connection.putrequest("POST", URL)
        self.connection.putheader("Authorization", f"Bearer {token}")
        self.connection.putheader("Transfer-Encoding", "chunked")
        self.connection.endheaders()
        self.response = None

    def send(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self):
        if self.response is not None:
            self.response.close()
        self.connection.close()

    def read(self):
        if self.response is None:
            self.response = self.connection.getresponse()
        return json.loads(self.response.readline())


@pytest.fixture
def duplex(live, token):
    client = Duplex(live, token)
    yield client
    client.close()


def test_answers_come_while_the_body_is_still_being_sent(published, duplex, services, tmp_path):
    client = duplex
    client.send(b'"my parcel"\n"ref')
    assert client.read()["labels"] == ["delivery"]
    # What is published meanwhile is not for this stream.
    write_tiny_student(tmp_path / "next", multi_label=True)
    services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")
    client.send(b'und"\n"hello"\n')
    assert client.read()["labels"] == ["billing"]
    assert client.read()["labels"] == ["billing"]  # the newer one would give both
    client.send(b"")
    assert client.response.readline() == b"" and client.response.headers["x-gts-commit"] == published.oid


def in_flight(services):
    return services.students._in_flight.total()


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_work_ends_when_the_client_leaves(published, duplex, services):
    client = duplex
    client.send(b'"my parcel"\n')
    client.read()
    assert in_flight(services) == 1
    client.close()
    until(lambda: in_flight(services) == 0)
    assert (
        b'gts_predict_requests_total{model="local/tickets",outcome="cancelled"} 1.0'
        in services.students.metrics.text()
    )


def test_a_client_that_only_sends_is_read_no_further_than_a_megabyte_ahead(published, duplex, services):
    client = duplex
    client.connection.sock.settimeout(0.5)
    block = b'"%s"\n' % (b"parcel refund " * 70) * 200
    sent = 0
    with pytest.raises(TimeoutError):  # until nobody takes any more
        for _ in range(2000):
            client.send(block)
            sent += len(block)
    assert sent < 100 << 20
    client.close()
    until(lambda: in_flight(services) == 0)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(Connection, "write_timeout_s", 0.5)


def test_who_does_not_read_is_given_up(impatient, published, duplex, services):
    client = duplex
    client.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    block = b'"a"\n' * 20_000

    def send():
        try:
            for _ in range(400):
                client.send(block)
        except OSError:
            pass

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    until(lambda: in_flight(services) == 1)
    until(lambda: in_flight(services) == 0)
    client.close()
    sender.join(20)


def test_what_ends_everything_is_the_last_line(http, published, services, monkeypatch):
    given = services.students.answer

    async def fails(served, rows):
        if any(row["text"] == "end" for row in rows):
            raise NotFound("the model has gone")
        return await given(served, rows)

    monkeypatch.setattr(services.students, "answer", fails)
    monkeypatch.setattr(lines, "_MOST_ROWS", 1)
    _, found = post(http, b'"parcel"\n"end"\n"refund"\n')
    assert found[0]["labels"] == ["delivery"] and found[1]["ended"] and len(found) == 2
    assert found[1]["error"]["message"] == "the model has gone"


@pytest.fixture
def client(live, token):
    with Client(live, token) as client:
        yield client


def test_the_python_client_sends_blocks_to_one_commit(client, published, services, tmp_path, monkeypatch):
    monkeypatch.setattr(client_lines, "_BLOCK_ROWS", 10)
    answers = client.predict_lines("local/tickets", ("hello" for _ in range(95)))
    first = next(answers)
    write_tiny_student(tmp_path / "next", multi_label=True)
    services.registry.publish("local", "tickets", tmp_path / "next", "second", author="local")
    assert labels([first, *answers]) == [["billing"]] * 95
    rows = ["a parcel", {"text": "refund"}, {"txt": 1}] * 7
    found = list(client.predict_lines("local/tickets", rows, revision=published.oid))
    assert labels(found)[:2] == [["delivery"], ["billing"]] and len(found) == 21
    assert [answer["line"] for answer in found if "error" in answer] == list(range(3, 22, 3))
    with pytest.raises(NotFound):
        next(client.predict_lines("local/none", ["a"]))
    assert list(client.predict_lines("local/none", [])) == []


def test_the_python_client_waits_while_the_server_has_too_much_to_do(
    client, published, services, monkeypatch
):
    monkeypatch.setattr(client_lines, "_WAIT_S", 0.01)
    students = services.students
    students._in_flight["local/other"] = services.settings.max_predictions
    threading.Timer(0.3, students._in_flight.clear).start()
    assert labels(client.predict_lines("local/tickets", ["a parcel"])) == [["delivery"]]
    students._in_flight["local/other"] = services.settings.max_predictions
    monkeypatch.setattr(client_lines, "_PATIENCE_S", 0.0)
    with pytest.raises(Overloaded):
        list(client.predict_lines("local/tickets", ["a"]))
    students._in_flight.clear()


def test_a_client_that_sends_first_and_reads_later_gets_on_within_a_megabyte(live, token, published):
    body = b'"a parcel and some words that are not known to it"\n' * (lines.READ_AHEAD_BYTES // 60)
    answer = httpx.post(live + URL, content=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert len(answer.text.splitlines()) == body.count(b"\n")


def test_streams_count_as_requests(services, published, http):
    engine = services.students

    async def full():
        async with engine.stream("local/tickets", "main"):
            engine._in_flight["local/other"] += services.settings.max_predictions
            try:
                with pytest.raises(Overloaded):
                    async with engine.stream("local/tickets", "main"):
                        pass
            finally:
                engine._in_flight["local/other"] -= services.settings.max_predictions

    asyncio.run(full())
    assert in_flight(services) == 0
