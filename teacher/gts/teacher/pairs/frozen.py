"""The teacher that compares the vectors of an encoder as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gts.tasks.overlap import overlap_features
from gts.tasks.rows import PairRow
from gts.teacher.pairs.heads import fit_and_ask
from gts.teacher.pairs.rows import Scale, distinct_texts, pairs_of, targets_of

Floats = NDArray[np.float32]

_STRENGTH = 0.05
_PARTS = 16
"""Directions kept of the products, and of the distances, of the vectors' parts."""

_PARTS_WEIGHT = 0.2
"""With 64 labelled pairs of MRPC, directions that weighed as much as the cosine cost 2 points (benchmarks/LOG.md)."""


def fit_frozen(
    train_rows: Sequence[PairRow],
    pool_rows: Sequence[PairRow],
    query_rows: Sequence[PairRow],
    vectors: Floats,
    scale: Scale | None = None,
    with_surface: bool = False,
    seed: int = 0,
) -> Floats:
    """Logistic regression on the cosine, and on the directions in which products and distances of pairs vary most.

    The directions are found without labels, on pool and all, so that a few dozen labelled pairs can choose among them.

    Args:
        train_rows: Labelled pairs.
        pool_rows: Unlabelled pairs.
        query_rows: What is asked.
        vectors: Unit vectors of ``distinct_texts(train_rows, pool_rows, query_rows)`` [texts, d].
        scale: Least and greatest grade, where pairs are graded.
        with_surface: Whether the head sees what the texts share on the surface too.
        seed: Seed of the factorisation.

    Returns:
        Probabilities, or shares of the scale, [query rows].

    Raises:
        InvalidInput: The training rows are not labelled.
    """
    from sklearn.decomposition import PCA

    targets = targets_of(train_rows, scale)
    rows = [*train_rows, *pool_rows, *query_rows]
    place = {text: i for i, text in enumerate(distinct_texts(train_rows, pool_rows, query_rows))}
    first, second = (vectors[[place[text] for text in side]] for side in zip(*pairs_of(rows), strict=True))
    products = first * second
    parts = [products.sum(axis=1, keepdims=True)]
    for values in (products, np.abs(first - second)):
        kept = min(_PARTS, *values.shape)
        parts.append(PCA(kept, svd_solver="randomized", random_state=seed).fit_transform(values))
    if with_surface:
        parts.append(overlap_features(pairs_of(rows)))
    features = np.concatenate(parts, axis=1).astype(np.float32)
    weights = np.ones(features.shape[1], np.float32)
    weights[1 : 1 + sum(part.shape[1] for part in parts[1:3])] = _PARTS_WEIGHT
    asked = features[len(rows) - len(query_rows) :]
    return fit_and_ask(features[: len(train_rows)], targets, asked, _STRENGTH, weights)
