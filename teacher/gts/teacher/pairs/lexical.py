"""The lexical teacher of text pairs: what two texts share on the surface. Any language, no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks.overlap import overlap_features
from gts.tasks.rows import PairRow
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.pairs.heads import fit_and_ask
from gts.teacher.pairs.rows import Scale, distinct_texts, pairs_of, targets_of

Floats = NDArray[np.float32]

_STRENGTH = 0.05


def fit_lexical(
    train_rows: Sequence[PairRow],
    pool_rows: Sequence[PairRow],
    query_rows: Sequence[PairRow],
    scale: Scale | None = None,
    seed: int = 0,
) -> Floats:
    """Logistic regression on shared characters, words and numbers, and on cosines of n-grams weighed by their rarity.

    The pool says which n-grams are rare, and which go together (latent semantic analysis).

    Args:
        train_rows: Labelled pairs.
        pool_rows: Unlabelled pairs.
        query_rows: What is asked.
        scale: Least and greatest grade, where pairs are graded.
        seed: Seed of the factorisation.

    Returns:
        Probabilities, or shares of the scale, [query rows].

    Raises:
        InvalidInput: The training rows are not labelled.
    """
    targets = targets_of(train_rows, scale)
    # Sorted: the factorisation depends a little on the order of its rows, and which text stands first must not matter.
    texts = sorted(distinct_texts(train_rows, pool_rows, query_rows))
    place = {text: i for i, text in enumerate(texts)}
    matrix = ngram_matrix(texts)
    latent = latent_vectors(matrix, dimensions=128, seed=seed)

    def features(rows: Sequence[PairRow]) -> Floats:
        first, second = ([place[row.text_a] for row in rows], [place[row.text_b] for row in rows])
        meaning = (latent[first] * latent[second]).sum(axis=1)
        parts = [overlap_features(pairs_of(rows)), _cosines(matrix, first, second)[:, None], meaning[:, None]]
        return np.concatenate(parts, axis=1)

    return fit_and_ask(features(train_rows), targets, features(query_rows), _STRENGTH)


def _cosines(matrix: Any, first: list[int], second: list[int]) -> Floats:
    """Cosines of rows of a sparse matrix [pairs]."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    products = np.asarray(matrix[first].multiply(matrix[second]).sum(axis=1)).ravel()
    return np.asarray(products / np.maximum(lengths[first] * lengths[second], 1e-9), np.float32)
