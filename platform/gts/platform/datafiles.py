"""Reading files for predicting and evaluating: what a student is asked about, and what it should have said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.errors import DataError
from gts.tasks.checking import PlacedExample, RawExample, check_known, checked_examples, find_separator
from gts.tasks.columns import Columns, map_columns
from gts.tasks.limits import DEFAULT_LIMITS
from gts.tasks.problems import Place, Problems
from gts.tasks.reading import read_rows
from gts.tasks.source import FileSource, Source
from gts.tasks.text import clean_text

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest
    from gts.tasks.dataset import Example
    from gts.tasks.rows import Row


@dataclass(frozen=True)
class TextRow:
    """One text of a file.

    Attributes:
        text: The text, outer space trimmed.
        line: Its line (or row, in a table).
        label: The value of the label column, in a labelled file.
    """

    text: str
    line: int
    label: Any = None


def read_texts(path: Path, text_column: str | None = None) -> Iterator[TextRow]:
    """The texts of a file in any format a task can have, without holding it in memory.

    Raises:
        DataError: The file is missing, damaged, or a row of it has no text.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp(), "a.txt")
        >>> _ = file.write_text("hello\\nworld\\n")
        >>> [row.text for row in read_texts(file)]
        ['hello', 'world']
    """
    return _rows(FileSource(path), Columns(text=text_column), labelled=False)


def read_asked(
    path: Path, student: StudentManifest | None, text_column: str | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a file that a student is asked about, without holding the file in memory.

    Args:
        path: A file in any format a task can have.
        student: What the student is; None where nobody knows: then these are texts.
        text_column: Name of the text column; of pairs two, joined by ``+``.

    Raises:
        DataError: The file is missing, damaged, or a row of it is not what the student takes.
    """
    if student is None or student.task.type == "classification":
        return ({"text": row.text} for row in read_texts(path, text_column))
    from gts.tasks.intake.asking import read_asked_rows

    given = student.entities_given
    return read_asked_rows(student.task.type, path, entities_given=given, text_column=text_column)


@dataclass(frozen=True)
class LabelledFile:
    """What a test file holds.

    Attributes:
        rows: Its labelled rows, in its order.
        notes: What reading changed or noticed, in plain sentences for the person.
    """

    rows: Sequence[Example | Row]
    notes: tuple[str, ...] = ()

    def asked(self) -> list[dict[str, Any]]:
        """The rows without what they are labelled with, as a student takes them."""
        return [_asked(row) for row in self.rows]


def _asked(row: Any) -> dict[str, Any]:
    if hasattr(row, "text_a"):
        return {"text_a": row.text_a, "text_b": row.text_b}
    given = getattr(row, "given", ())
    return {"text": row.text} | ({"entities": [span.to_json() for span in given]} if given else {})


def read_test(source: Source, student: StudentManifest, columns: Columns | None = None) -> LabelledFile:
    """The labelled rows of a test file, or of anything else that holds such rows, checked against what a student knows.

    Raises:
        DataError: The file is missing or damaged, or a row is not one of the student's task.
    """
    columns = columns or Columns()
    if student.task.type == "classification":
        examples = read_labelled(
            source,
            student.labels,
            multi_label=student.multi_label,
            text_column=columns.text,
            label_column=columns.label,
        )
        return LabelledFile([placed.example for placed in examples])
    from gts.tasks.intake.testing import read_test_rows
    from gts.tasks.spec import TaskSpec

    schema, is_relation = student.looks_for, student.task.type == "relation"
    spec = TaskSpec(
        name="test",
        type=student.task.type,
        entities=schema.entities,
        relations=schema.relations,
        events=schema.events,
        entities_given=student.entities_given if is_relation else None,
        scale=student.scale,
    )
    found = read_test_rows(spec, source, columns)
    return LabelledFile(found.rows, found.notes)


def read_labelled(
    source: Source,
    labels: tuple[str, ...],
    *,
    multi_label: bool,
    text_column: str | None = None,
    label_column: str | None = None,
) -> list[PlacedExample]:
    """The labelled texts of a file, checked against known labels.

    Raises:
        DataError: The file is missing or damaged, a text or label is missing, or a label is not known.
    """
    columns = Columns(text=text_column, label=label_column)
    rows = [
        RawExample(Place(source.title, row.line), row.text, row.label)
        for row in _rows(source, columns, labelled=True, labels=labels)
    ]
    if not rows:
        raise DataError(f"{source.title} has no rows", mend="give labelled texts", file=source.title)
    problems, notes = Problems(DEFAULT_LIMITS.problems), list[str]()
    separator = find_separator(None, labels, rows, notes) if multi_label else None
    examples = checked_examples(
        rows,
        role="test",
        multi_label=multi_label,
        separator=separator,
        limits=DEFAULT_LIMITS,
        problems=problems,
    )
    check_known(examples, labels, "the model's labels", problems)
    problems.raise_if_any()
    return examples


def _rows(
    source: Source, columns: Columns, *, labelled: bool, labels: tuple[str, ...] = ()
) -> Iterator[TextRow]:
    problems = Problems(1)
    found: dict[tuple[str, ...], Any] = {}
    for row in read_rows(
        source,
        labelled=labelled,
        columns=columns,
        declared=labels,
        limits=DEFAULT_LIMITS,
        problems=problems,
        notes=[],
    ):
        line, values = row[0], row[1]
        if isinstance(values, str):
            yield TextRow(clean_text(values), line)
            continue
        keys = tuple(values)
        if keys not in found:
            try:
                found[keys] = map_columns(keys, columns, labelled=labelled)
            except DataError as error:
                message = f"{source.title}, line {line}: {error.message}"
                raise DataError(message, mend=error.mend, file=source.title, line=line) from error
        mapping = found[keys]
        yield TextRow(_text(values, mapping.text, source.title, line), line, values.get(mapping.label or ""))


def _text(values: Mapping[str, Any], names: tuple[str, ...], title: str, line: int) -> str:
    parts = [values.get(name) for name in names]
    if len(parts) == 1 and not isinstance(parts[0], str):
        raise DataError(
            f"{title}, line {line}: {names[0]!r} is no text",
            mend="put it into quotes",
            file=title,
            line=line,
        )
    return "\n".join(clean_text(part) for part in parts if isinstance(part, str))
