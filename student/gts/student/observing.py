"""Rows and a student's answers measured in a few quantities, and the histograms of these that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gts.student.fast_tokens import encode
from gts.student.layout import StudentManifest
from gts.student.opening import open_student, texts_in
from gts.student.reference import Histogram, Reference
from gts.student.selective import FOUND, certainty_of
from gts.student.tokenizing import shared_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BINS: Final = 10
NO_LABEL: Final = ""
"""Stands for rows that get no label, or in which nothing is found."""
TEXT_QUANTITIES: Final = ("length", "tokens")
"""What is measured on a row's text alone."""

MOST_ROWS: Final = 1_000
_LEAST_ROWS, _MOST_CHARS = 100, 500_000  # a transformer reads that many characters in some seconds
_CHARS_TOKENISED = 2_000  # enough to see the script and the language of a text
_DIGITS = 6
_BATCH = 32

Floats = NDArray[np.float64]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Observed:
    """Rows in numbers.

    Attributes:
        rows: How many.
        values: Quantity to its value in each row that has one.
        labels: Label or type to rows, as in :class:`~gts.student.reference.Reference`; None where answers have none.
    """

    rows: int
    values: Mapping[str, Floats]
    labels: Mapping[str, float] | None


def reference_of(folder: Path, rows: Rows, *, learnt: bool, seed: int, threads: int = 1) -> Reference:
    """Show a student rows, and keep what it saw in numbers.

    Args:
        folder: A student folder.
        rows: The rows, as the student takes them, at least one; some of them are drawn where they are many.
        learnt: Whether it has learnt from them.
        seed: Says which are drawn.
        threads: Cores to use.

    Raises:
        NotFound: A file of the student is missing.
        InvalidInput: A row is not one of its task.
    """
    student = open_student(folder, threads=threads)
    drawn = draw(rows, seed)
    answers = [
        answer for at in range(0, len(drawn), _BATCH) for answer in student.answer(drawn[at : at + _BATCH])
    ]
    observed = observe(student.manifest, drawn, answers, shared_tokenizer(folder).tokenizer)
    if learnt:
        observed = _of_texts(observed, is_tokenizer_fitted=student.manifest.base_model is None)
    return refer(observed, learnt=learnt)


def draw(rows: Rows, seed: int) -> list[Mapping[str, Any]]:
    """A random part of rows: at most 1,000, fewer of long texts.

    Example:
        >>> len(draw([{"text": "x" * 10_000}] * 2_000, seed=1))
        100
    """
    order = np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS]
    drawn: list[Mapping[str, Any]] = []
    chars = 0
    for row in (rows[i] for i in order):
        chars += sum(map(len, texts_in(row)))
        if chars > _MOST_CHARS and len(drawn) >= _LEAST_ROWS:
            break
        drawn.append(row)
    return drawn


def observe(student: StudentManifest, rows: Rows, answers: Rows, tokenizer: Tokenizer | None) -> Observed:
    """Measure rows and what a student said of them.

    Args:
        student: What the student is.
        rows: What it was asked.
        answers: What it said, as its ``answer`` gives it.
        tokenizer: Its tokenizer; None: tokens are not counted.

    Returns:
        ``length`` (characters); ``tokens`` (for each character: scripts that the student does not know, and other languages,
        show there); ``confidence`` (see :func:`gts.student.selective.certainty_of`; classification and pairs that are decided); ``grade`` (pairs
        that are graded); ``findings`` (entities, relations or events in a text).
    """
    texts = ["\n".join(texts_in(row)) for row in rows]
    values: dict[str, list[float]] = {"length": [float(len(text)) for text in texts]}
    if tokenizer is not None:
        cut = [text[:_CHARS_TOKENISED] for text in texts if text]
        values["tokens"] = [len(encode(tokenizer, text)) / len(text) for text in cut]
    kind = student.task.type
    if kind in FOUND:
        values["findings"] = [float(len(answer[FOUND[kind]])) for answer in answers]
    elif kind == "similarity" and student.scale is not None:
        values["grade"] = [float(answer["score"]) for answer in answers]
    elif kind != "summarization":
        sure = (certainty_of(student, answer) for answer in answers)
        values["confidence"] = [value for value in sure if value is not None]
    return Observed(
        rows=len(rows),
        values={name: np.array(found) for name, found in values.items() if found},
        labels=_labels(student, answers),
    )


def refer(observed: Observed, *, learnt: bool = False) -> Reference:
    """The reference of rows that were measured; at least one.

    Example:
        >>> refer(Observed(4, {"length": np.array([1.0, 2, 2, 3])}, None)).histograms["length"].counts
        (0, 1, 0, 2, 0, 1, 0)
    """
    labels = observed.labels
    return Reference(
        rows=observed.rows,
        learnt=learnt,
        histograms={name: _histogram(name, found) for name, found in observed.values.items()},
        labels=None if labels is None else {label: round(rows, 3) for label, rows in labels.items()},
    )


def _of_texts(observed: Observed, *, is_tokenizer_fitted: bool) -> Observed:
    """What of the measures does not depend on whether the student has learnt from the rows.

    A tokenizer that was made of them cuts them into fewer tokens than others.
    """
    kept = ("length",) if is_tokenizer_fitted else TEXT_QUANTITIES
    return Observed(
        observed.rows, {name: found for name, found in observed.values.items() if name in kept}, None
    )


def counts_in(histogram: Histogram, values: Floats) -> NDArray[np.int64]:
    """How many values fall into each bin of a histogram."""
    bins = np.searchsorted(np.array(histogram.edges), np.round(values, _DIGITS), side="right")
    return np.bincount(bins, minlength=len(histogram.counts)).astype(np.int64)


def typical_of(quantity: str, values: Floats) -> float:
    """The median; of findings, of which many texts have none, the mean."""
    return float(values.mean() if quantity == "findings" else np.median(values))


def _labels(student: StudentManifest, answers: Rows) -> dict[str, float] | None:
    given = _given(student)
    if given is None:
        return None
    rows: dict[str, float] = {}
    for answer in answers:
        names = given(answer) or [NO_LABEL]
        for name in names:
            rows[name] = rows.get(name, 0.0) + 1 / len(names)
    return rows


def _given(student: StudentManifest) -> Callable[[Mapping[str, Any]], list[str]] | None:
    """What an answer gives a row: labels, types of what is found, or whether a pair is alike (``1``, ``0``)."""
    kind = student.task.type
    if kind == "classification":
        return lambda answer: list(answer["labels"])
    if kind == "similarity" and student.scale is None:
        return lambda answer: ["1" if answer["alike"] else "0"]
    if kind in FOUND:
        return lambda answer: [found["type"] for found in answer[FOUND[kind]] if "type" in found]
    return None


def _histogram(quantity: str, values: Floats) -> Histogram:
    values = np.round(values, _DIGITS)  # as edges are, so that one of the same value is met
    cuts = {float(cut) for cut in np.round(np.quantile(values, np.arange(1, BINS) / BINS), _DIGITS)}
    shared = {cut for cut in cuts if np.mean(values == cut) >= 1 / BINS}
    # A value that many rows share gets a bin of its own, so that what lies beyond it on either side is seen.
    edges = sorted({cut for cut in cuts if cut > 0} | {float(np.nextafter(cut, np.inf)) for cut in shared})
    made = Histogram(
        edges=tuple(edges),
        counts=(0,) * (len(edges) + 1),
        typical=round(typical_of(quantity, values), _DIGITS),
    )
    return made.model_copy(update={"counts": tuple(counts_in(made, values).tolist())})
