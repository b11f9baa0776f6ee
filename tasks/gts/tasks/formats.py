"""The text formats: CSV, TSV, JSON lines, JSON array, plain text; each a generator of rows with line numbers.

The standard library's csv and json are used because they say on which line a row stands; the columnar readers
(pyarrow's, pandas') do not, and an error without a line is of no help in a file of thousands.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from gts.core.errors import DataError
from gts.tasks.decoding import LineFeed
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.wording import counted, listing, quote

_SPACE = re.compile(r"[ \t\r\n]*")
_PEEKED_RECORDS = 1000


class Row(NamedTuple):
    """One row: the line (or row number) it starts on, and its values by column, or a bare string."""

    line: int
    values: dict[str, Any] | str
    unit: str = "line"


class Format(StrEnum):
    """The formats that are read."""

    CSV = "csv"
    TSV = "tsv"
    JSON_LINES = "jsonl"
    JSON_ARRAY = "json"
    TEXT = "text"
    PARQUET = "parquet"


_EXTENSIONS = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".json": Format.JSON_LINES,
}


def detect_format(name: str, head: str, *, labelled: bool, is_header: Callable[[str], bool]) -> Format:
    """The format of a text from its file name, else from how it begins.

    Args:
        name: File name; ``.gz`` at its end does not count. May be empty.
        head: The first characters of the content.
        labelled: Plain text cannot hold labels, so a labelled text without extension is read as a table.
        is_header: Says whether a cell of the first line is a known column name.
    """
    extension = re.search(r"(\.\w+)?(\.gz)?$", name.casefold())
    known = _EXTENSIONS.get((extension[1] or "") if extension else "")
    if known is Format.JSON_LINES:
        return Format.JSON_ARRAY if head.lstrip("\ufeff \t\r\n").startswith("[") else known
    if known:
        return known
    if extension and extension[1] == ".txt" and not labelled:
        return Format.TEXT
    if re.match(r"\s*\[\s*[\[{\"\]]", head):
        return Format.JSON_ARRAY
    if re.match(r"\s*\{\s*\"", head):
        return Format.JSON_LINES
    first = head.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    if not labelled and not _is_header(first, is_header):
        return Format.TEXT
    return Format.TSV if "\t" in first else Format.CSV


def _is_header(line: str, is_header: Callable[[str], bool]) -> bool:
    """Whether a line names several columns; a sentence has spaces behind its commas."""
    cells = [cell.strip('"') for cell in re.split(r"[,;\t]", line)]
    tidy = all(cell == cell.strip() and len(cell) <= 40 for cell in cells)
    return tidy and len(cells) > 1 and any(map(is_header, cells))


def parse_text(feed: LineFeed) -> Iterator[Row]:
    """One text a line; blank lines do not count."""
    for line in feed:
        feed.mark()
        if text := line.strip("\r\n"):
            yield Row(feed.number, text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


Listed = Callable[[Sequence[Any]], dict[str, Any] | None]
"""Makes a row of a list, where a kind of task writes rows so; ``None`` if it is no such list."""


def parse_json_lines(
    feed: LineFeed, name: str, limits: Limits, problems: Problems, listed: Listed | None = None
) -> Iterator[Row]:
    """One JSON object (or string) a line; lines that are none are collected as problems."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    for line in feed:
        feed.mark()
        if not line.strip():
            continue
        place = Place(name, feed.number)
        try:
            value = decoder.decode(line)
        except (ValueError, RecursionError) as error:
            problems.add(
                place, f"not a JSON object ({_reason(error)})", "write one complete JSON object on each line"
            )
            continue
        value = unlisted(value, listed)
        if _is_row(value, place, limits, problems):
            yield Row(feed.number, value)


