"""An application behind the platform's own connections, asked byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gts.platform.connection import Connection
from gts.platform.settings import Settings
from gts.platform.supervisor import _uvicorn_config

Connect = Callable[..., socket.socket]


@contextmanager
def wire(
    application: Any, settings: Settings, connection: type[Connection], loop: Any = "auto"
) -> Iterator[Connect]:
    """Connects to the application and sends some parts, with a pause after each."""
    config = _uvicorn_config(application, settings)
    assert config.http is Connection
    config.http, config.loop = connection, loop
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    opened: list[socket.socket] = []

    def connect(*parts: bytes, pause_s: float = 0.0) -> socket.socket:
        opened.append(socket.create_connection(listener.getsockname(), timeout=20))
        for part in parts:
            opened[-1].sendall(part)
            time.sleep(pause_s)
        return opened[-1]

    try:
        yield connect
    finally:
        for one in opened:
            one.close()
        server.should_exit = True
        thread.join()
        listener.close()
