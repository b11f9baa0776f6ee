"""The static student that summarises: every token has a weight, and every feature of a piece's surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.summaries.lessons import SummaryLesson, targets
from gts.student.summaries.reading import Ints, ends, means, read, starts, sums, token_ranges
from gts.student.summaries.tensors import TABLE_COLUMNS, SummaryHead
from gts.tasks.pieces import Cut
from gts.tasks.salience import WIDTH, surface

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

_EDGE = 2
"""Tokens that count as the beginning, and as the end, of a piece."""

_STRENGTH = 10.0
_SCALES = (2.0, 1.0, 1.0)
"""How strongly weights are held at 0, and how freely those of each column are fitted: choices, of which
benchmarks/LOG.md has no measurement."""


@dataclass(frozen=True)
class StaticSummaryStudent:
    """A trained static student that summarises.

    Attributes:
        tokenizer: Its tokenizer; each of its tokens is a row of the head's table.
        head: Its weights.
    """

    tokenizer: Tokenizer
    head: SummaryHead

    def score(self, cuts: Sequence[Cut]) -> list[list[float]]:
        """How much each piece of each text is worth to a summary."""
        return [self.scores(cut) for cut in cuts]

    def scores(self, cut: Cut) -> list[float]:
        """How much each piece of a text is worth to a summary."""
        if not cut.places:
            return []
        ids, offsets = read(self.tokenizer, cut.text)
        ranges = token_ranges(offsets, cut.places)
        added = self.head.table[ids]
        found = surface(cut) @ self.head.surface + self.head.bias + means(added[:, :1], ranges)[:, 0]
        found += sums(added[:, 1:2], starts(ranges, _EDGE))[:, 0] / _EDGE
        found += sums(added[:, 2:3], ends(ranges, _EDGE))[:, 0] / _EDGE
        scores: list[float] = found.tolist()
        return scores


def train_static_summaries(lessons: Sequence[SummaryLesson], tokenizer: Tokenizer) -> StaticSummaryStudent:
    """Fit all weights at once, by ridge regression on what the pieces are worth.

    Args:
        lessons: What to learn.
        tokenizer: Its truncation and padding are off.

    Raises:
        InvalidInput: There is nothing to learn from.
    """
    return fit_lexicon(lessons, tokenizer, [np.zeros((len(lesson.gains), 0)) for lesson in lessons])[0]


def fit_lexicon(
    lessons: Sequence[SummaryLesson], tokenizer: Tokenizer, vectors: Sequence[NDArray[Any]]
) -> tuple[StaticSummaryStudent, Floats]:
    """Fit a static student together with weights of further vectors.

    Args:
        lessons: What to learn.
        tokenizer: Its truncation and padding are off.
        vectors: Of each lesson what else is known of its pieces [pieces, d], centred and about as long as 1.

    Returns:
        The student, and the weights of the vectors [d], which add to its scores.

    Raises:
        InvalidInput: There is nothing to learn from.
    """
    from scipy import sparse
    from sklearn.linear_model import Ridge

    gains, weights = targets(lessons)
    features = np.concatenate([surface(lesson.cut) for lesson in lessons])
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    held = [_holdings(*read(tokenizer, lesson.cut.text), lesson.cut, size) for lesson in lessons]
    columns = [sparse.vstack([rows[i] for rows in held]) * factor for i, factor in enumerate(_SCALES)]
    dense = np.concatenate([(features - mean) / scale, np.concatenate(vectors)], axis=1)
    inputs = sparse.hstack([sparse.csr_matrix(dense), *columns], format="csr")
    ridge = Ridge(_STRENGTH, solver="sparse_cg").fit(inputs, gains, sample_weight=weights)
    weight, further = ridge.coef_[:WIDTH] / scale, ridge.coef_[WIDTH : dense.shape[1]]
    table = ridge.coef_[dense.shape[1] :].reshape(TABLE_COLUMNS, size) * np.array(_SCALES)[:, None]
    head = SummaryHead(
        np.ascontiguousarray(table.T, np.float32),
        weight.astype(np.float32),
        float(ridge.intercept_ - mean @ weight),
    )
    return StaticSummaryStudent(tokenizer, head), further.astype(np.float32)


def _holdings(ids: Ints, offsets: Ints, cut: Cut, size: int) -> tuple[Any, Any, Any]:
    """Shares of tokens in pieces, in their beginnings and their ends: three sparse [pieces, vocabulary]."""
    ranges = token_ranges(offsets, cut.places)
    shares = 1 / np.maximum(1, ranges[:, 1] - ranges[:, 0])
    edge = np.full(len(ranges), 1 / _EDGE)
    return (
        _sparse(ids, ranges, shares, size),
        _sparse(ids, starts(ranges, _EDGE), edge, size),
        _sparse(ids, ends(ranges, _EDGE), edge, size),
    )


def _sparse(ids: Ints, ranges: Ints, values: NDArray[np.float64], size: int) -> Any:
    from scipy import sparse

    lengths = ranges[:, 1] - ranges[:, 0]
    places = [ids[first:stop] for first, stop in ranges]
    columns = np.concatenate(places) if places else ids[:0]
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_matrix((np.repeat(values, lengths), columns, pointers), shape=(len(ranges), size))
