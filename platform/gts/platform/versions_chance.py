"""Whether the difference between two students on the same rows is more than chance.

Shares of right answers are held against each other by the exact McNemar test: of the rows on which just one of the two is
right, how likely is so uneven a split if both were as good. Every other measure by a paired bootstrap: rows are drawn again
and again, and the difference of the measure is looked at each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import MissingDependency
from gts.core.extras import install_line
from gts.platform.versions_flips import Answers, nearness
from gts.tasks.measures import NAMES
from gts.tasks.structures import Structure

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest
    from gts.tasks.extraction_metrics import Kind

_LEVEL = 0.05
_RESAMPLES = 1000
_SEED = 0
_F1_OF: Mapping[str, Kind] = {
    "micro_f1": "entity",
    "triple_f1": "triple",
    "trigger_f1": "trigger",
    "argument_f1": "argument",
}
Rows = NDArray[np.int64]
Measure = Callable[[Rows], float]
"""A measure over some of the rows, which may come again."""


@dataclass(frozen=True)
class Chance:
    """What a paired test says.

    Attributes:
        metric: The measure.
        old: Of the one student.
        new: Of the other.
        test: ``mcnemar`` or ``bootstrap``; ``none`` where there are too few rows for either.
        is_beyond: Whether the difference is more than chance, at 5%.
        p: McNemar: how likely so uneven a split is by chance.
        gained: McNemar: rows that the other alone has right.
        lost: McNemar: rows that the one alone has right.
        low: Bootstrap: lower end of the 95% interval of the difference.
        high: Bootstrap: its upper end.
        n: Rows.
    """

    metric: str
    old: float
    new: float
    test: Literal["mcnemar", "bootstrap", "none"]
    is_beyond: bool
    n: int
    p: float | None = None
    gained: int | None = None
    lost: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def sentence(self) -> str:
        """It in one plain sentence.

        Example:
            >>> Chance("accuracy", 0.8, 0.9, "mcnemar", True, 100, p=0.002, gained=11, lost=1).sentence
            'accuracy rose from 0.800 to 0.900: 11 rows became right and 1 wrong, more than chance (exact McNemar test, p = 0.002)'
        """
        name = NAMES.get(self.metric, self.metric)
        if self.old == self.new:
            moved = f"{name} is {self.old:.3f} in both"
        else:
            moved = (
                f"{name} {'rose' if self.new > self.old else 'fell'} from {self.old:.3f} to {self.new:.3f}"
            )
        verdict = "more than chance" if self.is_beyond else "no more than chance may bring"
        if self.test == "mcnemar":
            return (
                f"{moved}: {self.gained} rows became right and {self.lost} wrong, {verdict} "
                f"(exact McNemar test, p = {self.p:.2g})"
            )
        if self.test == "bootstrap":
            return (
                f"{moved}: a difference between {self.low:+.3f} and {self.high:+.3f} with 95% confidence, {verdict} "
                "(paired bootstrap)"
            )
        return f"{moved}: {self.n} row is too few to tell it from chance"

    def as_json(self) -> dict[str, Any]:
        """As the API gives it."""
        return {**vars(self), "sentence": self.sentence}


def chance(
    student: StudentManifest,
    labels: Sequence[str],
    rows: Sequence[Any],
    old: Answers,
    new: Answers,
    metric: str,
) -> Chance:
    """Hold two students' answers about the same rows against each other.

    Args:
        student: What they are; the task type, ``multi_label`` and scale count.
        labels: Labels of a classification, those of both.
        rows: Labelled rows, at least one.
        old: What the one answered.
        new: What the other answered.
        metric: The measure; one of :func:`gts.platform.scoring.measures_of`.

    Raises:
        MissingDependency: SciPy is not installed.
    """
    measures = [measure_of(student, labels, rows, answers, metric) for answers in (old, new)]
    every = np.arange(len(rows))
    before, after = (measure(every) for measure in measures)
    if metric == "accuracy":
        right = [nearness(student, rows, answers) == 1 for answers in (old, new)]
        gained, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
        p = _mcnemar(gained, lost)
        return Chance(metric, before, after, "mcnemar", p < _LEVEL, len(rows), p=p, gained=gained, lost=lost)
    if len(rows) < 2:
        return Chance(metric, before, after, "none", False, len(rows))
    low, high = _bootstrap(len(rows), lambda chosen: measures[1](chosen) - measures[0](chosen))
    return Chance(metric, before, after, "bootstrap", low > 0 or high < 0, len(rows), low=low, high=high)


def measure_of(
    student: StudentManifest, labels: Sequence[str], rows: Sequence[Any], answers: Answers, metric: str
) -> Measure:
    """A measure of a student's answers as a function of which rows count."""
    if student.task.type == "classification":
        return _of_labels(student, labels, rows, answers, metric)
    if student.task.type == "similarity":
        return _of_pairs(rows, answers, metric)
    if student.task.type == "summarization":
        return _of_summaries(rows, answers, metric)
    return _of_structures(student, rows, answers, metric)


