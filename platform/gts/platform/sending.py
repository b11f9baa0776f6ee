"""What clients send: a task with its data files or as JSON, and the rows that a model is asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.errors import InvalidInput
from gts.tasks.row_forms import as_given
from gts.tasks.rows import RowTask

if TYPE_CHECKING:
    from gts.tasks.saving import AnyTask

_ROLES = ("examples", "unlabeled", "test")


@contextmanager
def task_files(path: Path, columns: Mapping[str, str]) -> Iterator[list[tuple[str, tuple[str, Any]]]]:
    """The parts of a form that holds a task file and its data files, which are open within the block.

    Args:
        path: The task file.
        columns: Names of columns, which win over the file's.

    Raises:
        InvalidInput: The task file, or one that it names, cannot be read.
    """
    document = {**read_task_document(path), **columns}
    with ExitStack() as stack:
        files: list[tuple[str, tuple[str, Any]]] = []
        for role in _ROLES:
            named = document.pop(role, None) or []
            for value in [named] if isinstance(named, str) else named:
                source = path.parent / str(value)
                try:
                    files.append((role, (source.name, stack.enter_context(source.open("rb")))))
                except OSError as error:
                    raise InvalidInput(
                        f"{path.name} names {str(value)!r} as {role}, which cannot be read: {error.strerror}",
                        mend=f"paths are relative to the task file: {source} was looked for",
                        file=str(source),
                    ) from error
        files.append(("task", ("task.json", json.dumps(document).encode())))
        yield files


def task_body(task: AnyTask) -> dict[str, Any]:
    """Checked data as the JSON body of a submission."""
    spec = task.spec.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    if isinstance(task, RowTask):
        groups = {"examples": task.gold, "unlabeled": [*task.pool, *task.sentences], "test": task.test}
        rows_of = {
            key: [row if isinstance(row, str) else as_given(row, task.spec.type) for row in rows]
            for key, rows in groups.items()
            if rows
        }
        return {**spec, **rows_of}
    many = task.multi_label

    def rows(examples: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {"text": example.text, "labels": list(example.labels)}
            if many
            else {"text": example.text, "label": example.labels[0]}
            for example in examples
        ]

    body = {**spec, "examples": rows(task.gold)}
    if task.pool:
        body["unlabeled"] = list(task.pool)
    if task.test:
        body["test"] = rows(task.test)
    return body


def asked_body(rows: Sequence[str | Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON body of a prediction.

    Args:
        rows: Texts, or rows of the model's task; a text among rows counts as ``{"text"}``.

    Raises:
        InvalidInput: It is no list of these.

    Example:
        >>> asked_body(["Ada wrote"]), asked_body([{"text_a": "who?", "text_b": "when?"}])
        ({'texts': ['Ada wrote']}, {'rows': [{'text_a': 'who?', 'text_b': 'when?'}]})
    """
    if isinstance(rows, str | Mapping):
        raise InvalidInput(
            f"one {'text' if isinstance(rows, str) else 'row'} was given where a list of them was expected",
            mend="put it into brackets: [...]",
        )
    given = list(rows)
    strange = [type(row).__name__ for row in given if not isinstance(row, str | Mapping)]
    if strange:
        raise InvalidInput(
            f"a row is {strange[0]}; a text or a mapping was expected",
            mend='give texts, or rows such as {"text_a": "...", "text_b": "..."}',
        )
    if all(isinstance(row, str) for row in given):
        return {"texts": given}
    return {"rows": [{"text": row} if isinstance(row, str) else dict(row) for row in given]}


def read_task_document(path: Path) -> dict[str, Any]:
    """A task file as a mapping, its values unchecked.

    Raises:
        InvalidInput: It is not there or not YAML with a mapping at the top.
    """
    from gts.tasks.document import parse_document

    try:
        return parse_document(path.read_text("utf-8-sig"), path.name)
    except OSError as error:
        raise InvalidInput(
            f"the task file {path} cannot be read: {error.strerror}", mend="give the path of a task.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8", mend="save it as UTF-8") from error
