"""Which answers differ between two students of one task type, and which of the two is nearer to what was wanted.

What it means that an answer flipped:

- classification: another set of labels.
- similarity: alike became not alike or the reverse; of grades, more than a twentieth of the scale between them.
- ner: another set of entities (place and type). relation: another set of triples. event: another set of triggers or of
  arguments. As the measures count them: see :mod:`gts.tasks.extraction_metrics`.
- summarization: another text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks.structures import Structure

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest
    from gts.tasks.extraction_metrics import Kind

Answers = Sequence[Mapping[str, Any]]
_SCALE_SHARE = 1 / 20
_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "ner": ("entity",),
    "relation": ("triple",),
    "event": ("trigger", "argument"),
}


class Verdict(StrEnum):
    """What became of a row whose answer flipped."""

    BETTER = "better"  # the new answer is nearer to what was wanted
    WORSE = "worse"
    OTHER = "other"  # both are as far from it


def flipped(student: StudentManifest, old: Answers, new: Answers) -> NDArray[np.bool_]:
    """Whether each answer differs [n].

    Args:
        student: What the students are; their task type and scale count.
        old: What one of them answered.
        new: What the other answered.
    """
    task_type = student.task.type
    if task_type in _KINDS:
        counts = _counts(task_type, _structures(old), _structures(new))
        differs: NDArray[np.bool_] = (counts[:, 0] != counts[:, 1]) | (counts[:, 0] != counts[:, 2])
        return differs
    return np.array([_differ(student, *pair) for pair in zip(old, new, strict=True)], np.bool_)


def nearness(student: StudentManifest, rows: Sequence[Any], answers: Answers) -> NDArray[np.float64]:
    """How near each answer is to what was wanted [n], 1 where it is just that.

    Of labels and decisions 0 or 1, of grades by the scale, of what is found in a text the F1 of that text, of a summary
    its ROUGE-1.

    Args:
        student: What the student is.
        rows: Labelled rows of its task.
        answers: What it answered.
    """
    task_type = student.task.type
    if task_type in _KINDS:
        right, found, wanted = _counts(task_type, [row.found for row in rows], _structures(answers)).T
        total = found + wanted
        scores = np.ones(len(total))
        np.divide(2 * right, total, out=scores, where=total > 0)
        return scores
    if task_type == "summarization":
        from gts.tasks.rouge import row_scores

        return row_scores([row.summary for row in rows], [str(said["summary"]) for said in answers])[:, 0]
    pairs = zip(rows, answers, strict=True)
    if task_type == "classification":
        return np.array([set(row.labels) == set(said["labels"]) for row, said in pairs], np.float64)
    if student.scale is None:
        return np.array([(row.score == 1) == said["alike"] for row, said in pairs], np.float64)
    low, high = student.scale
    return np.array([1 - abs(row.score - said["score"]) / (high - low) for row, said in pairs], np.float64)


def verdicts(
    differs: NDArray[np.bool_], old: NDArray[np.float64], new: NDArray[np.float64]
) -> list[Verdict | None]:
    """What became of each row; ``None`` where the answer is the same.

    Example:
        >>> verdicts(np.array([True, True, False]), np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0]))
        [<Verdict.BETTER: 'better'>, <Verdict.WORSE: 'worse'>, None]
    """
    return [
        None
        if not flip
        else Verdict.BETTER
        if after > before
        else Verdict.WORSE
        if after < before
        else Verdict.OTHER
        for flip, before, after in zip(differs, old, new, strict=True)
    ]


def _differ(student: StudentManifest, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if student.task.type == "classification":
        return set(old["labels"]) != set(new["labels"])
    if student.task.type == "summarization":
        return bool(old["summary"] != new["summary"])
    if student.scale is None:
        return bool(old["alike"] != new["alike"])
    low, high = student.scale
    return bool(abs(old["score"] - new["score"]) > _SCALE_SHARE * (high - low))


def _structures(answers: Answers) -> list[Structure]:
    return [Structure.from_json(answer) for answer in answers]


def _counts(task_type: str, wanted: Sequence[Structure], found: Sequence[Structure]) -> NDArray[np.int64]:
    """Right, found and wanted things of each row [n, 3]."""
    from gts.tasks.extraction_metrics import row_counts

    total: NDArray[np.int64] = sum(
        (row_counts(wanted, found, kind) for kind in _KINDS[task_type]),
        start=np.zeros((len(wanted), 3), np.int64),
    )
    return total


def in_words(said: Mapping[str, Any], say: Callable[[str], str] = str) -> str:
    """An answer, or what was wanted in its place, in one line.

    Args:
        said: An answer as :meth:`gts.student.opening.AnyStudent.answer` gives it, or a label in that form.
        say: Translates what is not of the model.

    Example:
        >>> ada = {"start": 0, "end": 3, "type": "person", "text": "Ada"}
        >>> in_words({"labels": ["glad"]}), in_words({"entities": [ada]}), in_words({"score": 0.9, "alike": True})
        ('glad', 'Ada (person)', 'alike')
    """
    if "labels" in said:
        return ", ".join(said["labels"]) or say("no label")
    if said.get("alike") is not None:
        return say("alike") if said["alike"] else say("not alike")
    if "score" in said:
        return f"{said['score']:.3g}"
    if "summary" in said:
        return str(said["summary"])
    if "relations" in said:
        found = [_triple(one) for one in said["relations"]]
    elif "events" in said:
        found = [_event(one) for one in said["events"]]
    else:
        found = [_entity(one) for one in said["entities"]]
    return "; ".join(found) or say("nothing")


def _entity(found: Mapping[str, Any]) -> str:
    return f"{found['text']} ({found['type']})" if found.get("type") else str(found["text"])


def _triple(found: Mapping[str, Any]) -> str:
    return f"{found['head']['text']} → {found['type']} → {found['tail']['text']}"


def _event(found: Mapping[str, Any]) -> str:
    parts = ", ".join(f"{part['role']}: {part['text']}" for part in found["arguments"])
    return f"{found['type']}: {found['trigger']['text']}" + (f" ({parts})" if parts else "")
