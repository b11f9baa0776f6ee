"""Files that the system copies to a client's connection: their bytes never come into this process.

A thread copies for as long as the client takes bytes quickly, in short turns; a slow client is waited for without one.
"""

from __future__ import annotations

import asyncio
import os
import select
import time

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHSEND = "http.response.pathsend"
_THREADS = 16
_TURN_S = 0.05
_QUICK_MS = 10.0
_FLUSH_CHECK_S = 0.001
_limiter: RunVar[CapacityLimiter] = RunVar("gts_file_sending")  # of each event loop


def sending_files(app: ASGIApp, transport: asyncio.Transport, patience_s: float) -> ASGIApp:
    """An application that may answer with ASGI's extension ``http.response.pathsend``, where the system can copy files (not Windows).

    Args:
        app: Answers requests; a path that it sends comes after a ``Content-Length``.
        transport: The connection over which its answers go.
        patience_s: Within this time the client has to take some bytes, or it loses the connection.
    """

    if not hasattr(os, "sendfile"):
        return app

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = []

        async def send_or_copy(message: Message) -> None:
            nonlocal headers
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
            elif message["type"] == _PATHSEND:
                await _copy(transport, message["path"], int(dict(headers)[b"content-length"]), patience_s)
                # The server counts the bytes that pass it, but not those of the answer to a HEAD.
                scope["method"] = "HEAD"
                message = {"type": "http.response.body"}
            await send(message)

        # A copy: to the application the method stays what it is.
        await app({**scope, "extensions": {_PATHSEND: {}}}, receive, send_or_copy)

    return answer


async def _copy(transport: asyncio.Transport, path: str, size: int, patience_s: float) -> None:
    file = await to_thread.run_sync(os.open, path, os.O_RDONLY)
    try:
        await asyncio.sleep(0)  # the head goes first, at the end of this turn or when the client takes it
        while transport.get_write_buffer_size() and not transport.is_closing():
            await asyncio.sleep(_FLUSH_CHECK_S)
        if not transport.is_closing():
            # A handle of our own: the number of one that is closed may soon be another connection's.
            connection = os.dup(transport.get_extra_info("socket").fileno())
            try:
                await _copy_all(connection, file, size, patience_s)
            except (ConnectionError, TimeoutError):
                transport.abort()
            finally:
                os.close(connection)
    finally:
        os.close(file)


async def _copy_all(connection: int, file: int, size: int, patience_s: float) -> None:
    limiter = _limiter.get(None)
    if limiter is None:
        _limiter.set(limiter := CapacityLimiter(_THREADS))
    place = 0
    while place < size:
        place = await to_thread.run_sync(_take_turn, connection, file, place, size, limiter=limiter)
        if place < size:
            await _writable(connection, patience_s)


def _take_turn(connection: int, file: int, place: int, size: int) -> int:
    """Copy from a place in the file for a while, or until the client is slow; the place that was reached."""
    until = time.monotonic() + _TURN_S
    writable = select.poll()
    writable.register(connection, select.POLLOUT)
    while place < size and time.monotonic() < until:
        try:
            copied = os.sendfile(connection, file, place, size - place)
        except BlockingIOError:
            if not writable.poll(_QUICK_MS):
                break
            continue
        if not copied:
            raise EOFError(f"a file ends after {place:,} bytes instead of {size:,}")
        place += copied
    return place


async def _writable(connection: int, patience_s: float) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(connection, ready.set)
    try:
        async with asyncio.timeout(patience_s):
            await ready.wait()
    finally:
        loop.remove_writer(connection)
