"""A client's connection: uvicorn's, but it does not wait for ever for the rest of a request."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """HTTP/1.1 that is closed when a client is too slow to say what it wants.

    The head of a request has to arrive within ``read_timeout_s`` as a whole, however its bytes trickle. A body may
    take as long as it needs, but not be silent for that time. While the server works or answers nothing is timed.
    """

    read_timeout_s = 30.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in some bytes of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Turn to the next request, of which a part may be here already."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end_watch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Set, keep or lift the deadline, by what the client has still to send."""
        awaited = self.conn.their_state
        if self.transport.is_closing() or awaited not in (h11.IDLE, h11.SEND_BODY):
            self._end_watch()
        elif awaited is h11.SEND_BODY or self._deadline is None:
            self._end_watch()
            self._deadline = self.loop.call_later(self.read_timeout_s, self._give_up)

    def _end_watch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.flow.read_paused or self.conn.they_are_waiting_for_100_continue:  # it is for us to go on
            self._watch()
        else:
            self.transport.close()
