"""Logistic heads on fixed vectors: one softmax for single-label targets, one sigmoid a label for multi-label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class LogisticHead:
    """L2-regularised logistic regression over label indicators.

    Args:
        multi_label: Whether labels are independent.
        strength: Inverse regularisation (scikit-learn's ``C``), for unit vectors.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
        >>> y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
        >>> LogisticHead(multi_label=False).fit(x, y).predict(x).argmax(1).tolist()
        [0, 0, 1, 1]
    """

    def __init__(self, multi_label: bool, strength: float = 10.0) -> None:
        self.multi_label = multi_label
        self.strength = strength
        self._models: list[Any] = []
        self._classes: NDArray[np.int64] = np.zeros(0, np.int64)
        self._base: Floats = np.zeros(0, np.float32)

    def fit(self, vectors: Any, targets: Floats) -> LogisticHead:
        """Fit on vectors [n, d] (dense or scipy sparse) and label indicators [n, labels]; single labels count alike."""
        from sklearn.linear_model import LogisticRegression

        self._base = targets.mean(axis=0)
        self._models = []
        if self.multi_label:
            for column in targets.T:
                constant = column.min() == column.max()
                model = None if constant else LogisticRegression(C=self.strength, max_iter=1000)
                self._models.append(model if model is None else model.fit(vectors, column.astype(int)))
        else:
            classes = targets.argmax(axis=1)
            self._classes = np.unique(classes)
            if len(self._classes) > 1:
                head = LogisticRegression(C=self.strength, max_iter=1000, class_weight="balanced")
                self._models = [head.fit(vectors, classes)]
        return self

    def predict(self, vectors: Any) -> Floats:
        """Probabilities [n, labels]; a label never seen in fitting gets its share of the targets (zero)."""
        out = np.tile(self._base, (vectors.shape[0], 1)).astype(np.float32)
        if self.multi_label:
            for i, model in enumerate(self._models):
                if model is not None:
                    out[:, i] = model.predict_proba(vectors)[:, 1]
        elif self._models:
            out[:] = 0.0
            out[:, self._classes] = self._models[0].predict_proba(vectors)
        return out
