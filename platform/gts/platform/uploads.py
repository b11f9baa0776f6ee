"""Multipart uploads, streamed to disk: fields come back as text, files as paths inside one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from gts.core.blobs import storage_errors
from gts.core.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_TEXT_BYTES = 32 << 20  # pasted examples come as fields
_MAX_PARTS = 64
_MAX_HEADER_BYTES = 16 << 10
_UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Upload:
    """What a form brought.

    Attributes:
        fields: Text fields by name; the last one wins.
        files: Uploaded files by field name, in order. Each keeps its name (as far as it is harmless), so that
            errors can name it.
    """

    fields: Mapping[str, str]
    files: Mapping[str, tuple[Path, ...]]


async def receive_upload(request: Request, folder: Path) -> Upload:
    """Read a multipart form as it arrives, without ever holding a file in memory.

    Args:
        request: The request; its body has not been read.
        folder: Where files go, each into a folder of its own; the caller removes it.

    Raises:
        InvalidInput: It is no form, or it ended before its last boundary.
        TooLarge: A text field is too long, or there are too many parts.
        StorageError: The disk is full.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidInput("the form has no boundary", mend="send it as multipart/form-data")
    form = _Form(folder)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        with storage_errors("the upload"):
            async for chunk in request.stream():
                await run_in_threadpool(parser.write, chunk)
    except ClientDisconnect as error:
        raise _truncated() from error
    except FormParserError as error:
        raise InvalidInput(
            f"the form cannot be read: {error}", mend="send it as multipart/form-data"
        ) from error
    finally:
        with suppress(OSError):  # a disk that was full for the last block is full for what a file still holds
            form.close()
    if not form.complete:
        raise _truncated()
    return Upload(form.fields, {name: tuple(paths) for name, paths in form.files.items()})


def safe_name(name: str, fallback: str) -> str:
    """The last part of a file name, with nothing in it that a file system could misread.

    Example:
        >>> safe_name("C:\\\\data\\\\my pool.txt.gz", "pool"), safe_name("../../..", "pool")
        ('my_pool.txt.gz', 'pool')
    """
    last = re.split(r"[/\\]", name)[-1]
    return _UNSAFE.sub("_", last).strip("._")[-100:] or fallback


class TruncatedUpload(InvalidInput):
    """The body ended before the form did."""

    code = "truncated_upload"
    status = 400


def _truncated() -> TruncatedUpload:
    return TruncatedUpload("the upload ended before it was complete", mend="send it again; nothing was kept")


@dataclass
class _Form:
    """The parser's callbacks; one part at a time is open."""

    folder: Path
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)
    complete: bool = False
    _parts: int = 0
    _header_bytes: int = 0
    _header_name: bytes = b""
    _header_value: bytes = b""
    _disposition: bytes = b""
    _name: str = ""
    _text: bytearray = field(default_factory=bytearray)
    _text_bytes: int = 0
    _file: IO[bytes] | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_part,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise TooLarge(f"the form has more than {_MAX_PARTS} parts", mend="send one file for each field")
        self._header_bytes, self._disposition, self._text = 0, b"", bytearray()

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MAX_HEADER_BYTES:
            raise TooLarge("a part of the form has too long headers", mend="shorten the file's name")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_name += data[start:end]

    def _header_part(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if not self._name:
            raise InvalidInput("a part of the form has no name", mend="name every field")
        filename = options.get(b"filename")
        # Browsers send a part without a name for a file input that was left empty.
        if filename:
            folder = self.folder / str(self._parts)  # two files of one name do not meet
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / safe_name(filename.decode("utf-8", "replace"), "file")
            self._file = path.open("wb")
            self.files.setdefault(self._name, []).append(path)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._text += data[start:end]
        self._text_bytes += end - start
        if self._text_bytes > _MAX_TEXT_BYTES:
            raise TooLarge(
                f"the form's text fields are longer than {_MAX_TEXT_BYTES:,} bytes together, up to {self._name[:100]!r}",
                mend="send long texts as files",
            )

    def _part_end(self) -> None:
        if self._file is not None:
            self.close()
        elif self._text:
            try:
                self.fields[self._name] = self._text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InvalidInput(
                    f"the field {self._name[:100]!r} is not UTF-8", mend="send the form as UTF-8"
                ) from error

    def _end(self) -> None:
        self.complete = True
