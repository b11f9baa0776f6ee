"""How good extracts are, and how long they had best be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from statistics import median_low

import numpy as np

from gts.orchestrator.crafts.protocol import Decision, Judgement
from gts.orchestrator.estimate import CONFIDENCE
from gts.student.summaries.choosing import Choice, choose, summary
from gts.tasks import rouge
from gts.tasks.gains import gains
from gts.tasks.pieces import UNITS, Cut, cut
from gts.tasks.rows import SummaryRow
from gts.tasks.sentences import sentences
from gts.tasks.spec import SummaryLength, TaskSpec

Scores = Sequence[float]

_CACHE = 1 << 15
_SEARCHED = 120
"""Rows on which the best choice is searched for; more tell hardly more, and take as much longer."""
_SENTENCES, _CHARACTERS = (1, 2, 3), (1.0, 1.5, 2.0)
"""Multiples of the usual length that are tried where nobody asked for another."""
_DRAWS = 1000

cut_of = lru_cache(_CACHE)(cut)
"""A text cut; the same text is cut once."""


@lru_cache(_CACHE)
def gains_of(text: str, reference: str) -> tuple[float, ...]:
    """What the pieces of a text are worth to its summary."""
    return tuple(gains(cut_of(text), reference))


_rouge = lru_cache(8 * _CACHE)(rouge.rouge)


def judge_extracts(
    spec: TaskSpec,
    gold: Sequence[SummaryRow],
    rows: Sequence[SummaryRow],
    scores: Sequence[Scores],
    decisions: Sequence[Decision],
) -> Judgement:
    """Measure the extracts that scores give.

    Args:
        spec: The task.
        gold: All its gold rows: how long summaries usually are.
        rows: Rows with summaries.
        scores: For each of these, one score for each piece of its text.
        decisions: For each row, how scores become an extract, as numbers (see :meth:`Choice.to_json`).

    Returns:
        ``measures`` holds ``rouge1``, ``rouge2``, ``rougeL`` and ``n``, and the deciding measure of two others: ``lead``, of
        the first sentences, or of the first pieces of any kind within the same limits, whichever is best; ``oracle``, of
        pieces within these limits whose worth is read off the summary: about the best that any extract can be.
    """
    column = rouge.Rouge._fields.index(spec.metric)
    choices = [Choice.from_json(decision) for decision in decisions]
    values = np.array([_value(*one) for one in zip(rows, scores, choices, strict=True)])
    means = values.mean(axis=0)
    low, high = _interval(values[:, column])
    measures = dict(zip(rouge.Rouge._fields, map(float, means), strict=True))
    most = spec.length.sentences or _usual_length(gold).sentences or 1
    measures |= {"lead": _lead(rows, choices, most, column), "oracle": _oracle(rows, choices, column)}
    measures["n"] = float(len(rows))
    return Judgement(measures, float(means[column]), low, high, _loss(rows, scores))


def decide_extracts(
    spec: TaskSpec, gold: Sequence[SummaryRow], rows: Sequence[SummaryRow], scores: Sequence[Scores]
) -> Decision:
    """How scores best become an extract, judged by these rows; taking the first pieces is among what is tried.

    Args:
        spec: The task.
        gold: All its gold rows: how long summaries usually are.
        rows: Rows with summaries.
        scores: For each of these, one score for each piece of its text.
    """
    column = rouge.Rouge._fields.index(spec.metric)
    return _best_choice(spec.length, _usual_length(gold), rows, scores, column).to_json()


def _usual_length(gold: Sequence[SummaryRow]) -> SummaryLength:
    """How long half of the summaries are at most: what reading finds where the person does not say."""
    summaries = [row.summary or "" for row in gold]
    return SummaryLength(
        sentences=max(1, median_low(len(sentences(text)) for text in summaries)),
        characters=max(1, median_low(map(len, summaries))),
    )


def _best_choice(
    wished: SummaryLength,
    usual: SummaryLength,
    rows: Sequence[SummaryRow],
    scores: Sequence[Scores],
    column: int,
) -> Choice:
    order = np.random.default_rng(0).permutation(len(rows))[:_SEARCHED]
    best, most = Choice(), -1.0
    for choice in _choices(wished, usual):
        values = [_value(rows[i], () if choice.lead else scores[i], choice)[column] for i in order]
        if (mean := float(np.mean(values))) > most:
            best, most = choice, mean
    return best


def _choices(wished: SummaryLength, usual: SummaryLength) -> Iterator[Choice]:
    """All that are tried; a length that was wished for is kept to, one found in the examples need not be."""
    fixed = [
        wish not in (None, found)
        for wish, found in ((wished.sentences, usual.sentences), (wished.characters, usual.characters))
    ]
    base = [wished.sentences or usual.sentences or 1, wished.characters or usual.characters or 1]
    for lead in (False, True):
        for unit in reversed(UNITS):
            for sentences_factor in _SENTENCES[:1] if fixed[0] else _SENTENCES:
                for characters_factor in _CHARACTERS[:1] if fixed[1] else _CHARACTERS:
                    yield Choice(unit, base[0] * sentences_factor, round(base[1] * characters_factor), lead)


def _value(row: SummaryRow, scores: Scores, choice: Choice) -> tuple[float, float, float]:
    text = _first(row.text, choice) if choice.lead else _extract(cut_of(row.text), scores, choice)
    return _rouge(row.summary or "", text)


def _extract(pieces: Cut, scores: Scores, choice: Choice) -> str:
    return summary(pieces, choose(pieces, scores, choice))


@lru_cache(8 * _CACHE)
def _first(text: str, choice: Choice) -> str:
    pieces = cut_of(text)
    return _extract(pieces, [0.0] * len(pieces.places), choice)


def _lead(rows: Sequence[SummaryRow], choices: Sequence[Choice], most: int, column: int) -> float:
    plain = [
        _rouge(row.summary or "", rouge.lead(row.text, sentences(row.text), most))[column] for row in rows
    ]
    means = [np.mean(plain)]
    for unit in UNITS:
        alike = [Choice(unit, choice.sentences, choice.characters, lead=True) for choice in choices]
        means.append(np.mean([_value(row, (), one)[column] for row, one in zip(rows, alike, strict=True)]))
    return float(max(means))


def _oracle(rows: Sequence[SummaryRow], choices: Sequence[Choice], column: int) -> float:
    means = []
    for unit in UNITS:
        alike = [Choice(unit, choice.sentences, choice.characters) for choice in choices]
        known = [gains_of(row.text, row.summary or "") for row in rows]
        values = [_value(*one)[column] for one in zip(rows, known, alike, strict=True)]
        means.append(np.mean(values))
    return float(max(means))


def _interval(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Bootstrap over rows."""
    rng = np.random.default_rng(0)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(_DRAWS)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _loss(rows: Sequence[SummaryRow], scores: Sequence[Scores]) -> float:
    """Mean squared error of the scores, a text at a time."""
    errors = [
        float(np.mean((np.array(own) - np.array(gains_of(row.text, row.summary or ""))) ** 2))
        for row, own in zip(rows, scores, strict=True)
        if len(own)
    ]
    return float(np.mean(errors)) if errors else 0.0
