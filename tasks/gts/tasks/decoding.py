"""From a path to bounded bytes and text: gzip, foreign formats, encodings."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gts.core.errors import DataError, TooLarge
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problem, problem_error
from gts.tasks.wording import counted, listing, nearest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PARQUET_MAGIC = b"PAR1"
_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 16
# A gzip member of a few hundred bytes may well unpack 500-fold; below this nothing can be exhausted.
_RATIO_FLOOR_BYTES = 16 << 20
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _BoundedGunzip(io.RawIOBase):
    """Decompressed bytes of a gzip file, refused as soon as they are too many for what was read."""

    def __init__(self, path: Path, name: str, limits: Limits) -> None:
        self._name, self._limits = name, limits
        self._raw = path.open("rb")
        self._gzip = gzip.GzipFile(fileobj=self._raw)
        self._total_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._gzip.read(len(view))
        except EOFError as error:
            raise DataError(
                f"{self._name} is cut off: its compressed data ends after {self._total_bytes:,} good bytes",
                mend="copy or upload the file again",
                file=self._name,
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{self._name} is damaged: it begins like gzip, but cannot be decompressed ({error})",
                mend="compress and upload the file again",
                file=self._name,
            ) from error
        self._total_bytes += len(data)
        _refuse_too_large(self._total_bytes, self._name, self._limits)
        read_bytes = max(1, self._raw.tell())
        refuse_bomb(self._total_bytes, read_bytes, self._name, self._limits)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._gzip.close()
        self._raw.close()
        super().close()


def refuse_bomb(unpacked_bytes: int, packed_bytes: int, name: str, limits: Limits) -> None:
    """Refuse what unpacks to far more than it is: such a file was made to exhaust memory.

    Raises:
        TooLarge: It does.
    """
    if unpacked_bytes > max(_RATIO_FLOOR_BYTES, limits.unpacking_ratio * packed_bytes):
        raise TooLarge(
            f"{name} unpacks to more than {limits.unpacking_ratio} times its size",
            mend="send the file uncompressed, or Parquet as CSV, if its content is really so repetitive",
            file=name,
        )


def _refuse_too_large(size_bytes: int, name: str, limits: Limits) -> None:
    if size_bytes > limits.decompressed_bytes:
        raise TooLarge(
            f"{name} holds more than {limits.decompressed_bytes:,} bytes",
            mend="send fewer rows; a few thousand unlabelled texts are enough",
            file=name,
        )


def open_bytes(path: Path, name: str, limits: Limits) -> io.BufferedReader[io.RawIOBase]:
    """Open a file for reading, gunzipped if its first bytes say gzip, never beyond the limits.

    Raises:
        DataError: There is no such file, it cannot be read, or it is of a format that is not read.
        TooLarge: The file is over a limit (for gzip: found while reading).
    """
    if not path.is_file():
        raise _missing(path, name)
    try:
        _refuse_too_large(path.stat().st_size, name, limits)
        with path.open("rb") as handle:
            zipped = handle.read(2) == _GZIP_MAGIC
        raw: io.RawIOBase = _BoundedGunzip(path, name, limits) if zipped else path.open("rb", buffering=0)
    except PermissionError as error:
        raise DataError(
            f"{name} may not be read", mend="give yourself the right to read it", file=name
        ) from error
    stream: io.BufferedReader[io.RawIOBase] = io.BufferedReader(raw, _BLOCK_BYTES)
    try:
        _refuse_foreign(stream.peek(8)[:8], name)
    except BaseException:
        stream.close()
        raise
    return stream


def _missing(path: Path, name: str) -> DataError:
    if path.is_dir():
        return DataError(f"{name} is a folder, a file was expected", mend="name the file in it", file=name)
    if path.exists():
        return DataError(f"{name} is not a regular file", mend="write its content to a file first", file=name)
    here = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
    like = nearest(path.name, here)
    where = f"the folder holds {listing(here)}" if here else "there is no such folder, or it is empty"
    mend = f"did you mean {like!r}?" if like else "paths are relative to the task file"
    return DataError(f"there is no file {name}; {where}", mend=mend, file=name)


def _refuse_foreign(head: bytes, name: str) -> None:
    if head.startswith(_GZIP_MAGIC):
        raise DataError(f"{name} is compressed twice", mend="unpack it once", file=name)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise DataError(
                f"{name} is {what}; CSV, TSV, JSON lines, Parquet or plain text was expected",
                mend="export it as CSV in UTF-8; gzip is the one compression that is read",
                file=name,
            )


def text_encoding(head: bytes, name: str) -> str:
    """The codec for a file that begins with ``head``: UTF-8 with or without mark, UTF-16 with mark.

    Raises:
        DataError: The first bytes cannot be text in these encodings.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _wrong_encoding(Place(name), "UTF-32", "UTF-32", name)
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if head.count(0) * 4 > len(head):  # every other byte of Western text in UTF-16 is zero
        raise _wrong_encoding(Place(name), "UTF-16 without byte order mark, or binary", "UTF-16LE", name)
    return "utf-8"


