"""Which labels are taken for one another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gts.generator.protocol import PoolWeights
from gts.generator.tokens import content, tokenize
from gts.tasks.dataset import Example

Floats = NDArray[np.float64]


def confusions(labels: Sequence[str], gold: Sequence[Example], pool_weights: PoolWeights | None) -> Floats:
    """How much each label is confused with each other [n_labels, n_labels], in 0..1.

    With a teacher's soft labels of the pool: the cosine of the labels' columns. A label it does not know, or without
    a pool: the cosine of the words of the labels' examples, those that many labels share counting less.

    Args:
        labels: All labels.
        gold: The labelled examples.
        pool_weights: Soft labels of the pool.

    Example:
        >>> gold = [Example("red car", ("car",)), Example("red bus", ("bus",)), Example("green tea", ("tea",))]
        >>> confusions(["car", "bus", "tea"], gold, None).round(1).tolist()[0]
        [1.0, 0.2, 0.0]
    """
    if pool_weights is not None and len(pool_weights.values) and set(labels) <= set(pool_weights.labels):
        columns = [pool_weights.labels.index(label) for label in labels]
        return _cosines(pool_weights.values[:, columns].T)
    return _by_words(labels, gold)


def nearest(labels: Sequence[str], wanted: Sequence[str], confusion: Floats) -> list[str]:
    """The other labels, the one most confused with any of the wanted ones first.

    Without a wanted one, all in their order.
    """
    rows = [labels.index(label) for label in wanted]
    likeness = confusion[rows].max(axis=0) if rows else np.zeros(len(labels))
    others = [i for i, label in enumerate(labels) if label not in wanted]
    return [labels[i] for i in sorted(others, key=lambda i: (-likeness[i], i))]


def _by_words(labels: Sequence[str], gold: Sequence[Example]) -> Floats:
    from scipy.sparse import csr_matrix

    counts: dict[str, Counter[str]] = {label: Counter() for label in labels}
    for example in gold:
        words = {content(token) for token in tokenize(example.text)}
        for label in example.labels:
            if label in counts:
                counts[label].update(words)
    spread = Counter(word for counter in counts.values() for word in counter)
    column = {word: i for i, word in enumerate(spread)}
    cells = [
        (row, column[word], count * math.log((1 + len(labels)) / spread[word]))
        for row, counter in enumerate(counts.values())
        for word, count in counter.items()
    ]
    rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
    matrix = csr_matrix((values, (rows, columns)), shape=(len(labels), max(len(column), 1)), dtype=np.float64)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return _scaled((matrix @ matrix.T).toarray(), norms)


def _cosines(rows: Floats) -> Floats:
    return _scaled(rows @ rows.T, np.linalg.norm(rows, axis=1))


def _scaled(products: Floats, norms: Floats) -> Floats:
    scale = np.maximum(np.outer(norms, norms), 1e-12)
    return np.asarray(products / scale, np.float64)
