"""A client's connection: uvicorn's, but it does not wait for ever for the rest of a request."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gts.platform.file_sending import sending_files


class Connection(HttpToolsProtocol):
    """HTTP/1.1 that is closed when a client is too slow to say what it wants.

    The head of a request has to arrive within ``read_timeout_s`` as a whole, however its bytes trickle, and within
    ``max_head_bytes``. A body may take as long as it needs, but not be silent for that time. While the server works nothing is timed;
    of an answer that waits to be read some has to be taken within ``write_timeout_s``.
    """

    read_timeout_s = 30.0
    write_timeout_s = 60.0
    max_head_bytes = 64 << 10
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        of_stream = cast("asyncio.Transport", transport)
        super().connection_made(of_stream)
        self.app = sending_files(self.app, of_stream, self.write_timeout_s)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in some bytes of a request."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > self.max_head_bytes and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")
        self._watch()

    def on_headers_complete(self) -> None:
        """Turn from the head of a request to its body."""
        super().on_headers_complete()
        self._in_body = True

    def on_message_complete(self) -> None:
        """A request has come to its end."""
        super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        """Turn to the next request, of which a part may be here already."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._end_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end_watch()
        self._end_stall()
        super().connection_lost(exc)

    @property
    def _in_head(self) -> bool:
        """Whether the next request is waited for, or the rest of its head."""
        answered = self.cycle is None or (self.cycle.response_complete and not self.pipeline)
        return answered and not self._in_body

    def _watch(self) -> None:
        """Set, keep or lift the deadline, by what the client has still to send."""
        if self.transport.is_closing() or not (self._in_head or self._in_body):
            self._end_watch()
        elif self._in_body or self._deadline is None:
            self._end_watch()
            self._deadline = self.loop.call_later(self.read_timeout_s, self._give_up)

    def _end_watch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        self._deadline = None
        awaits_us = self.cycle is not None and self.cycle.waiting_for_100_continue
        if self._in_body and (self.flow.read_paused or awaits_us):  # it is for us to go on
            self._watch()
        else:
            self.transport.close()
