"""A server of OpenAI's protocol that does what a test tells it to, faults included."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = dict[str, Any] | tuple[int, dict[str, Any]] | bytes | Callable[[BaseHTTPRequestHandler], None]
Script = Callable[[dict[str, Any], int], Reply]
"""What to answer to a body, given how many requests came before."""


def chat(text: str | None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    """A completion as servers write it."""
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}, **more}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def error(status: int, message: str) -> tuple[int, dict[str, Any]]:
    """An error as servers write it."""
    return status, {"error": {"message": message, "type": "x", "code": None}}


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a connection that finds no room in the queue comes again after a whole second


class Server:
    """A running scripted server.

    Attributes:
        url: What a model's ``base_url`` is.
        bodies: Every request's body, in the order of arrival.
        keys: Their ``Authorization`` headers.
    """

    def __init__(self, script: Script) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are used again
            wbufsize = -1  # head and body of an answer leave together

            def handle(self) -> None:
                with suppress(ConnectionError):  # a client that has all it wants hangs up
                    super().handle()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    count = len(server.bodies)
                    server.bodies.append(body)
                    server.keys.append(self.headers.get("Authorization"))
                reply = script(body, count)
                if callable(reply):
                    reply(self)
                    return
                status, content = reply if isinstance(reply, tuple) else (200, reply)
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = _Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Serve a script until the end of the block."""
    server = Server(script)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
