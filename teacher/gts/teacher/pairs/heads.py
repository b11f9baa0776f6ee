"""A logistic head that takes soft labels, for features of text pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LEAST_SPREAD = 1e-3


def fit_and_ask(
    train: Floats, targets: Floats, query: Floats, strength: float, weights: Floats | None = None
) -> Floats:
    """Probabilities of query pairs by L2-regularised logistic regression on standardised features.

    Args:
        train: Features [training pairs, features].
        targets: Labels, or grades as shares of their scale, from 0 to 1 [training pairs].
        query: Features [query pairs, features].
        strength: Inverse regularisation (scikit-learn's ``C``).
        weights: What each feature is multiplied with once it is standardised; less than 1 regularises it more [features].

    Returns:
        Probabilities [query pairs]; the mean target where all training pairs have the same.

    Example:
        >>> x = np.array([[0.1], [0.2], [0.8], [0.9]], np.float32)
        >>> said = fit_and_ask(x, np.array([0, 0, 1, 1], np.float32), x, strength=1.0)
        >>> bool(said[0] < 0.5 < said[3])
        True
    """
    from sklearn.linear_model import LogisticRegression

    if targets.min() == targets.max():
        return np.full(len(query), targets.mean(), np.float32)
    mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), _LEAST_SPREAD)
    scale = (1 if weights is None else weights) / spread
    x = (train - mean) * scale
    # A soft label is two rows, one for each outcome, that share one weight between them.
    classes = np.repeat([1, 0], len(x))
    shares = np.concatenate([targets, 1 - targets])
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit(np.concatenate([x, x]), classes, sample_weight=shares)
    return np.asarray(model.predict_proba((query - mean) * scale)[:, 1], np.float32)
