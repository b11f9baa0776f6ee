"""JSON lines in, JSON lines out, in their order and however many: what is read is answered before more is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gts.core.errors import GTSError, InvalidInput, TooLarge
from gts.platform.serving.checks import check_rows
from gts.platform.serving.engine import Engine, HasLeft, Stream
from gts.platform.serving.pace import weight_of
from gts.platform.settings import Settings
from gts.tasks.wording import quote

MEDIA_TYPE = "application/x-ndjson"
COMMIT_HEADER = "X-GTS-Commit"

READ_AHEAD_BYTES = 1 << 20
"""What is read of a body before the answers to its beginning are taken: clients that send up to so much before they read get on."""
_MOST_ROWS = 256
_MOST_WEIGHT = 1 << 18


@dataclass(frozen=True)
class Line:
    """A line of the body: a row, or why it is none.

    Attributes:
        number: Its number, from 1, blank ones counted.
        row: The row.
        fault: Why there is none.
    """

    number: int
    row: dict[str, Any] | None = None
    fault: GTSError | None = None


class LineReader:
    """Lines of a body that comes in pieces; of a line over the limit no more than that is kept.

    Args:
        settings: Hold the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rest = bytearray()
        self._skipping = False
        self._number = 0

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that come to their end in a piece."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._keep(part)
            yield from self.end()
        self._keep(rest)

    def end(self) -> Iterator[Line]:
        """The line that has come to its end, unless it is blank."""
        self._number += 1
        content, skipped = bytes(self._rest).strip(), self._skipping
        self._rest.clear()
        self._skipping = False
        if skipped:
            limit = self._settings.max_predict_bytes
            yield self._wrong(
                TooLarge(f"the line is longer than the limit of {limit:,} bytes", mend="shorten it")
            )
        elif content:
            yield self._line(content)

    def _keep(self, part: bytes) -> None:
        if len(self._rest) + len(part) > self._settings.max_predict_bytes:
            self._skipping = True
            self._rest.clear()
        if not self._skipping:
            self._rest += part

    def _line(self, content: bytes) -> Line:
        try:
            value = json.loads(content)
            row = {"text": value} if isinstance(value, str) else value
            if not isinstance(row, dict):
                raise InvalidInput(f"it is {quote(value)}; a text or an object was expected")
            check_rows([row], self._settings)
        except (ValueError, RecursionError):
            return self._wrong(
                InvalidInput("it is not JSON", mend='write "..." or {"text": "..."} on each line')
            )
        except GTSError as error:
            return self._wrong(error)
        return Line(self._number, row)

    def _wrong(self, error: GTSError) -> Line:
        return Line(self._number, fault=error)


class AnsweredLines(Response):
    """A response that answers the lines of its request while they come.

    The commit stands in the header ``X-GTS-Commit``; all lines are answered by it. A line that cannot be answered gets
    ``{"error": {...}, "line": n}``; where all has to end, the last line is ``{"error": {...}, "ended": true}``. Work also ends when the
    client leaves.

    Args:
        request: Its body is read here.
        engine: What answers.
        model: ``namespace/name``.
        revision: Commit, branch or alias.
        is_traffic: Whether somebody uses the model, rather than tests it.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self, request: Request, engine: Engine, model: str, revision: str, *, is_traffic: bool = True
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._request = request
        self._engine = engine
        self._model = model
        self._revision = revision
        self._is_traffic = is_traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; errors before the first byte are raised, a later one becomes the last line."""
        started = False
        try:
            async with self._engine.stream(
                self._model, self._revision, is_traffic=self._is_traffic
            ) as stream:
                self.headers[COMMIT_HEADER] = stream.served.commit
                head = {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
                await send(head)
                started = True
                async with _Body(self._request) as body:
                    async for part in answered(body, stream, self._engine.settings):
                        await _send(send, part)
        except GTSError as error:
            if not started:
                raise
            await _send(send, _line({**error.as_json(), "ended": True}))
        except HasLeft:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answered(body: AsyncIterator[bytes], stream: Stream, settings: Settings) -> AsyncIterator[bytes]:
    """Answers to the lines of a body, as many at a time as have come."""
    reader = LineReader(settings)
    async for piece in body:
        for group in _groups(reader.feed(piece)):
            yield await _answers(group, stream)
    for group in _groups(reader.end()):
        yield await _answers(group, stream)


def _groups(lines: Iterator[Line]) -> Iterator[list[Line]]:
    group: list[Line] = []
    weight = 0
    for line in lines:
        group.append(line)
        weight += weight_of(line.row or {})
        if len(group) == _MOST_ROWS or weight > _MOST_WEIGHT:
            yield group
            group, weight = [], 0
    if group:
        yield group


async def _answers(lines: Sequence[Line], stream: Stream) -> bytes:
    rows = [line.row for line in lines if line.row is not None]
    try:
        found = iter(await stream.answer(rows) if rows else [])
        told = [next(found) if line.fault is None else _told(line.number, line.fault) for line in lines]
    except InvalidInput:
        told = [await _answer(line, stream) for line in lines]
    return b"".join(map(_line, told))


async def _answer(line: Line, stream: Stream) -> dict[str, Any]:
    if line.row is None or line.fault is not None:
        return _told(line.number, line.fault or InvalidInput("it is no row"))
    try:
        return (await stream.answer([line.row]))[0]
    except InvalidInput as error:
        return _told(line.number, error)


def _told(number: int, error: GTSError) -> dict[str, Any]:
    told = error.as_json()["error"]
    told["message"] = told["message"].replace("rows[0]", f"line {number}", 1)
    return {"error": told, "line": number}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


async def _send(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


class _Body:
    """Pieces of a request's body, read ahead; who waits for one is told when the client leaves."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._pieces: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._held = 0
        self._gone = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._gone:
            raise HasLeft
        piece = await self._pieces.get()
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, BaseException):
            raise piece
        self._held -= len(piece)
        self._room.set()
        return piece

    async def _read(self) -> None:
        try:
            async for piece in self._request.stream():
                self._held += len(piece)
                self._pieces.put_nowait(piece)
                while self._held > READ_AHEAD_BYTES:
                    self._room.clear()
                    await self._room.wait()
            self._pieces.put_nowait(None)
            while (await self._request.receive())["type"] != "http.disconnect":
                pass  # nothing more comes until the client leaves
            self._gone = True
        except ClientDisconnect:
            self._gone = True
            self._pieces.put_nowait(HasLeft())
        except GTSError as error:
            self._pieces.put_nowait(error)
