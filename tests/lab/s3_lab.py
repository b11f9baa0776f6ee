"""Reaching into the server that speaks S3 past the library that is tested, and a connection to it that breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tester/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)


def ask_s3(server: str, place: str, method: str = "GET", content: bytes | None = None) -> bytes:
    """One request for ``bucket/key`` (or ``s3://bucket/key``), as someone who may do everything."""
    url = f"{server}/{place.removeprefix('s3://')}"
    headers = {"Authorization": _SIGNED, "Content-Type": "application/octet-stream"}
    with urlopen(Request(url, content, headers, method=method)) as answer:
        return bytes(answer.read())


@contextmanager
def breaking_proxy(server: str, breaks: Callable[[bytes], int | None]) -> Iterator[str]:
    """A way to the server on which connections break; its URL.

    Args:
        server: Where it leads.
        breaks: Looks at what a client sends first; gives after how many bytes of the answer the connection breaks,
            ``None`` for never.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        host, _, port = urlsplit(server).netloc.partition(":")
        with client, suppress(OSError), socket.create_connection((host, int(port))) as upstream:
            first = client.recv(65536)
            left = breaks(first)
            upstream.sendall(first)
            threading.Thread(target=_copy, args=(client, upstream), daemon=True).start()
            while data := upstream.recv(65536):
                if left is not None:
                    data, left = data[:left], left - len(data[:left])
                client.sendall(data)
                if left == 0:
                    client.shutdown(socket.SHUT_RDWR)
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
