"""Files that go out without coming into the process: whole, in order, and not for ever to who does not read."""

import os
import threading
from contextlib import suppress

import pytest
from starlette.responses import FileResponse, PlainTextResponse
from wire import wire

from gts.platform.connection import Connection

HEAD = "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_S = 2.0


class ImpatientConnection(Connection):
    write_timeout_s = PATIENCE_S


@pytest.fixture
def folder(tmp_path):
    """Some files: more than sockets hold, little, nothing, and one that is shorter than it seems."""
    for name, size in (("large", 40_000_000), ("other", 3_000_000), ("small", 11), ("empty", 0)):
        (tmp_path / name).write_bytes(os.urandom(size))
    return tmp_path


@pytest.fixture
def ended():
    """Is set when the large file's answer is over, well or not."""
    return threading.Event()


@pytest.fixture(params=["asyncio", "uvloop"])
def connect(request, folder, ended, settings):
    async def application(scope, receive, send):
        if scope["type"] != "http":
            return
        assert "http.response.pathsend" in scope["extensions"]
        name = scope["path"][1:]
        if name == "text":
            await PlainTextResponse("text")(scope, receive, send)
            return
        response = FileResponse(folder / name.removeprefix("short-"))
        if name.startswith("short-"):
            response.headers["content-length"] = "20000000"
        try:
            await response(scope, receive, send)
        finally:
            if name == "large":
                ended.set()

    with wire(application, settings, ImpatientConnection, request.param) as connect:
        yield lambda *names: connect("".join(HEAD.format(name) for name in names).encode())


def answer(source):
    """The status and the body of the next answer on a connection."""
    status = int(source.readline().split()[1])
    length = 0
    while (line := source.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return status, source.read(length)


def test_answers_on_one_connection_come_whole_and_in_order(connect, folder):
    names = ["large", "text", "empty", "other", "small", "large", "text"]
    with connect(*names).makefile("rb") as source:
        for name in names:
            expected = b"text" if name == "text" else (folder / name).read_bytes()
            assert answer(source) == (200, expected), name


def test_a_connection_is_of_use_afterwards(connect, folder):
    connection = connect("large")
    with connection.makefile("rb") as source:
        assert answer(source) == (200, (folder / "large").read_bytes())
        connection.sendall(HEAD.format("small").encode())
        assert answer(source) == (200, (folder / "small").read_bytes())


def test_a_part_and_a_head_are_what_they_are_without(connect, folder):
    connection = connect()
    connection.sendall(
        b"HEAD /other HTTP/1.1\r\nHost: x\r\n\r\nGET /other HTTP/1.1\r\nHost: x\r\nRange: bytes=5-9\r\n\r\n"
    )
    with connection.makefile("rb") as source:
        while source.readline() != b"\r\n":
            pass
        assert answer(source) == (206, (folder / "other").read_bytes()[5:10])


def test_many_are_answered_beside_those_who_read_slowly(connect, folder):
    slow = [connect("large") for _ in range(30)]
    with connect("large").makefile("rb") as source:
        assert answer(source) == (200, (folder / "large").read_bytes())
    for connection in slow:
        connection.close()
    with connect("text").makefile("rb") as source:
        assert answer(source) == (200, b"text")


def test_who_does_not_read_loses_the_connection(connect, ended):
    connection = connect("large")
    assert ended.wait(20)
    taken = 0
    with suppress(ConnectionError):
        while part := connection.recv(1 << 20):
            taken += len(part)
    assert taken < 40_000_000


def test_who_goes_away_is_no_trouble(connect, ended):
    connection = connect("large")
    connection.recv(1000)
    connection.close()
    assert ended.wait(20)
    with connect("text").makefile("rb") as source:
        assert answer(source) == (200, b"text")


@pytest.mark.filterwarnings("default")
def test_a_file_that_is_shorter_than_was_said_ends_the_connection(connect):
    with connect("short-other").makefile("rb") as source:
        status, body = answer(source)
    assert status == 200 and len(body) == 3_000_000
