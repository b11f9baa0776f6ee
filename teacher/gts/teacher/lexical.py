"""The lexical teacher: character and word n-grams. Any language, no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def hashed_vectors(texts: Sequence[str]) -> Floats:
    """Unit vectors [texts, 4096] of hashed character n-grams: a space that needs no other texts, unlike :func:`latent_vectors`."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=4096, alternate_sign=False, dtype=np.float32
    )
    return np.asarray(vectorizer.transform(texts).toarray(), np.float32)


def ngram_matrix(texts: Sequence[str]) -> Any:
    """TF-IDF of character n-grams (2 to 4, inside words) and word n-grams (1 to 2): sparse [texts, features].

    Character n-grams are what works for text without spaces, such as Chinese, and forgives typing errors.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = []
    for analyzer, ngrams, limit in (("char_wb", (2, 4), 60_000), ("word", (1, 2), 40_000)):
        vectorizer = TfidfVectorizer(
            analyzer=analyzer,
            ngram_range=ngrams,
            max_features=limit,
            sublinear_tf=True,
            min_df=2 if len(texts) > 500 else 1,
            token_pattern=r"(?u)\b\w+\b" if analyzer == "word" else None,
        )
        try:
            parts.append(vectorizer.fit_transform(texts))
        except ValueError:  # no text holds a single such n-gram
            continue
    if not parts:
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)
    return sparse.hstack(parts, format="csr", dtype=np.float32)


def latent_vectors(matrix: Any, dimensions: int = 256, seed: int = 0) -> Floats:
    """Latent semantic analysis of an n-gram matrix: unit rows [texts, at most ``dimensions``].

    References:
        Deerwester et al., Indexing by Latent Semantic Analysis, 1990.
    """
    from sklearn.decomposition import TruncatedSVD

    k = min(dimensions, min(matrix.shape) - 1)
    if k < 2:
        dense = np.asarray(matrix.todense(), np.float32)
    else:
        dense = TruncatedSVD(k, random_state=seed).fit_transform(matrix).astype(np.float32)
    return np.asarray(dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9), np.float32)