def open_text(stream: io.BufferedReader[io.RawIOBase], name: str) -> TextIO:
    """Decode a byte stream strictly; line ends are kept as they are (CSV fields may hold them)."""
    head = stream.peek(4096)[:4096]
    return io.TextIOWrapper(stream, encoding=text_encoding(head, name), errors="strict", newline="")


def undecodable(path: Path, name: str, limits: Limits) -> DataError:
    """Find the first byte that does not decode and say where it is.

    Args:
        path: A file whose decoding has failed.
        name: Its name for messages.
        limits: Bounds for reading it again.
    """
    with open_bytes(path, name, limits) as stream:
        codec = text_encoding(stream.peek(4096)[:4096], name)
        decoder = codecs.getincrementaldecoder(codec)("strict")
        fed_bytes, line = 0, 1
        for block in _blocks(stream):
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                # error.object is what the decoder kept back of the last block, then this block.
                position = fed_bytes + len(block) - len(error.object) + error.start
                line += error.object[: error.start].count(b"\n")
                found = f"byte 0x{error.object[error.start]:02X} at position {position:,}"
                if codec.startswith("utf-8") and _is_binary(error.object):
                    mend = "give a text file in UTF-8; tables and workbooks can be exported as CSV"
                    return problem_error(Problem(Place(name, line), f"binary data, no text ({found})", mend))
                guess = _likely_encoding(error.object[error.start :])
                return _wrong_encoding(Place(name, line), found, guess, name)
            fed_bytes += len(block)
    return DataError(f"{name} cannot be decoded", mend="save it as UTF-8", file=name)


def _blocks(stream: io.BufferedReader[io.RawIOBase]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        yield block
    yield b""


def _is_binary(sample: bytes) -> bool:
    """Whether control characters are more than the strays that a text may hold, in whatever encoding."""
    return 20 * sum(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in sample) > len(sample)


def _likely_encoding(sample: bytes) -> str:
    """Western accents are single high bytes between ASCII letters; other scripts come in runs."""
    high = sum(byte >= 0x80 for byte in sample)
    in_runs = sum(map(len, re.findall(rb"[\x80-\xff]{2,}", sample)))
    return "WINDOWS-1252" if in_runs * 2 < high else ""


def _wrong_encoding(place: Place, found: str, guess: str, name: str) -> DataError:
    message = f"not UTF-8 ({found})"
    known = guess or "its old encoding (for Chinese often GB18030, for Cyrillic WINDOWS-1251)"
    mend = f"save it as UTF-8: `iconv -f {guess or 'OLD'} -t UTF-8 {shlex.quote(name)} > new-file` if it is {known}"
    if not guess:
        mend = mend.replace("if it is", "with OLD =")
    return problem_error(Problem(place, message, mend))


class LineFeed:
    """Lines of a text stream, none longer than the limit; what a CSV reader draws from.

    ``mark`` starts a new record: a record of many lines is bounded as a whole.

    Args:
        handle: Text opened with ``newline=""``.
        name: Name of the file for messages.
        limits: Bounds.
    """

    def __init__(self, handle: TextIO, name: str, limits: Limits) -> None:
        self._handle, self._name, self._limit = handle, name, limits.record_chars
        self._since_mark = 0
        self.number = 0

    def __iter__(self) -> LineFeed:
        return self

    def __next__(self) -> str:
        line = self._handle.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._since_mark += len(line)
        if self._since_mark > self._limit:
            place = Place(self._name, self.number)
            message = f"a row of more than {counted(self._limit, 'character')}"
            raise problem_error(
                Problem(place, message, "look for a quote that is never closed, or missing line ends")
            )
        return line

    def mark(self) -> None:
        """A record has ended."""
        self._since_mark = 0
