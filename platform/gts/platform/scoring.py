"""How right a student's answers are: the answers that users get, held against a test file.

Every type of task has the measures of :data:`gts.tasks.spec.METRICS` under those names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.errors import InvalidInput
from gts.tasks.spec import METRICS
from gts.tasks.structures import Structure

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest

Answers = Sequence[Mapping[str, Any]]


def measures_of(student: StudentManifest) -> tuple[str, ...]:
    """Names of the measures that a student's answers have, the one that decides by default first."""
    if student.task.type == "similarity" and student.scale is not None:
        return ("spearman",)
    return METRICS[student.task.type]


def check_metric(metric: str | None, student: StudentManifest) -> str:
    """The measure that decides: the one named, else the first that the student has.

    Raises:
        InvalidInput: The student's answers do not have it.
    """
    known = measures_of(student)
    if metric is not None and metric not in known:
        raise InvalidInput(
            f"the metric {metric!r} is none of a {student.task.type} model", mend=f"use {' or '.join(known)}"
        )
    return metric or known[0]


def score_answers(
    student: StudentManifest, rows: Sequence[Any], answers: Answers, metric: str | None = None
) -> dict[str, Any]:
    """All measures of a student's answers, ready for JSON.

    Args:
        student: What the student is.
        rows: Labelled rows: :class:`gts.tasks.dataset.Example` (classification), else those of
            :data:`gts.tasks.rows.ROWS`.
        answers: What the student's ``answer`` said of each.
        metric: The measure that decides; default: the first.

    Returns:
        ``metric``, the measures, ``n`` (rows), and by type of task ``per_label`` and ``confusions``
        (classification), ``per_type`` (ner, relation, event) and ``per_role`` (event), of which each entry has
        ``precision``, ``recall`` and ``f1``.

    Raises:
        InvalidInput: No row, unequal numbers, or a metric that the student does not have.
    """
    decides = check_metric(metric, student)
    if student.task.type == "classification":
        from gts.tasks.metrics import evaluate

        gold = [row.labels for row in rows]
        predicted = [tuple(answer["labels"]) for answer in answers]
        return evaluate(student.labels, gold, predicted, student.multi_label, metric=decides)
    found = _SCORES[student.task.type](student, rows, answers)
    kept = (*measures_of(student), "n", "per_type", "per_role")
    return {"metric": decides, **{name: found[name] for name in kept if name in found}}


def _similarity(student: StudentManifest, rows: Sequence[Any], answers: Answers) -> dict[str, Any]:
    from gts.tasks import similarity_metrics as measure

    scores = [answer["score"] for answer in answers]
    gold = [row.score for row in rows]
    order = {"spearman": measure.spearman(gold, scores), "n": len(gold)}
    if student.scale is not None:
        return order
    # What the student decided, not where its threshold lies: that is what users are told.
    true = np.asarray(gold) == 1
    said = np.array([answer["alike"] for answer in answers], np.bool_)
    return {"accuracy": measure.accuracy(true, said), "f1": measure.f1(true, said), **order}


def _structures(student: StudentManifest, rows: Sequence[Any], answers: Answers) -> dict[str, Any]:
    from gts.tasks import extraction_metrics as measure

    gold = [row.found for row in rows]
    told = [Structure.from_json(answer) for answer in answers]
    if student.task.type == "ner":
        return measure.evaluate_entities(gold, told)
    if student.task.type == "relation":
        return measure.evaluate_relations(gold, told)
    return measure.evaluate_events(gold, told)


def _summaries(student: StudentManifest, rows: Sequence[Any], answers: Answers) -> dict[str, Any]:
    from gts.tasks.rouge import evaluate

    return evaluate([row.summary for row in rows], [answer["summary"] for answer in answers])


_SCORES: Mapping[str, Callable[[StudentManifest, Sequence[Any], Answers], dict[str, Any]]] = {
    "similarity": _similarity,
    "ner": _structures,
    "relation": _structures,
    "event": _structures,
    "summarization": _summaries,
}
