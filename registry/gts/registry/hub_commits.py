"""The body of a commit in the Hub protocol: JSON lines, read as they arrive, in bounded memory.

The first line is the header, each further one an operation. A line of a file holds all its bytes in base64: they
go to disk while they come.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gts.core.blobs import Readable
from gts.core.errors import InvalidInput
from gts.registry.manifest import check_count
from gts.registry.staging import AddFile, AddUpload, Delete, Operation, Staging

_BLOCK_BYTES = 64 << 10
_LINE_BYTES = 128 << 10
_CONTENT = re.compile(rb'"content"\s*:\s*"')
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CommitRequest:
    """What a client asks to commit.

    Attributes:
        message: What changed, for people: a line, and details after an empty line.
        parent: Beginning of the commit id that the branch must be at; None takes any.
        operations: What to do, in this order.
    """

    message: str
    parent: str | None
    operations: tuple[Operation, ...]


def read_commit(body: Readable, staging: Staging) -> CommitRequest:
    """Read a commit; the bytes of files go to ``staging``.

    Raises:
        InvalidInput: It is not of the form that clients send; says which line.
        StorageError: The disk is full.
    """
    lines = _lines(_Buffer(body), staging)
    message, parent = _header(next(lines, None))
    operations: list[Operation] = []
    for line in lines:
        operations.append(_operation(line))
        check_count(len(operations))
    return CommitRequest(message, parent, tuple(operations))


@dataclass(frozen=True)
class _Line:
    number: int
    key: str
    value: dict[str, Any]
    file: AddFile | None = None

    def text(self, name: str) -> str:
        found = self.value.get(name)
        if not isinstance(found, str):
            raise _malformed(self.number, f"{self.key!r} needs a text {name!r}")
        return found


def _header(line: _Line | None) -> tuple[str, str | None]:
    if line is None or line.key != "header":
        raise _malformed(1, "it is no header")
    details = line.value.get("description") or ""
    parent = line.value.get("parentCommit")
    if not isinstance(details, str) or not (parent is None or isinstance(parent, str)):
        raise _malformed(1, "'description' and 'parentCommit' are texts")
    if parent is not None and not re.fullmatch(r"[0-9a-fA-F]{5,40}", parent):
        raise _malformed(1, "'parentCommit' is no commit id")
    return "\n\n".join(filter(None, (line.text("summary"), details))), parent.lower() if parent else None


def _operation(line: _Line) -> Operation:
    match line.key:
        case "file":
            if line.file is None:
                raise _malformed(line.number, "'file' needs its 'content' in base64")
            return line.file
        case "lfsFile":
            size = line.value.get("size")
            if not _DIGEST.fullmatch(oid := line.text("oid")) or line.value.get("algo", "sha256") != "sha256":
                raise _malformed(line.number, "'lfsFile' needs the SHA-256 of its bytes in 'oid'")
            return AddUpload(line.text("path"), oid, size if isinstance(size, int) else None)
        case "deletedFile" | "deletedFolder":
            return Delete(line.text("path"), folder=line.key == "deletedFolder")
        case _:
            raise _malformed(line.number, f"{line.key[:50]!r} is no operation of this server")


def _lines(buffer: _Buffer, staging: Staging) -> Iterator[_Line]:
    number = 0
    while not buffer.ended():
        number += 1
        head = buffer.line(_LINE_BYTES)
        content = None
        if head is None:  # longer than any line but that of a file
            if (start := buffer.behind(_CONTENT, _LINE_BYTES)) is None:
                raise _malformed(number, f"it is longer than {_LINE_BYTES:,} bytes and holds no file")
            content = staging.write(_decoded(buffer.until_quote(), number))
            if (rest := buffer.line(_LINE_BYTES)) is None:
                raise _malformed(number, f"it goes on for {_LINE_BYTES:,} bytes behind its content")
            head = start + b'"' + rest
        if not head.strip():
            continue
        line = _parsed(head, number)
        if line.key == "file" and line.value.get("encoding") == "base64":
            inline = line.text("content")
            if content is None:
                content = staging.write(_decoded(iter([inline.encode("utf-8", "replace")]), number))
            elif inline:
                raise _malformed(number, "it holds two contents")
            line = _Line(number, line.key, line.value, AddFile(line.text("path"), content))
        yield line


def _parsed(line: bytes, number: int) -> _Line:
    try:
        match json.loads(line):
            case {"key": str(key), "value": dict(value)}:
                return _Line(number, key, value)
    except (ValueError, RecursionError) as error:
        raise _malformed(number, f"it is not valid JSON: {str(error)[:200]}") from None
    raise _malformed(number, "it is not of the form {'key': ..., 'value': {...}}")


def _decoded(blocks: Iterator[bytes], number: int) -> Iterator[bytes]:
    """Base64 without line breaks, undone."""
    rest, ended = b"", False
    for block in blocks:
        rest += block
        if ended and rest:
            raise _malformed(number, "its content goes on behind the end of its base64")
        whole = rest[: len(rest) & ~3]
        ended, rest = b"=" in whole, rest[len(whole) :]
        try:
            yield binascii.a2b_base64(whole, strict_mode=True)
        except binascii.Error as error:
            raise _malformed(number, f"its content is not base64: {error}") from None
    if rest:
        raise _malformed(number, "its content is not base64: it is cut off")


def _malformed(number: int, problem: str) -> InvalidInput:
    return InvalidInput(
        f"line {number} of the commit cannot be used: {problem}",
        mend="send JSON lines as `huggingface_hub` does: a header, then one operation a line",
        line=number,
    )


class _Buffer:
    """A stream of bytes that can be looked into a little ahead."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._bytes = b""

    def ended(self) -> bool:
        return not self._bytes and not self._more()

    def line(self, limit: int) -> bytes | None:
        """The next line; None, and nothing taken, if it is longer than ``limit``."""
        while (end := self._bytes.find(b"\n")) < 0 and len(self._bytes) <= limit and self._more():
            pass
        if end > limit or (end < 0 and len(self._bytes) > limit):
            return None
        return self._take(end + 1 if end >= 0 else len(self._bytes))

    def behind(self, pattern: re.Pattern[bytes], limit: int) -> bytes | None:
        """What there is up to the end of a pattern; None, and nothing taken, if it is not near."""
        found = pattern.search(self._bytes, 0, limit)
        return self._take(found.end()) if found else None

    def until_quote(self) -> Iterator[bytes]:
        """What there is up to the next quotation mark, which is taken too."""
        while (end := self._bytes.find(b'"')) < 0:
            yield self._take(len(self._bytes))
            if not self._more():
                return
        yield self._take(end)
        self._take(1)

    def _take(self, count: int) -> bytes:
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def _more(self) -> bool:
        block = self._source.read(_BLOCK_BYTES)
        self._bytes += block
        return bool(block)
