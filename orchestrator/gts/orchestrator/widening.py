"""Tasks that get more unlabelled rows than they were submitted with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import storage_errors
from gts.orchestrator.answered import Key, key_of, keyed_lines
from gts.tasks.dataset import Example, Origin
from gts.tasks.limits import DEFAULT_LIMITS
from gts.tasks.rows import MarkedRow, PairRow, Row, SummaryRow, texts_of
from gts.tasks.saving import copy_task, load_any_task
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span
from gts.tasks.text import clean_text, is_blank

PoolRow = str | Row
_POOL = "pool.jsonl"


def unseen_rows(store: ArtifactStore, task: str, rows: Sequence[Mapping[str, Any]]) -> dict[int, PoolRow]:
    """Which rows a task does not have yet, labelled, unlabelled or in its test; the pool is never held in memory.

    Args:
        store: Artifacts.
        task: Digest of the task.
        rows: Rows as students are asked; of those that count as the same the first is taken, and none without text.

    Returns:
        The number of each to the row as tasks have it.

    Raises:
        NotFound: Nothing is stored under the digest.
    """
    folder = store.path(task)
    data = load_any_task(folder, with_pool=False)
    found: dict[Key, tuple[int, PoolRow]] = {}
    for number, row in enumerate(rows):
        made = pool_row(row, data.spec)
        if made is not None:
            found.setdefault(key_of(made), (number, made))
    labelled = {_labelled_key(row) for row in (*data.gold, *data.test)}
    with (folder / _POOL).open(encoding="utf-8") as lines:
        for _, key in keyed_lines(lines, data.spec.type):
            found.pop(key, None)
    return {number: made for number, made in found.values() if _labelled_key(made) not in labelled}


def put_widened(
    store: ArtifactStore, task: str, rows: Sequence[PoolRow], *, picked: Sequence[PoolRow] = (), note: str
) -> str:
    """Store a task with more unlabelled rows, all else as it was.

    Args:
        store: Artifacts.
        task: Digest of the task.
        rows: The rows, a fair sample of those that the task is about.
        picked: Rows that were chosen for what they are.
        note: What it is told of them in the task's notes.

    Returns:
        The digest.

    Raises:
        NotFound: Nothing is stored under the digest.
        StorageError: The disk is full; nothing of it remains.
    """
    source = store.path(task)
    spec = load_any_task(source, with_pool=False).spec
    with store.workspace() as workspace:
        target = workspace / "task"
        with storage_errors("the task's data"):
            copy_task(source, target, spec, with_test=True)
            _append(target / _POOL, [*rows, *picked])
            document = json.loads((target / "task.json").read_text("utf-8"))
            document["notes"] = [*document["notes"], note]
            if picked:
                document["picked"] = document.get("picked", 0) + len(picked)
            (target / "task.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
        return store.commit(target)


def pool_row(row: Mapping[str, Any], spec: TaskSpec) -> PoolRow | None:
    """A row that a student was asked about as an unlabelled row of its task; None where it is none.

    Example:
        >>> pool_row({"text": " where is it? "}, TaskSpec(name="tickets"))
        'where is it?'
        >>> pool_row({"text": " "}, TaskSpec(name="tickets")) is None
        True
    """
    made: PoolRow
    if spec.type == "similarity":
        made = PairRow(clean_text(row["text_a"]), clean_text(row["text_b"]), None, Origin.POOL)
    elif spec.type == "summarization":
        made = SummaryRow(clean_text(row["text"]), None, Origin.POOL)
    elif spec.type == "classification":
        made = clean_text(row["text"])
    else:
        given = tuple(sorted({Span.from_json(span) for span in row.get("entities", ())}))
        if any(span.type not in spec.entities for span in given if spec.entities):
            return None
        made = MarkedRow(row["text"], None, given, Origin.POOL)
    texts = (made,) if isinstance(made, str) else texts_of(made)
    fits = all(not is_blank(text) and len(text) <= DEFAULT_LIMITS.text_chars for text in texts)
    return made if fits else None


def _labelled_key(row: PoolRow | Example) -> Key:
    """Marked texts count as the same whatever entities come with them."""
    key = key_of(row)
    return key[:1] if isinstance(row, MarkedRow) else key


def _append(path: Path, rows: Iterable[PoolRow]) -> None:
    """Write rows at the end of a stored pool."""
    lines = [
        {"text": row, "labels": [], "origin": Origin.POOL.value} if isinstance(row, str) else row.to_json()
        for row in rows
    ]
    with path.open("a", encoding="utf-8") as pool:
        pool.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
