"""The rows of a file that a student is to be asked about, one by one and without what they may be labelled with."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gts.tasks.columns import Columns
from gts.tasks.intake.extraction import entities_filled, marked_records, plain_rows_of
from gts.tasks.intake.faults import Fault
from gts.tasks.intake.fields import TEXT_NAMES, find_key, find_pair
from gts.tasks.intake.marks import annotated
from gts.tasks.intake.pairs import FORMS as PAIR_FORMS
from gts.tasks.intake.records import Desk, records
from gts.tasks.intake.summaries import FORMS as SUMMARY_FORMS
from gts.tasks.limits import DEFAULT_LIMITS, Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.source import FileSource
from gts.tasks.spec import TaskSpec, TaskType
from gts.tasks.text import clean_text
from gts.tasks.wording import listing, quote

_ROLE = "rows"
_HALF = re.compile("[\ud800-\udfff]")
# A file is read as it is answered: its length costs time and no memory.
_ENDLESS = replace(DEFAULT_LIMITS, rows=sys.maxsize, problems=1)


def read_asked_rows(
    task_type: TaskType,
    path: Path,
    *,
    entities_given: bool = False,
    text_column: str | None = None,
    limits: Limits = _ENDLESS,
) -> Iterator[dict[str, Any]]:
    """The rows of a file as a student takes them, read as they are asked for; an empty text is one too.

    Args:
        task_type: What the student does: any task type but classification.
        path: A file in any format that a task of this type may have, labelled or not.
        entities_given: Whether the student tells relations between given entities. Where a row has only
            relations, their heads and tails are those.
        text_column: Name of the text column; of pairs two, joined by ``+``.
        limits: Bounds on what is read.

    Yields:
        ``{"text_a", "text_b"}`` (similarity), ``{"text", "entities"}`` (given entities), else ``{"text"}``.

    Raises:
        DataError: The file is missing or damaged, or a row is not of this form; the message names it.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp(), "a.jsonl")
        >>> _ = file.write_text('{"question1": "who?", "question2": "when?", "label": 0}')
        >>> list(read_asked_rows("similarity", file))
        [{'text_a': 'who?', 'text_b': 'when?'}]
    """
    spec = TaskSpec(name="asked", type=task_type)
    desk = Desk(spec, Columns(text=text_column), limits, Problems(limits.problems))
    source = FileSource(path)
    if task_type == "similarity":
        found, read = records(desk, [source], _ROLE, PAIR_FORMS, labelled=False), _pair
    elif task_type == "summarization":
        found, read = records(desk, [source], _ROLE, SUMMARY_FORMS, labelled=False), _text
    else:
        found = marked_records(desk, [source], _ROLE, labelled=False)
        read = _with_entities if entities_given else _texts
    for record in found:
        try:
            yield from read(desk, *record)
        except Fault as fault:
            desk.refuse(record[0], fault)
    desk.problems.raise_if_any()


def _pair(desk: Desk, place: Place, values: Mapping[str, Any] | str) -> Iterator[dict[str, Any]]:
    mend = "call them text_a and text_b, or name them: text_column: first+second"
    if isinstance(values, str):
        texts: list[Any] = values.split("\t")
        if len(texts) != 2:
            raise Fault(
                f"{quote(values)} is a single text; a pair was expected", f"put a tab between; or {mend}"
            )
    else:
        keys = find_pair(tuple(values), desk.columns.text)
        if keys is None:
            raise Fault(f"the row has no two texts; its keys are {listing(values)}", mend)
        texts = [values[key] for key in keys]
    first, second = (clean_text(_string(text)) for text in texts)
    yield {"text_a": first, "text_b": second}


def _text(desk: Desk, place: Place, values: Mapping[str, Any] | str) -> Iterator[dict[str, Any]]:
    if isinstance(values, str):
        yield {"text": clean_text(values)}
        return
    keys = tuple(values)
    key = find_key(keys, TEXT_NAMES, desk.columns.text, "text")
    if key is None and len(keys) != 1:
        raise Fault(f"the row has no text; its keys are {listing(keys)}", "call it text, or name text_column")
    yield {"text": clean_text(_string(values[key or keys[0]]))}


def _texts(desk: Desk, place: Place, values: Mapping[str, Any] | str) -> Iterator[dict[str, Any]]:
    for row in plain_rows_of(desk, place, values, labelled=True):
        yield {"text": _whole(_string(row["text"]))}


def _with_entities(desk: Desk, place: Place, values: Mapping[str, Any] | str) -> Iterator[dict[str, Any]]:
    for row in plain_rows_of(desk, place, values, labelled=True):
        text = _whole(_string(row["text"]))
        if row.get("entities") is None and row.get("relations") is None:
            raise Fault(
                f"the text {quote(text)} has no entities; this model tells relations between given ones",
                'write {"text": "...", "entities": [{"start": 0, "end": 3}]}',
            )
        (found,) = entities_filled(desk, [annotated(row, text, place, desk.limits, desk.mended)], given=False)
        yield {"text": text, "entities": [span.to_json() for span in found.entities or ()]}


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault(f"the text is {quote(value)}; a string was expected", "put it into quotes")
    return value


def _whole(text: str) -> str:
    """A text whose halves of surrogate pairs, which cannot be written as UTF-8, are replaced one for one."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)
