"""A transport that sends the head of an answer together with its body."""

from __future__ import annotations

import asyncio
from typing import Any

_JOINED_BYTES = 64 << 10
"""What is longer is sent by itself: to copy it costs more than a call of the system."""


class JoinedWrites(asyncio.Transport):
    """What is written in one turn of the event loop goes to the system in as few calls as possible.

    A server writes the head of an answer and then its body. Sent one by one each wakes the client, and costs more than all that
    happens between request and answer where a student is fast. Something that is written by itself leaves at the loop's next turn.

    Args:
        transport: What sends.
        loop: Its event loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send some bytes, soon."""
        if self._held:
            if len(data) <= _JOINED_BYTES:
                data = self._held + bytes(data)
                self._held = b""
            else:
                self._send_held()
            self._transport.write(data)
        elif len(data) > _JOINED_BYTES:
            self._transport.write(data)
        elif data:
            self._held = bytes(data)
            self._loop.call_soon(self._send_held)

    def close(self) -> None:
        """Close when all has been sent."""
        self._send_held()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held = b""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or will be."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that are not with the system yet."""
        return len(self._held) + self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
