"""Entrances for tasks: a task file on disk, and a task document over REST or from a web form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gts.core.errors import InvalidInput
from gts.tasks.building import Sources, build_task, may_guess
from gts.tasks.columns import Columns
from gts.tasks.decoding import open_bytes, undecodable
from gts.tasks.document import check_keys, columns_of, parse_document, spec_of
from gts.tasks.intake.building import build_row_task
from gts.tasks.limits import DEFAULT_LIMITS, Limits
from gts.tasks.saving import AnyTask
from gts.tasks.source import FileSource, RowSource, Source, TextSource
from gts.tasks.spec import TaskSpec
from gts.tasks.wording import quote

_ROW = {
    "classification": '{"text": "...", "label": "..."}',
    "similarity": '{"text_a": "...", "text_b": "...", "label": 1}',
    "ner": '{"text": "...", "entities": [{"start": 0, "end": 3, "type": "..."}]}',
    "relation": '{"text": "...", "relations": [{"type": "...", "head": {"start": 0, "end": 3}, '
    '"tail": {"start": 8, "end": 12}}]}',
    "event": '{"text": "...", "events": [{"type": "...", "trigger": {"start": 0, "end": 3}, "arguments": []}]}',
    "summarization": '{"text": "...", "summary": "..."}',
}
"""Task type to a row of its examples."""
_NEEDED = {
    "similarity": "at least two pairs that are alike and two that are not are needed",
    "summarization": "at least two texts with a summary are needed",
    "ner": "at least two texts for each entity type are needed",
    "relation": "at least two texts for each relation type are needed",
    "event": "at least two texts for each event type are needed",
}
_TASK_FILE_LIMITS = Limits(decompressed_bytes=4 << 20)
_FILE_NAME = re.compile(r"[^\n\r,;\t{}\[\]]+\.(csv|tsv|tab|jsonl|ndjson|json|parquet|pq|txt)(\.gz)?")


def load_task_file(
    path: Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> AnyTask:
    """Read ``task.yaml`` (or ``task.json``) and the data files it names.

    Args:
        path: The task file; paths in it are relative to its folder.
        text_column: Name of the text column; wins over the file's. In a similarity task two, joined by ``+``.
        label_column: Name of the column of the label, score, summary or marks; wins over the file's.
        limits: Bounds on the data.

    Returns:
        The checked data: ``TaskData`` of a classification task, ``RowTask`` of any other.

    Raises:
        InvalidInput: The task file is wrong.
        DataError: A file is missing or its data is wrong.
        TooLarge: A file is over a limit.
    """
    path = Path(path)
    name = path.name or str(path)
    with open_bytes(path, name, _TASK_FILE_LIMITS) as stream:
        raw = stream.read()
    try:
        document = parse_document(raw.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise undecodable(path, name, _TASK_FILE_LIMITS) from error
    check_keys(document)
    spec, columns = spec_of(document), columns_of(document)
    columns = replace(columns, text=text_column or columns.text, label=label_column or columns.label)
    examples = _files(document, "examples", path.parent)
    if examples is None and not may_guess(spec):
        raise _no_examples(spec, "`examples: labelled.csv`")
    unlabeled, test = _files(document, "unlabeled", path.parent), _files(document, "test", path.parent)
    return _built(spec, examples, unlabeled, test, columns, limits)


def load_task_document(
    document: Mapping[str, Any],
    *,
    examples: Sources | None = None,
    unlabeled: Sources | None = None,
    test: Sources | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> AnyTask:
    """Read a task that came as a JSON object or as form fields; the keys are those of the task file.

    The document's ``examples``, ``unlabeled`` and ``test`` are never taken for paths: a list holds rows
    (``{"text", "label"}``, ``{"text", "labels"}``, strings without labels, or the rows of the task's type), a
    string is the data itself as CSV, TSV, JSON lines, CoNLL or plain text. Form fields may be strings throughout
    and empty; ``labels`` and the types of extraction may then be one a line.

    Args:
        document: The task.
        examples: Uploaded files; they win over the document's.
        unlabeled: The same for the unlabelled texts.
        test: The same for the test.
        limits: Bounds on the data.

    Returns:
        The checked data: ``TaskData`` of a classification task, ``RowTask`` of any other.

    Raises:
        InvalidInput: The document or its data is wrong (see :func:`build_task`).

    Example:
        >>> rows = [{"text": t, "label": t[0]} for t in ("a 1", "a 2", "b 1", "b 2")]
        >>> load_task_document({"name": "demo", "examples": rows}).labels
        ('a', 'b')
    """
    check_keys(document)
    spec, columns = spec_of(document), columns_of(document)
    found = examples if examples is not None else _inline(document, "examples")
    if found is None and not may_guess(spec):
        raise _no_examples(spec, f'`"examples": [{_ROW[spec.type]}]`, paste some, or upload a file')
    return _built(
        spec,
        found,
        unlabeled if unlabeled is not None else _inline(document, "unlabeled"),
        test if test is not None else _inline(document, "test"),
        columns,
        limits,
    )


def _built(
    spec: TaskSpec,
    examples: Sources | None,
    unlabeled: Sources | None,
    test: Sources | None,
    columns: Columns,
    limits: Limits,
) -> AnyTask:
    if spec.type == "classification":
        return build_task(spec, examples, unlabeled, test, columns, limits=limits)
    return build_row_task(spec, examples or [], unlabeled, test, columns, limits=limits)


def _no_examples(spec: TaskSpec, how: str) -> InvalidInput:
    return InvalidInput(
        f"the task has no examples; {_NEEDED.get(spec.type, 'at least two labelled texts for each label are needed')}",
        mend=f"give {how}",
        field="examples",
    )


def _files(document: Mapping[str, Any], key: str, folder: Path) -> list[Source] | None:
    value = document.get(key)
    if value is None or value == "":
        return None
    paths = value if isinstance(value, list) else [value]
    if not paths or not all(isinstance(path, str) and path and "\0" not in path for path in paths):
        raise InvalidInput(
            f"{key} is {quote(value)}, expected: the path of a file, or a list of paths",
            mend=f"write `{key}: file.csv`; the path is relative to the task file",
            field=key,
        )
    return [FileSource(folder / path, path) for path in paths]


def _inline(document: Mapping[str, Any], key: str) -> Source | None:
    value = document.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, list):
        return RowSource(value, key)
    if not isinstance(value, str):
        raise InvalidInput(
            f"{key} is {quote(value)}, expected: a list of rows, or the text of a CSV or JSON lines file",
            mend='send [{"text": "...", "label": "..."}]',
            field=key,
        )
    if _FILE_NAME.fullmatch(value.strip()):
        raise InvalidInput(
            f"{key} is {quote(value)}, which looks like the name of a file; files on the server are not read",
            mend="send the rows or the content of the file, or upload it as multipart form data",
            field=key,
        )
    return TextSource(value, key)