def parse_json_array(
    text: str, name: str, limits: Limits, problems: Problems, listed: Listed | None = None
) -> Iterator[Row]:
    """The elements of a JSON array, decoded one by one so that each has its line."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    position, line, counted_to = _skip_space(text, text.index("[") + 1), 1, 0
    while not text.startswith("]", position):
        line, counted_to = line + text.count("\n", counted_to, position), position
        place = Place(name, line)
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            problems.stop(
                place,
                f"not valid JSON ({_reason(error)})",
                "mend the array from there on, or write JSON lines",
            )
        value = unlisted(value, listed)
        if _is_row(value, place, limits, problems):
            yield Row(line, value)
        position = _skip_space(text, position)
        if text.startswith(",", position):
            position = _skip_space(text, position + 1)
            if text.startswith("]", position):
                problems.stop(place, "not valid JSON (a comma before ']')", "remove the comma")
        elif not text.startswith("]", position):
            found = (
                f"{quote(text[position])} instead of ',' or ']'"
                if position < len(text)
                else "the array is not closed"
            )
            problems.stop(
                place, f"not valid JSON ({found})", "the file may be cut off; write or upload it again"
            )
    if text[position + 1 :].strip():
        problems.stop(
            Place(name), "something follows the end of the JSON array", "keep one array, or write JSON lines"
        )


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]


def unlisted(value: Any, listed: Listed | None) -> Any:
    """The row that a value is: what ``listed`` makes of a list, anything else as it is."""
    row = listed(value) if listed is not None and isinstance(value, (list, tuple)) else None
    return value if row is None else row


def _is_row(value: object, place: Place, limits: Limits, problems: Problems) -> bool:
    if isinstance(value, dict) and len(value) > limits.columns:
        mend = "keep the text and the label"
        problems.stop(place, f"{len(value):,} keys; at most {limits.columns:,} are read", mend)
    if isinstance(value, (dict, str)):
        return True
    problems.add(
        place,
        f"{quote(value)} is no row; an object was expected",
        'write an object such as {"text": "...", "label": "..."}',
    )
    return False


Records = Iterator[tuple[int, list[str]]]


def read_records(feed: LineFeed, name: str, delimiter: str, limits: Limits, *, quoted: bool) -> Records:
    """Records of a delimited table with the line each starts on; blank lines do not count.

    Raises:
        DataError: Quoting is broken, or a record has too many columns.
    """
    # The module-wide limit of csv is 128 KiB a field; it is only ever raised, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), limits.record_chars))
    reader = csv.reader(
        feed, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    start = 1
    problems = Problems(1)
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            reason, mend = str(error), "double every quote inside a quoted field, and close each quote"
            if "unexpected end" in reason:
                reason, mend = (
                    "a quote opened here is never closed",
                    "close it; or the file is cut off, send it again",
                )
            problems.stop(Place(name, start), f"broken CSV: {reason}", mend)
        if record is None:
            return
        if len(record) > limits.columns:
            problems.stop(
                Place(name, start),
                f"{counted(len(record), 'column')}; at most {limits.columns:,} are read",
                "keep the text and the label column; a table of texts is expected, not of features",
            )
        if any(record):
            yield start, record
        feed.mark()
        start = feed.number + 1


def csv_delimiter(first_line: str) -> str:
    """Comma, unless the header has none and has semicolons (European spreadsheets) or tabs."""
    return next((mark for mark in (",", ";", "\t") if mark in first_line), ",")


HeaderGuess = Callable[[Sequence[Sequence[str]]], Sequence[str] | None]


def parse_table(records: Records, name: str, problems: Problems, guess: HeaderGuess) -> Iterator[Row]:
    """Rows of a delimited table.

    Args:
        records: Records, the header first.
        name: Name of the file for messages.
        problems: Takes rows with more cells than the header.
        guess: Gets the first records; returns column names if the first one is data and no header.
    """
    peeked = [record for _, record in zip(range(_PEEKED_RECORDS), records, strict=False)]
    if not peeked:
        return
    names = guess([cells for _, cells in peeked])
    body = peeked
    if names is None:
        names, body = [cell.strip("\ufeff \t") for cell in peeked[0][1]], peeked[1:]
        twice = [name for name in dict.fromkeys(names) if name and list(names).count(name) > 1]
        if twice:
            problems.stop(
                Place(name, peeked[0][0]), f"two columns are called {listing(twice)}", "rename one of them"
            )
    for part in (body, records):
        for line, cells in part:
            if len(cells) > len(names) and any(cells[len(names) :]):
                problems.add(
                    Place(name, line),
                    f"{counted(len(cells), 'cell')} in a table of {counted(len(names), 'column')}",
                    "put fields that hold the delimiter or a line end into double quotes",
                )
                continue
            yield Row(line, {**dict.fromkeys(names, ""), **dict(zip(names, cells, strict=False))})


def is_quoted(records: Records) -> bool:
    """Whether a tab-separated file reads as quoted throughout.

    Spreadsheets quote cells in TSV, most public data sets do not and hold stray quotes; a file in which
    quoting breaks anywhere is of the second kind.
    """
    try:
        for _ in records:
            pass
    except DataError:
        return False
    return True
