"""Where data comes from: a file on disk, text pasted into a form, or rows sent as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FileSource:
    """A file on disk.

    Attributes:
        path: Where it lies.
        name: The name the user knows it by (an upload lies under another one); empty: the path's own.
            Its extension says the format.
    """

    path: Path
    name: str = ""

    @property
    def title(self) -> str:
        """The name for messages; an upload may be named with control characters, which are shown escaped."""
        name = self.name or self.path.name
        return name if name.isprintable() else repr(name)[1:-1]


@dataclass(frozen=True)
class TextSource:
    """Text that was pasted or sent: CSV, TSV, JSON lines, a JSON array, or (unlabelled) one text a line."""

    text: str
    name: str = "pasted text"

    @property
    def title(self) -> str:
        """The name for messages."""
        return self.name


@dataclass(frozen=True)
class RowSource:
    """Rows in memory: objects such as ``{"text": ..., "label": ...}``, or (unlabelled) strings."""

    rows: Sequence[Any]
    name: str = "rows"

    @property
    def title(self) -> str:
        """The name for messages."""
        return self.name


Source = FileSource | TextSource | RowSource
