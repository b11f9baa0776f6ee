"""From a source (file, pasted text, rows in memory) to rows: the one door by which user data comes in."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Protocol, TextIO

from gts.core.errors import TooLarge
from gts.tasks.columns import Columns, headerless_names, is_known_name, plain_name
from gts.tasks.decoding import PARQUET_MAGIC, LineFeed, open_bytes, open_text, undecodable
from gts.tasks.formats import (
    Format,
    Listed,
    Row,
    csv_delimiter,
    detect_format,
    is_quoted,
    parse_json_array,
    parse_json_lines,
    parse_table,
    parse_text,
    read_records,
    unlisted,
)
from gts.tasks.limits import Limits
from gts.tasks.parquet import parse_parquet
from gts.tasks.problems import Place, Problems
from gts.tasks.source import FileSource, RowSource, Source, TextSource
from gts.tasks.wording import counted, quote

_HEAD_CHARS = 1 << 16
_SPOOL_BYTES = 32 << 20


class TableGuess(Protocol):
    """What is known of tables before one is read."""

    def is_header(self, cell: str) -> bool:
        """Whether a first line with this cell is a header."""
        ...

    def __call__(self, records: Sequence[Sequence[str]]) -> Sequence[str] | None:
        """Column names if the first of the records is data and no header."""
        ...


def read_rows(
    source: Source,
    *,
    labelled: bool,
    columns: Columns,
    declared: Sequence[str],
    limits: Limits,
    problems: Problems,
    notes: list[str],
    guess: TableGuess | None = None,
    listed: Listed | None = None,
) -> Iterator[Row]:
    """Read a source row by row; nothing larger than a record is held (a JSON array excepted).

    Args:
        source: Where the data is.
        labelled: Whether rows are expected to have labels.
        columns: Explicit column names; with them a first line counts as header.
        declared: Declared labels; a first line that holds one is data.
        limits: Bounds.
        problems: Takes rows that cannot be read.
        notes: Takes what was decided about the format.
        guess: Decides about the header of a table; ``None``: as for texts with labels.
        listed: Makes a row of one that is a list; ``None``: a list is no row.

    Raises:
        DataError: The source is damaged, of another format or encoding, or there are too many problems.
        TooLarge: It is over a limit.
    """
    if isinstance(source, RowSource):
        yield from _memory_rows(source, limits, problems, listed)
        return
    if isinstance(source, FileSource) and is_parquet(source, limits):
        with _seekable(source, limits) as handle:
            yield from parse_parquet(handle, source.title, limits)
        return
    guess = guess or _HeaderGuess(labelled, columns, declared, source.title, notes)
    with decoding(source, limits):
        head = read_head(source, limits)
        kind = detect_format(format_name(source), head, labelled=labelled, is_header=guess.is_header)
        yield from _parse(source, kind, head, limits, problems, guess, listed)


def _memory_rows(
    source: RowSource, limits: Limits, problems: Problems, listed: Listed | None
) -> Iterator[Row]:
    for number, value in enumerate(source.rows, start=1):
        place = Place(source.title, number, "row")
        row = unlisted(value, listed)
        if isinstance(row, dict) and len(row) > limits.columns:
            problems.stop(place, f"{len(row):,} keys", f"at most {limits.columns:,} are read")
        if isinstance(row, str) or (isinstance(row, dict) and all(isinstance(key, str) for key in row)):
            yield Row(number, row, "row")
        else:
            mend = 'send objects such as {"text": "...", "label": "..."}'
            problems.add(place, f"{quote(row)} is no row; an object was expected", mend)


def format_name(source: FileSource | TextSource) -> str:
    """The name whose extension says the format; empty for pasted text."""
    return "" if isinstance(source, TextSource) else source.title


def is_parquet(source: FileSource, limits: Limits) -> bool:
    """Whether a file is Parquet.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    with open_bytes(source.path, source.title, limits) as stream:
        return stream.peek(4)[:4] == PARQUET_MAGIC


