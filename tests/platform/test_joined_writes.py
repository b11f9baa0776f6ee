"""What one turn of the event loop writes goes out together, in order, and nothing of it is lost."""

import asyncio

import pytest

from gts.platform.joined_writes import JoinedWrites


class Wire(asyncio.Transport):
    """Notes what the system would be asked to send."""

    def __init__(self):
        super().__init__()
        self.sent, self.ended = [], None

    def write(self, data):
        self.sent.append(bytes(data))

    def is_closing(self):
        return self.ended is not None

    def close(self):
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"


@pytest.fixture
def wire():
    return Wire()


def in_turns(wire, *turns):
    """Each turn writes its parts."""

    async def run():
        joined = JoinedWrites(wire, asyncio.get_running_loop())
        for parts in turns:
            for part in parts:
                joined.write(part)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return joined

    return asyncio.run(run())


def test_head_and_body_are_sent_at_once(wire):
    in_turns(wire, [b"head ", b"body"], [b"head ", b"body"])
    assert wire.sent == [b"head body"] * 2


def test_what_is_written_alone_is_sent_at_the_next_turn(wire):
    in_turns(wire, [b"one"], [b"two"], [b""])
    assert wire.sent == [b"one", b"two"]


def test_a_large_body_is_not_copied_and_keeps_its_place(wire):
    large = b"x" * 100_000
    in_turns(wire, [b"head", large, b"end"], [large])
    assert wire.sent == [b"head", large, b"end", large]


def test_closing_sends_what_is_held_and_aborting_does_not(wire):
    async def run(end):
        joined = JoinedWrites(wire, asyncio.get_running_loop())
        joined.write(b"last words")
        end(joined)
        await asyncio.sleep(0)

    asyncio.run(run(JoinedWrites.close))
    assert (wire.sent, wire.ended) == ([b"last words"], "closed")
    wire.sent, wire.ended = [], None
    asyncio.run(run(JoinedWrites.abort))
    assert (wire.sent, wire.ended) == ([], "aborted")


def test_nothing_is_written_to_a_connection_that_was_lost(wire):
    async def run():
        joined = JoinedWrites(wire, asyncio.get_running_loop())
        joined.write(b"too late")
        wire.close()
        await asyncio.sleep(0)

    asyncio.run(run())
    assert wire.sent == []
