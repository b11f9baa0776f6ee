"""Opening a published student of any task type: ``open_student(folder).answer(rows)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from gts.student.layout import StudentManifest, read_manifest
from gts.student.shared import Memory


class AnyStudent(Protocol):
    """A loaded student; safe to call from several threads."""

    @property
    def manifest(self) -> StudentManifest:
        """Its ``gts.json``."""
        ...

    @property
    def info(self) -> dict[str, Any]:
        """Facts about it as JSON values."""
        ...

    @property
    def memory(self) -> Memory:
        """What it takes now."""
        ...

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What it says of rows of its task, as JSON values.

        Raises:
            InvalidInput: A row is not of the form that its task type has.
        """
        ...


_LOADERS: Mapping[str, str] = {
    "classification": "gts.student.runtime:load_student",
    "similarity": "gts.student.pairs.runtime:load_pair_student",
    "ner": "gts.student.spans.runtime:load_span_student",
    "relation": "gts.student.spans.runtime:load_span_student",
    "event": "gts.student.spans.runtime:load_span_student",
    "summarization": "gts.student.summaries.runtime:load_summary_student",
}


def open_student(folder: Path, *, threads: int = 1) -> AnyStudent:
    """Load a student folder.

    Args:
        folder: A folder as ``gts produce`` writes it.
        threads: Cores that one call may use.

    Raises:
        NotFound: The folder or one of its files is missing.
        InvalidInput: It was written in a newer format.
        StorageError: A file is damaged, or the files do not fit together.
    """
    module, _, name = _LOADERS[read_manifest(folder).task.type].partition(":")
    load: Callable[..., AnyStudent] = getattr(import_module(module), name)
    return load(folder, threads=threads)


def texts_in(row: Mapping[str, Any]) -> list[str]:
    """The texts of a row of any task type, as far as it has any.

    Example:
        >>> texts_in({"text_a": "one", "text_b": "two", "entities": []})
        ['one', 'two']
    """
    return [row[key] for key in ("text", "text_a", "text_b") if isinstance(row.get(key), str)]
