"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


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


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table on standard output, or one sentence when there is nothing in it."""
    console = stdout()
    if not rows:
        console.print(empty)
        return
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    # The first column names the thing: people copy it from there, so it is never cut.
    headers = [Column(columns[0], no_wrap=True), *(Column(name, overflow="fold") for name in columns[1:])]
    table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        # Text, not markup: names come from users and may hold brackets.
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    console.print(table)


def plain(text: str) -> str:
    """Text without control characters, which could rewrite the terminal.

    Example:
        >>> plain("a\\x1b[31mb")
        'a?[31mb'
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def short_time(value: str | None) -> str:
    """An ISO time without what a person does not need.

    Example:
        >>> short_time("2030-01-02T03:04:05.678+00:00"), short_time(None)
        ('2030-01-02 03:04:05', '')
    """
    return value[:19].replace("T", " ") if value else ""
