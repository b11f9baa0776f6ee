"""Clients that keep a connection open without saying what they want, and those that are merely slow."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from wire import wire

from gts.platform.connection import Connection

TIMEOUT_S = 1.0


class ShortConnection(Connection):
    read_timeout_s = write_timeout_s = TIMEOUT_S


class Application:
    """Reads a request to its end, then answers; on `/slow` it takes its time, on `/large` there is much to read."""

    def __init__(self):
        self.cut_off = threading.Event()
        self.answered = threading.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut_off.set()
                return
            size, more = size + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/large":
            for _ in range(500):
                await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        if scope["path"] == "/slow":
            await send({"type": "http.response.body", "body": b"a part ", "more_body": True})
            await asyncio.sleep(1.5 * TIMEOUT_S)
        await send({"type": "http.response.body", "body": b"read %d" % size})
        self.answered.set()


@pytest.fixture
def application():
    return Application()


@pytest.fixture
def connect(application, settings):
    with wire(application, settings, ShortConnection) as connect:
        yield connect


def read_to_the_end(connection):
    found = b""
    while part := connection.recv(100_000):
        found += part
    return found


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nHost:", HEAD, HEAD + b"half"])
def test_half_a_request_does_not_keep_a_connection(connect, sent):
    assert read_to_the_end(connect(sent)) == b""


def test_a_head_has_one_deadline_however_it_trickles(connect):
    connection = connect(b"GET / HTTP/1.1\r\n")
    with pytest.raises(OSError):
        for _ in range(200):
            connection.sendall(b"x: y\r\n")
            time.sleep(TIMEOUT_S / 5)


def test_a_head_has_a_bound(connect):
    connection = connect(b"GET / HTTP/1.1\r\n")
    with pytest.raises(OSError):
        for _ in range(1000):
            connection.sendall(b"x: " + b"y" * 1000 + b"\r\n")
            time.sleep(0.001)


def test_requests_sent_ahead_are_answered_one_by_one(connect):
    connection = connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + HEAD + b"halfhalf")
    answer = read_to_the_end(connection)
    assert answer.count(b"read 0") == 3 and answer.count(b"read 8") == 1


def test_head_and_body_of_an_answer_come_together(connect):
    connection = connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(10_000).endswith(b"read 0\r\n0\r\n\r\n")


def test_the_second_request_of_a_connection_is_waited_for_no_longer(connect):
    connection = connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"0\r\n\r\n"):
        answer += connection.recv(1000)
    connection.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert read_to_the_end(connection) == b""


def test_an_application_is_told_that_the_rest_of_a_body_will_not_come(connect, application):
    connect(HEAD + b"half")
    assert application.cut_off.wait(20)


def test_a_body_may_take_its_time(connect):
    connection = connect(HEAD, *(b"%d" % number for number in range(8)), pause_s=TIMEOUT_S / 5)
    assert b"read 8" in read_to_the_end(connection)


def test_a_slow_answer_is_not_cut(connect):
    connection = connect(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = read_to_the_end(connection)
    assert b"a part" in answer and b"read 0" in answer


def test_an_answer_that_is_not_read_does_not_keep_a_connection(connect, application):
    connection = connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    assert application.answered.wait(20)  # into the void, once the connection was given up
    with suppress(ConnectionError):
        assert b"read 0" not in read_to_the_end(connection)[-100:]


def test_an_answer_that_is_read_slowly_is_not_cut(connect):
    connection = connect(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    taken = b""
    while part := connection.recv(4 << 20):
        taken = taken[-100:] + part
        time.sleep(TIMEOUT_S / 10)
    assert b"read 0" in taken
