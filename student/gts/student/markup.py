"""Names made by people, written so that they stay text in Markdown, HTML and tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@$^=])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SHOWN_CHARS = 200
_JOINERS = "\u200c\u200d"  # part of emoji and of words in several scripts


def plain(text: object) -> str:
    r"""A one-line Markdown fragment that shows ``text`` literally and nothing else.

    Line ends, control characters and marks that turn the direction of writing become spaces; what Markdown or HTML would read
    as markup is escaped; very long text is cut.

    Example:
        >>> plain("<b>*hot*</b>\n# x")
        '&lt;b&gt;\\*hot\\*&lt;/b&gt; \\# x'
    """
    seen = "".join(
        " " if unicodedata.category(char)[0] in "CZ" and char not in _JOINERS else char for char in str(text)
    )
    line = " ".join(seen.split())
    cut = line if len(line) <= _SHOWN_CHARS else f"{line[: _SHOWN_CHARS - 1]}…"
    return "".join(_HTML.get(char, char) for char in _MARKDOWN.sub(r"\\\1", cut))


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table of cells that are Markdown already; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