@contextmanager
def _seekable(source: FileSource, limits: Limits) -> Iterator[IO[bytes]]:
    """A Parquet file's index is at its end: one that is gzipped must be unpacked first."""
    with open_bytes(source.path, source.title, limits) as stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            shutil.copyfileobj(stream, spool)
            spool.seek(0)
            yield spool


@contextmanager
def decoding(source: FileSource | TextSource, limits: Limits) -> Iterator[None]:
    """While a source is read: a byte that does not decode becomes an error that says where it is.

    Raises:
        DataError: There is one.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        if isinstance(source, FileSource):
            raise undecodable(source.path, source.title, limits) from error
        raise


@contextmanager
def opened(source: FileSource | TextSource, limits: Limits) -> Iterator[TextIO]:
    """The text of a source, its line ends as they are."""
    if isinstance(source, TextSource):
        yield io.StringIO(source.text.removeprefix("\ufeff"), newline="")
        return
    with open_bytes(source.path, source.title, limits) as stream, open_text(stream, source.title) as handle:
        yield handle


def read_head(source: FileSource | TextSource, limits: Limits) -> str:
    """The first characters of a source, by which its format is known."""
    with opened(source, limits) as handle:
        return handle.read(min(_HEAD_CHARS, limits.record_chars))


def _parse(
    source: FileSource | TextSource,
    kind: Format,
    head: str,
    limits: Limits,
    problems: Problems,
    guess: TableGuess,
    listed: Listed | None,
) -> Iterator[Row]:
    name = source.title
    delimiter = "\t" if kind is Format.TSV else csv_delimiter(head.lstrip("\r\n").split("\n", 1)[0])
    quoted = True
    if delimiter == "\t":
        with opened(source, limits) as handle:
            feed = LineFeed(handle, name, limits)
            quoted = is_quoted(read_records(feed, name, delimiter, limits, quoted=True))
    with opened(source, limits) as handle:
        feed = LineFeed(handle, name, limits)
        if kind is Format.TEXT:
            yield from parse_text(feed)
        elif kind is Format.JSON_LINES:
            yield from parse_json_lines(feed, name, limits, problems, listed)
        elif kind is Format.JSON_ARRAY:
            yield from parse_json_array(_whole(handle, name, limits), name, limits, problems, listed)
        else:
            records = read_records(feed, name, delimiter, limits, quoted=quoted)
            yield from parse_table(records, name, problems, guess)


def _whole(handle: TextIO, name: str, limits: Limits) -> str:
    text = handle.read(limits.json_array_bytes + 1)
    if len(text) > limits.json_array_bytes:
        raise TooLarge(
            f"{name} is a JSON array of more than {counted(limits.json_array_bytes, 'character')}",
            mend="write JSON lines instead: one object a line, without the outer brackets",
            file=name,
        )
    return text


class _HeaderGuess:
    """Decides whether the first record of a table is a header; a header is the normal case."""

    def __init__(
        self, labelled: bool, columns: Columns, declared: Sequence[str], name: str, notes: list[str]
    ) -> None:
        self._labelled, self._declared = labelled, declared
        self._name, self._notes = name, notes
        explicit = [*(columns.text or "").split("+"), columns.label or ""]
        self._explicit = {plain_name(part) for part in explicit if part}

    def is_header(self, cell: str) -> bool:
        return is_known_name(cell)

    def __call__(self, records: Sequence[Sequence[str]]) -> Sequence[str] | None:
        first = records[0]
        if any(is_known_name(cell) or plain_name(cell) in self._explicit for cell in first):
            return None
        if self._labelled:
            names: Sequence[str] | None = headerless_names(records, self._declared)
        else:
            names = ("text",) if len(first) == 1 else None
        if names:
            self._notes.append(
                f"the first line of {self._name} was read as data, it is no header (columns: {', '.join(names)})"
            )
        return names