def _mcnemar(gained: int, lost: int) -> float:
    """Two-sided, exact."""
    return float(_stats().binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def _bootstrap(count: int, difference: Measure) -> tuple[float, float]:
    """95% percentile interval of a difference over rows; the same for the same rows."""
    found = _stats().bootstrap(
        (np.arange(count),),
        difference,
        n_resamples=_RESAMPLES,
        vectorized=False,
        confidence_level=1 - _LEVEL,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _stats() -> Any:
    try:
        from scipy import stats
    except ImportError as error:
        raise MissingDependency("SciPy is not installed", mend=install_line("platform")) from error
    return stats


def _of_labels(
    student: StudentManifest, labels: Sequence[str], rows: Sequence[Any], answers: Answers, metric: str
) -> Measure:
    from gts.tasks import metrics

    many = student.multi_label
    gold = metrics.encode(labels, [row.labels for row in rows], multi_label=many)
    said = metrics.encode(labels, [tuple(answer["labels"]) for answer in answers], multi_label=many)
    if metric == "accuracy":
        return lambda chosen: metrics.accuracy(gold[chosen], said[chosen])
    return lambda chosen: metrics.macro_f1(metrics.count(gold[chosen], said[chosen], len(labels)))


def _of_pairs(rows: Sequence[Any], answers: Answers, metric: str) -> Measure:
    from gts.tasks import similarity_metrics as measures

    gold, scores = np.array([row.score for row in rows]), np.array([answer["score"] for answer in answers])
    if metric == "spearman":
        return lambda chosen: measures.spearman(gold[chosen], scores[chosen])
    true, said = gold == 1, np.array([answer["alike"] for answer in answers], np.bool_)
    of = measures.accuracy if metric == "accuracy" else measures.f1
    return lambda chosen: of(true[chosen], said[chosen])


def _of_summaries(rows: Sequence[Any], answers: Answers, metric: str) -> Measure:
    from gts.tasks.rouge import Rouge, row_scores

    scores = row_scores([row.summary for row in rows], [str(said["summary"]) for said in answers])
    column = scores[:, Rouge._fields.index(metric)]
    return lambda chosen: float(column[chosen].mean())


def _of_structures(student: StudentManifest, rows: Sequence[Any], answers: Answers, metric: str) -> Measure:
    from gts.tasks.extraction_metrics import micro_f1, row_counts

    gold, said = [row.found for row in rows], [Structure.from_json(answer) for answer in answers]
    if metric in _F1_OF:
        counts = row_counts(gold, said, _F1_OF[metric])
        return lambda chosen: micro_f1(counts[chosen])
    kind: Kind = "entity" if student.task.type == "ner" else "triple"
    types = sorted(
        {
            one.type
            for found in (*gold, *said)
            for one in (found.entities if kind == "entity" else found.relations)
        }
    )
    per_type = [row_counts(gold, said, kind, without=set(types) - {name}) for name in types]

    def macro_f1(chosen: Rows) -> float:
        drawn = [counts[chosen] for counts in per_type]
        scores = [micro_f1(counts) for counts in drawn if counts.any()]
        return float(np.mean(scores)) if scores else 0.0

    return macro_f1
