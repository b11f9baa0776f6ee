"""The rows of all task types but classification, the checked data of such a task, and their file form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gts.core.errors import DataError
from gts.tasks.dataset import Origin
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span, Structure


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two texts, and how alike they are.

    Attributes:
        text_a: One text.
        text_b: The other.
        score: 0 or 1, or a grade on the task's scale; ``None`` where unlabelled.
        origin: Where the row comes from.
    """

    text_a: str
    text_b: str
    score: float | None = None
    origin: Origin = Origin.GOLD

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "text_a": self.text_a,
            "text_b": self.text_b,
            "score": self.score,
            "origin": self.origin.value,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PairRow:
        """What :meth:`to_json` wrote."""
        return cls(value["text_a"], value["text_b"], value["score"], Origin(value["origin"]))


@dataclass(frozen=True, slots=True)
class MarkedRow:
    """A text, and what is to be found in it.

    Attributes:
        text: The text, character for character as the user gave it.
        found: What there is in it; ``None`` where unlabelled.
        given: Entities that come with the text, in relation tasks where they are not to be found.
        origin: Where the row comes from.
    """

    text: str
    found: Structure | None = None
    given: tuple[Span, ...] = ()
    origin: Origin = Origin.GOLD

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "text": self.text,
            "found": None if self.found is None else self.found.to_json(),
            "given": [span.to_json() for span in self.given],
            "origin": self.origin.value,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MarkedRow:
        """What :meth:`to_json` wrote."""
        found = None if value["found"] is None else Structure.from_json(value["found"])
        given = tuple(Span.from_json(span) for span in value["given"])
        return cls(value["text"], found, given, Origin(value["origin"]))


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A text and its summary.

    Attributes:
        text: The text.
        summary: Its summary; ``None`` where there is none.
        origin: Where the row comes from.
    """

    text: str
    summary: str | None = None
    origin: Origin = Origin.GOLD

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {"text": self.text, "summary": self.summary, "origin": self.origin.value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SummaryRow:
        """What :meth:`to_json` wrote."""
        return cls(value["text"], value["summary"], Origin(value["origin"]))


Row = PairRow | MarkedRow | SummaryRow


def texts_of(row: Row) -> tuple[str, ...]:
    """The texts of a row that are to be read: both of a pair, without the summary of a text."""
    return (row.text_a, row.text_b) if isinstance(row, PairRow) else (row.text,)


ROWS: Mapping[str, type[PairRow | MarkedRow | SummaryRow]] = {
    "similarity": PairRow,
    "ner": MarkedRow,
    "relation": MarkedRow,
    "event": MarkedRow,
    "summarization": SummaryRow,
}
"""Task type to the class of its rows."""


_SENTENCES = "sentences.json"


@dataclass(frozen=True)
class RowTask:
    """A task whose data has been read and checked; every later stage trusts it.

    Attributes:
        spec: The task, with its types, scale and language filled in.
        gold: The user's labelled rows.
        pool: The user's unlabelled rows, without duplicates and without those of gold or test.
        test: The user's test rows; never seen by any training.
        sentences: Unlabelled single texts of a similarity task, of which pairs can be made.
        picked: How many rows at the end of the pool were made or chosen, so that they are no fair sample of it.
        notes: What reading changed or noticed, in plain sentences for the person.
    """

    spec: TaskSpec
    gold: tuple[Any, ...]
    pool: tuple[Any, ...] = ()
    test: tuple[Any, ...] = ()
    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    picked: int = 0


def has_sentences(folder: Path) -> bool:
    """Whether a saved task has single texts, without reading them."""
    return (folder / _SENTENCES).stat().st_size > len("[]")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines."""
    with path.open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(row.to_json(), ensure_ascii=False) + "\n")


def read_rows(path: Path, task_type: str) -> Iterator[Any]:
    """Read what :func:`write_rows` wrote."""
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            yield ROWS[task_type].from_json(json.loads(line))


def save_row_task(data: RowTask, folder: Path) -> None:
    """Write a checked task into a folder: ``task.json``, ``gold.jsonl``, ``pool.jsonl``, ``test.jsonl``, ``sentences.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"spec": data.spec.model_dump(mode="json"), "notes": list(data.notes)}
    if data.picked:
        document["picked"] = data.picked
    (folder / "task.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    for name in ("gold", "pool", "test"):
        write_rows(folder / f"{name}.jsonl", getattr(data, name))
    (folder / _SENTENCES).write_text(json.dumps(data.sentences, ensure_ascii=False), "utf-8")


def load_row_task(folder: Path, with_pool: bool = True) -> RowTask:
    """Read what :func:`save_row_task` wrote.

    Args:
        folder: The folder.
        with_pool: Whether to read the unlabelled rows and single texts, which may be many.

    Raises:
        DataError: The folder does not hold a saved task.
    """
    try:
        document = json.loads((folder / "task.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{folder.name} holds no task.json", mend="submit the task again") from error
    spec = TaskSpec.model_validate(document["spec"])
    gold, test = (tuple(read_rows(folder / f"{name}.jsonl", spec.type)) for name in ("gold", "test"))
    pool, sentences = (), ()
    if with_pool:
        pool = tuple(read_rows(folder / "pool.jsonl", spec.type))
        sentences = tuple(json.loads((folder / _SENTENCES).read_text("utf-8")))
    return RowTask(spec, gold, pool, test, sentences, tuple(document["notes"]), document.get("picked", 0))
