"""The values that flow: examples, the checked data of one task, and their file form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gts.core.errors import DataError
from gts.tasks.spec import TaskSpec


class Origin(StrEnum):
    """Where an example comes from."""

    GOLD = "gold"
    POOL = "pool"
    GENERATED = "generated"
    ANSWERED = "answered"
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True)
class Example:
    """One text with its labels.

    Attributes:
        text: The text as the user gave it (line ends and outer space trimmed).
        labels: Label names; exactly one for single-label tasks, any number for multi-label ones.
        origin: Where it comes from.
    """

    text: str
    labels: tuple[str, ...] = ()
    origin: Origin = Origin.GOLD


def fair_sample(origins: Iterable[Origin]) -> list[int]:
    """Rows by which a student can be judged: not those that the machine chose to ask about, which are harder than most.

    All of them where there are no others.

    Example:
        >>> fair_sample([Origin.GOLD, Origin.ANSWERED, Origin.GOLD])
        [0, 2]
    """
    known = list(origins)
    return [i for i, origin in enumerate(known) if origin != Origin.ANSWERED] or list(range(len(known)))


@dataclass(frozen=True)
class TaskData:
    """A task whose data has been read and checked; every later stage trusts it.

    Attributes:
        spec: The task, with ``labels``, ``multi_label`` and ``language`` filled in.
        gold: The user's labelled examples.
        pool: The user's unlabelled texts, without duplicates and without gold or test texts.
        test: The user's test examples; never seen by any training.
        notes: What reading changed or noticed, in plain sentences for the person.
        picked: How many texts at the end of the pool were chosen, so that they are no fair sample of it.
    """

    spec: TaskSpec
    gold: tuple[Example, ...]
    pool: tuple[str, ...] = ()
    test: tuple[Example, ...] = ()
    notes: tuple[str, ...] = field(default=())
    picked: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in their fixed order; position is the class index everywhere."""
        return tuple(self.spec.labels)

    @property
    def is_guessed(self) -> bool:
        """Whether its examples were guessed."""
        return any(example.origin == Origin.GUESSED for example in self.gold)

    @property
    def multi_label(self) -> bool:
        """Whether a text may carry several labels."""
        return bool(self.spec.multi_label)


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Write examples as JSON lines ``{"text", "labels", "origin"}``."""
    with path.open("w", encoding="utf-8") as handle:
        for example in examples:
            row = {"text": example.text, "labels": list(example.labels), "origin": example.origin.value}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_examples(path: Path) -> Iterator[Example]:
    """Read what :func:`write_examples` wrote."""
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            row = json.loads(line)
            yield Example(row["text"], tuple(row["labels"]), Origin(row["origin"]))


def save_task(data: TaskData, folder: Path) -> None:
    """Write a checked task into a folder: ``task.json``, ``gold.jsonl``, ``pool.jsonl``, ``test.jsonl``."""
    folder.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"spec": data.spec.model_dump(mode="json"), "notes": list(data.notes)}
    if data.picked:
        document["picked"] = data.picked
    (folder / "task.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    write_examples(folder / "gold.jsonl", data.gold)
    write_examples(folder / "pool.jsonl", (Example(text, (), Origin.POOL) for text in data.pool))
    write_examples(folder / "test.jsonl", data.test)


def load_task(folder: Path, with_pool: bool = True) -> TaskData:
    """Read what :func:`save_task` wrote.

    Args:
        folder: The folder.
        with_pool: Whether to read the unlabelled texts, which may be many.

    Raises:
        DataError: The folder does not hold a saved task.
    """
    try:
        document = json.loads((folder / "task.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{folder.name} holds no task.json", mend="submit the task again") from error
    return TaskData(
        spec=TaskSpec.model_validate(document["spec"]),
        gold=tuple(read_examples(folder / "gold.jsonl")),
        pool=tuple(example.text for example in read_examples(folder / "pool.jsonl")) if with_pool else (),
        test=tuple(read_examples(folder / "test.jsonl")),
        notes=tuple(document["notes"]),
        picked=document.get("picked", 0),
    )
