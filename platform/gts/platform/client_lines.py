"""Asking a served model about more rows than fit into memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from gts.core.errors import GTSError, InvalidInput, Overloaded
from gts.platform.remote import ServerUnreachable, error_of, error_told, model_path

_BLOCK_BYTES = 256 << 10
"""Less than the server reads before its answers are taken: this client sends all of a block before it reads."""
_BLOCK_ROWS = 2000
_PATIENCE_S = 60.0
_WAIT_S = 0.5


def answered_lines(
    http: httpx.Client, model: str, rows: Iterable[str | Mapping[str, Any]], revision: str, test: bool
) -> Iterator[dict[str, Any]]:
    """Answers to rows, in their order; see :meth:`gts.platform.client_models.ModelCalls.predict_lines`."""
    path = f"/api/v1/models/{model_path(model)}/predict-lines"
    number = 0
    for lines in _blocks(rows):
        try:
            asked = {"revision": revision, **({"test": "true"} if test else {})}
            with _sent(http, path, asked, lines) as response:
                revision = response.headers.get("x-gts-commit", revision)  # of the next block too
                yield from _answers(response, number, len(lines))
        except httpx.TransportError as error:
            raise ServerUnreachable(
                f"the answers to rows {number + 1} to {number + len(lines)} broke off: {error}",
                mend="ask again for the rows that have no answer",
            ) from error
        number += len(lines)


@contextmanager
def _sent(
    http: httpx.Client, path: str, asked: Mapping[str, str], lines: list[bytes]
) -> Iterator[httpx.Response]:
    """The answer to a block of lines, waiting while the server has too much to do."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        with http.stream("POST", path, params=asked, content=b"".join(lines)) as response:
            if not response.is_error:
                yield response
                return
            response.read()
            error = error_of(response)
            if not isinstance(error, Overloaded) or time.monotonic() > deadline:
                raise error
        time.sleep(_WAIT_S)


def _answers(response: httpx.Response, before: int, wanted: int) -> Iterator[dict[str, Any]]:
    found = 0
    for line in response.iter_lines():
        answer: dict[str, Any] = json.loads(line)
        if answer.get("ended"):
            raise error_told(answer["error"])
        if "error" in answer:
            answer["line"] += before
        found += 1
        yield answer
    if found != wanted:
        raise GTSError(
            f"{wanted} rows were sent and {found} answered", mend="the server's log has the details"
        )


def _blocks(rows: Iterable[str | Mapping[str, Any]]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    size = 0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, str | Mapping):
            raise InvalidInput(
                f"row {number} is {type(row).__name__}; a text or a mapping was expected",
                mend='give texts, or rows such as {"text": "..."}',
            )
        block.append(json.dumps(row if isinstance(row, str) else dict(row)).encode() + b"\n")
        size += len(block[-1])
        if size >= _BLOCK_BYTES or len(block) == _BLOCK_ROWS:
            yield block
            block, size = [], 0
    if block:
        yield block
