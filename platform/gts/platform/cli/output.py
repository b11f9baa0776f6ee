"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def write_json(value: Any) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def write_line(text: str) -> None:
    """One line on standard output as it is, for people and for pipes."""
    sys.stdout.write(text + "\n")


def stdout() -> Console:
    """Console for results."""
    from rich.console import Console

    return Console(highlight=False)


def stderr() -> Console:
    """Console for progress, logs and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str, *, spare: int = 0
) -> None:
    """A table on standard output, or one sentence when there is nothing in it.

    Args:
        columns: Headings. The first column names the thing: people copy it from there, so it is never broken.
        rows: Cells, as many as columns.
        empty: The sentence.
        spare: How many of the last columns may be left out on a narrow terminal. Where there are any, no cell is
            ever broken: rather than that, the table is wider than the terminal.
    """
    console = stdout()
    if not rows:
        console.print(empty)
        return
    if not spare:
        console.print(_table(columns, rows, whole=1))
        return
    roomy = console.options.update(max_width=sys.maxsize)
    for count in range(len(columns), len(columns) - spare - 1, -1):
        table = _table(columns[:count], [row[:count] for row in rows], whole=count)
        width = console.measure(table, options=roomy).maximum
        if width <= console.width:
            break
    console.width = max(console.width, width)
    console.print(table)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], whole: int) -> Table:
    """A table whose first ``whole`` columns stay on one line."""
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    headers = [Column(name, no_wrap=index < whole, overflow="fold") for index, name in enumerate(columns)]
    table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        # Text, not markup: names come from users and may hold brackets.
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    return table


_JOINERS = "\u200c\u200d"  # part of emoji and of words in several scripts


def plain(text: str) -> str:
    """Text without control characters, which could rewrite the terminal.

    Example:
        >>> plain("a\\x1b[31mb")
        'a?[31mb'
    """
    return "".join(char if char.isprintable() or char in _JOINERS else "?" for char in text)


def short_time(value: str | None) -> str:
    """An ISO time without what a person does not need.

    Example:
        >>> short_time("2030-01-02T03:04:05.678+00:00"), short_time(None)
        ('2030-01-02 03:04:05', '')
    """
    return value[:19].replace("T", " ") if value else ""
