"""What people answered, brought into a task: pure functions over checked data, and the artifact that stages read.

Rows:

- The text of a ``label`` or ``confirm`` question and the row of a ``mark`` question become gold with origin ``answered``: the
  machine chose them, so they are no fair sample of what the user gave. They leave the pool.
- ``{"none": true}`` to a ``label`` question leaves the text out of gold and pool; in multi-label tasks it is a gold text
  without labels.
- ``mislabelled`` and ``mark`` of a gold row put the right answer in its place, or drop it. It keeps its origin.

The user's own word goes first: a text that the task has among its examples, or in its test, stays as it is there (a guessed or
answered one is replaced), and a row that was mended in the file since is left alone. Of several answers about one text the last
counts. What does not fit the task (any more) is left out, and every label keeps the least number of examples that training needs;
the task's notes say so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.core.blobs import storage_errors
from gts.core.errors import InvalidInput
from gts.orchestrator.questions import ALIKE, NOT_ALIKE, Question, QuestionKind
from gts.tasks.checking import MIN_EXAMPLES
from gts.tasks.dataset import Example, Origin
from gts.tasks.intake.pairs import pair_key
from gts.tasks.intake.testing import read_test_rows
from gts.tasks.rows import ROWS, MarkedRow, PairRow, Row
from gts.tasks.saving import AnyTask, load_any_task, save_any_task
from gts.tasks.source import RowSource
from gts.tasks.spec import TaskSpec
from gts.tasks.text import same_text_key
from gts.tasks.wording import counted, listing

AnyRow = Example | Row
Key = tuple[str, ...]
"""What two rows have in common that count as the same."""


def apply_answers(task: AnyTask, answers: Sequence[Question]) -> AnyTask:
    """A task with what people answered; the rules stand at the head of this file.

    A task whose examples are still to be guessed has none yet: answers wait until there are enough for examples of their
    own. Guessed examples (of a task after the stage that guesses) give way to answers about the same text.

    Args:
        task: The checked task, with or without its pool.
        answers: Answered questions, oldest first.
    """
    return _changed(task, _change_of(answers, task)) if answers else task


def put_answered(store: ArtifactStore, task: str, answers: Sequence[Question]) -> str:
    """Store a task with what people answered, for the stages and the test alike; the pool is never held in memory.

    Args:
        store: Artifacts.
        task: Digest of the task as it was submitted.
        answers: Answered questions, oldest first; without any, the task's own digest is the answer.

    Returns:
        The digest; the same answers give the same one, so that finished stages are found again.

    Raises:
        StorageError: The disk is full; nothing of it remains.
    """
    if not answers:
        return task
    source = store.path(task)
    data = load_any_task(source, with_pool=False)
    change = _change_of(answers, data)
    with store.workspace() as workspace:
        target = workspace / "task"
        with storage_errors("the task's data"):
            save_any_task(_changed(data, change), target)
            _copy_pool(source, target, data.spec.type, change.gone)
        return store.commit(target)


_PHRASES: Mapping[str, tuple[str, str]] = {
    "added": ("answer", "of people added to the examples"),
    "left_out": ("text", "left out, since people said that no label fits"),
    "mended": ("example", "corrected by people"),
    "dropped": ("example", "dropped, since people said that no label fits"),
    "own": ("answer", "of people left aside: your own examples or test texts have the text"),
    "kept": ("example", "kept as given, though people corrected it: its label would have too few"),
    "waiting": ("answer", f"of people wait: {MIN_EXAMPLES} for each label make examples of their own"),
    "unfit": ("answer", "of people left out, since this task has no such label or type"),
}
"""What may happen to an answer, in words; a number stands before them."""


@dataclass
class _Change:
    """What answers say of the rows of a task; later ones take the place of earlier ones."""

    added: dict[Key, AnyRow] = field(default_factory=dict)
    left_out: set[Key] = field(default_factory=set)
    mended: dict[Key, tuple[tuple[str, ...] | None, AnyRow | None]] = field(default_factory=dict)
    """Gold row to the labels that it had when it was asked about (None: whatever they are) and what takes its place."""
    descriptions: dict[str, str] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)

    def add(self, row: AnyRow) -> None:
        self.left_out.discard(_key(row))
        self.added[_key(row)] = row

    def leave_out(self, key: Key) -> None:
        self.added.pop(key, None)
        self.left_out.add(key)

    @property
    def gone(self) -> set[Key]:
        """The rows that leave the pool."""
        return {*self.added, *self.left_out}

    def notes(self) -> list[str]:
        """What was done, in words."""
        notes = [
            f"{counted(self.said[what], noun)} {rest}"
            for what, (noun, rest) in _PHRASES.items()
            if self.said[what]
        ]
        if self.descriptions:
            notes.append(f"people described {listing(self.descriptions)}")
        return notes


def _change_of(answers: Iterable[Question], task: AnyTask) -> _Change:
    change = _Change()
    for question in answers:
        try:
            _TAKEN[question.kind](change, question, question.answer or {}, task.spec)
        except InvalidInput:
            change.said["unfit"] += 1
    if not task.gold and not _are_enough(change.added.values(), task.spec):
        change.said["waiting"] = len(change.added)
        change.added.clear()
    return change


def _take_label(change: _Change, question: Question, answer: Mapping[str, Any], spec: TaskSpec) -> None:
    if "none" in answer and not spec.multi_label:
        change.leave_out(_key(_row(question.texts, (), spec)))
    else:
        change.add(_row(question.texts, answer.get("labels", ()), spec))


def _take_confirmation(
    change: _Change, question: Question, answer: Mapping[str, Any], spec: TaskSpec
) -> None:
    label = question.payload["label"]
    said = label if answer["yes"] else _other(label, spec)
    if said is not None:
        change.add(_row(question.texts, (said,), spec))


def _take_correction(change: _Change, question: Question, answer: Mapping[str, Any], spec: TaskSpec) -> None:
    given = tuple(question.payload["labels"])
    row = None if "none" in answer else _row(question.texts, answer["labels"], spec)
    change.mended[_key(_row(question.texts, (), spec))] = (given, row)


def _take_marks(change: _Change, question: Question, answer: Mapping[str, Any], spec: TaskSpec) -> None:
    if spec.type not in ROWS:
        raise _unfit("marks", spec)
    row = replace(
        read_test_rows(spec, RowSource([answer["row"]], "the answer")).rows[0], origin=Origin.ANSWERED
    )
    if question.origin == Origin.GOLD:
        change.mended[_key(row)] = (None, row)
    else:
        change.add(row)


def _take_description(change: _Change, question: Question, answer: Mapping[str, Any], spec: TaskSpec) -> None:
    known = {*spec.labels, *spec.entities, *spec.relations, *spec.events}
    if not known.issuperset(answer["descriptions"]):
        raise _unfit(listing(answer["descriptions"]), spec)
    change.descriptions.update(answer["descriptions"])


_TAKEN: Mapping[QuestionKind, Callable[[_Change, Question, Mapping[str, Any], TaskSpec], None]] = {
    QuestionKind.LABEL: _take_label,
    QuestionKind.CONFIRM: _take_confirmation,
    QuestionKind.DEFINE: _take_description,
    QuestionKind.MISLABELLED: _take_correction,
    QuestionKind.MARK: _take_marks,
}


def _row(texts: Sequence[str], labels: Sequence[str], spec: TaskSpec) -> AnyRow:
    """A labelled text, or a pair whose label is its score.

    Raises:
        InvalidInput: The task has no such label, or no texts with labels.
    """
    if spec.type == "similarity" and len(texts) == 2:
        return PairRow(texts[0], texts[1], _score(labels[0], spec) if labels else None, Origin.ANSWERED)
    if spec.type != "classification" or len(texts) != 1 or not set(labels) <= set(spec.labels):
        raise _unfit(listing(labels), spec)
    return Example(texts[0], tuple(labels), Origin.ANSWERED)


def _score(label: str, spec: TaskSpec) -> float:
    least, most = spec.scale or (0.0, 1.0)
    try:
        score = float(label)
    except ValueError as error:
        raise _unfit(label, spec) from error
    if not least <= score <= most or (spec.scale is None and score not in (0.0, 1.0)):
        raise _unfit(label, spec)
    return score


def _unfit(what: str, spec: TaskSpec) -> InvalidInput:
    return InvalidInput(f"the task {spec.name} has no {what}", mend="the answer is left out")


def _other(label: str, spec: TaskSpec) -> str | None:
    """The label of what does not have this one, where there are two."""
    names = (ALIKE, NOT_ALIKE) if spec.type == "similarity" else tuple(spec.labels)
    if spec.scale is not None or spec.multi_label or len(names) != 2 or label not in names:
        return None
    return names[1 - names.index(label)]


def _changed(task: AnyTask, change: _Change) -> AnyTask:
    gold = _corrected(_extended(task, change), task, change)
    change.said["left_out"] = len(change.left_out)
    spec, gone = _described(task.spec, change), change.gone
    changed: dict[str, Any] = {
        "spec": spec,
        "gold": tuple(gold),
        "pool": tuple(row for row in task.pool if key_of(row) not in gone),
        "notes": tuple(dict.fromkeys((*task.notes, *change.notes()))),
    }
    return replace(task, **changed)


def _extended(task: AnyTask, change: _Change) -> list[AnyRow]:
    """The examples with what was added; guessed and answered ones give way."""
    gold: list[AnyRow] = list(task.gold)
    tested, places = {_key(row) for row in task.test}, {_key(row): place for place, row in enumerate(gold)}
    for key, row in change.added.items():
        place = places.get(key)
        if key in tested or (place is not None and gold[place].origin == Origin.GOLD):
            change.said["own"] += 1
            continue
        change.said["added"] += 1
        if place is None:
            gold.append(row)
        else:
            gold[place] = row
    return gold


def _corrected(gold: Sequence[AnyRow], task: AnyTask, change: _Change) -> list[AnyRow]:
    """The examples with those put right that are still as they were when they were asked about."""
    numbers = Counter(name for row in gold for name in _names(row))
    kept: list[AnyRow] = []
    for old in gold:
        given, right = change.mended.get(_key(old), (None, old))
        new = None if right is None else replace(right, origin=old.origin)
        if new == old or (given is not None and set(_names(old)) != set(given)):
            kept.append(old)
            continue
        before, after = set(_names(old)), set(_names(new)) if new else set()
        if task.spec.scale is None and any(numbers[name] <= MIN_EXAMPLES for name in before - after):
            change.said["kept"] += 1
            kept.append(old)
            continue
        change.said["mended" if new else "dropped"] += 1
        numbers.subtract(before)
        numbers.update(after)
        if new is not None:
            kept.append(new)
    return kept


def _are_enough(rows: Iterable[AnyRow], spec: TaskSpec) -> bool:
    numbers = Counter(name for row in rows for name in _names(row))
    return all(numbers[label] >= MIN_EXAMPLES for label in spec.labels)


def _names(row: AnyRow) -> tuple[str, ...]:
    """The labels or types in a row, each once; of a pair its score, as :func:`_row` reads it."""
    if isinstance(row, Example):
        return row.labels
    if isinstance(row, PairRow):
        return () if row.score is None else (f"{row.score:g}",)
    if isinstance(row, MarkedRow) and row.found is not None:
        found = row.found
        types = {span.type for span in found.entities} | {one.type for one in found.relations}
        return tuple(sorted(types | {one.type for one in found.events}))
    return ()


def _key(row: AnyRow) -> Key:
    if isinstance(row, PairRow):
        return pair_key(row)
    if isinstance(row, MarkedRow):
        return (
            same_text_key(row.text),
            *(f"{span.start} {span.end} {span.type}" for span in sorted(row.given)),
        )
    return (same_text_key(row.text),)


def key_of(row: str | AnyRow) -> Key:
    """What a row, labelled or not, has in common with those that count as the same."""
    return (same_text_key(row),) if isinstance(row, str) else _key(row)


def _described(spec: TaskSpec, change: _Change) -> TaskSpec:
    """The task with what people said of its labels and types."""
    texts = change.descriptions
    changed: dict[str, Any] = {}
    if labels := {name: texts[name] for name in spec.labels if name in texts}:
        changed["labels"] = {**spec.labels, **labels}
    for name in ("entities", "relations", "events"):
        kinds: Mapping[str, Any] = getattr(spec, name)
        if kinds.keys() & texts.keys():
            changed[name] = {
                kind: {**value.model_dump(), **({"description": texts[kind]} if kind in texts else {})}
                for kind, value in kinds.items()
            }
    return spec.evolve(**changed) if changed else spec


def _copy_pool(source: Path, target: Path, task_type: str, gone: set[Key]) -> None:
    """Copy what is unlabelled, without the rows that people answered."""
    with (
        (source / "pool.jsonl").open(encoding="utf-8") as lines,
        (target / "pool.jsonl").open("w", encoding="utf-8") as kept,
    ):
        kept.writelines(line for line, key in keyed_lines(lines, task_type) if key not in gone)
    for file in source.iterdir():
        if not (target / file.name).exists() or file.name == "sentences.json":
            (target / file.name).write_bytes(file.read_bytes())


def keyed_lines(lines: Iterable[str], task_type: str) -> Iterator[tuple[str, Key]]:
    """The lines of a stored pool, each with :func:`key_of` its row."""
    for line in lines:
        value = json.loads(line)
        yield line, _key(ROWS[task_type].from_json(value)) if task_type in ROWS else key_of(value["text"])
