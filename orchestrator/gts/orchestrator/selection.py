"""Which texts to ask a person about: those that stand for many texts on which the student is likely to err."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MOST_TEXTS = 4000
"""Texts that are compared with each other; of more, the seed draws so many."""
_NEIGHBOURS = 10


@dataclass(frozen=True)
class Chosen:
    """A text to ask about.

    Attributes:
        row: Its row.
        stands_for: Texts that are nearer to it than to anything that is labelled.
        doubt: Errors that the student is expected to make on those.
    """

    row: int
    stands_for: int
    doubt: float


def doubts(beliefs: Floats, multi_label: bool) -> Floats:
    """How likely the student errs on each text [texts], from its calibrated beliefs [texts, labels]."""
    if multi_label:
        return np.asarray(1 - np.maximum(beliefs, 1 - beliefs).prod(axis=1), np.float32)
    return np.asarray(1 - beliefs.max(axis=1), np.float32)


def select(vectors: Floats, doubt: Floats, known: Floats, count: int, seed: int = 0) -> list[Chosen]:
    """Texts whose labels would remove the most expected errors, no two alike.

    A label is taken to tell about a text's neighbours, the more the nearer they are. Each next text is the one that adds
    most to how well the doubtful texts are covered by labelled ones: greedy maximization of a weighted facility location, which
    is within 1 - 1/e of the best choice (Nemhauser et al., 1978; for active learning: Wei et al., Submodularity in Data Subset
    Selection and Active Learning, 2015; coverage with few labels: Yehuda et al., Active Learning Through a Covering Lens, 2022).

    Args:
        vectors: Unit vectors of the texts that may be asked about [texts, d].
        doubt: Expected error on each of them [texts].
        known: Unit vectors of labelled texts [known, d].
        count: Most texts to choose.
        seed: Draws the texts that are looked at where there are very many.

    Returns:
        The chosen, the most useful first; fewer where the others would add nothing.
    """
    rows = np.arange(len(vectors))
    if len(rows) > MOST_TEXTS:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_TEXTS])
    if not len(rows):
        return []
    texts, weight = vectors[rows], doubt[rows].astype(np.float64)
    likeness = texts @ texts.T
    width = _width(likeness)
    kernel = _kernel(likeness, width)
    covered = _kernel(texts @ known.T, width).max(axis=1) if len(known) else np.zeros(len(rows), np.float32)
    chosen: list[Chosen] = []
    taken = np.zeros(len(rows), bool)
    while len(chosen) < min(count, len(rows)):
        added = np.maximum(kernel - covered[None, :], 0) @ weight
        added[taken] = -1.0
        best = int(added.argmax())
        if added[best] <= 0:
            break
        nearer = kernel[best] > covered
        chosen.append(Chosen(int(rows[best]), int(nearer.sum()), float(weight[nearer].sum())))
        covered = np.maximum(covered, kernel[best])
        taken[best] = True
    return chosen


def _width(likeness: Floats) -> float:
    """The distance at which a label says a third of what it says about its own text: that of the tenth neighbour."""
    nth = min(_NEIGHBOURS, len(likeness) - 1)
    near = -np.partition(-likeness, nth, axis=1)[:, nth]
    return max(1e-3, float(np.median(1 - near)))


def _kernel(likeness: Floats, width: float) -> Floats:
    return np.asarray(np.exp((likeness - 1) / width), np.float32)
