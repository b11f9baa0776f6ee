"""The head of students that read each text by itself: a logistic model of two vectors and what the texts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import unit
from gts.tasks.overlap import NAMES

Floats = NDArray[np.float32]

_LEAST_SPREAD = 1e-3
"""A feature that hardly varied in training is not blown up to vary as much as the others."""


def pair_features(first: Floats, second: Floats, surface: Floats) -> Floats:
    """Features of pairs, the same for both orders.

    Args:
        first: Unit vectors of the first texts [pairs, d].
        second: Unit vectors of the second texts [pairs, d].
        surface: What the texts share on the surface, as :func:`gts.tasks.overlap.overlap_features` gives it.

    Returns:
        Cosine, surface, products and distances of the vectors' parts: [pairs, 1 + surface + 2 d].
    """
    products = first * second
    parts = [products.sum(axis=1, keepdims=True), surface, products, np.abs(first - second)]
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)


def torch_features(first: Any, second: Any, surface: Any) -> Any:
    """:func:`pair_features` on tensors, with gradients; the vectors need not have length 1."""
    import torch
    from torch.nn import functional

    first, second = (functional.normalize(vectors, dim=1) for vectors in (first, second))
    products = first * second
    return torch.cat([products.sum(dim=1, keepdim=True), surface, products, (first - second).abs()], dim=1)


@dataclass(frozen=True)
class PairHead:
    """A logistic model of standardised features.

    Attributes:
        mean: Taken from each feature, [features].
        scale: Then multiplied, [features].
        weight: [features].
        bias: One number, [1].
    """

    mean: Floats
    scale: Floats
    weight: Floats
    bias: Floats

    @property
    def width(self) -> int:
        """Width d of the vectors it was made for."""
        return (len(self.weight) - 1 - len(NAMES)) // 2

    def logits(self, features: Floats) -> Floats:
        """Logits [pairs] of features [pairs, features]."""
        return np.asarray((features - self.mean) * self.scale @ self.weight + self.bias, np.float32)


def standard(features: Floats, width: int) -> tuple[Floats, Floats]:
    """Mean and scale that make features comparable.

    All products and distances together weigh as much as one of the few features that mean something by themselves,
    so that one regularisation suits both, also with a few dozen pairs.

    Args:
        features: As :func:`pair_features` gives them.
        width: Width d of the vectors.
    """
    scale = 1 / np.maximum(features.std(axis=0), _LEAST_SPREAD)
    scale[-2 * width :] /= np.sqrt(2 * width)
    return features.mean(axis=0).astype(np.float32), scale.astype(np.float32)


def fit_pair_head(
    features: Floats, targets: Floats, weights: Floats, width: int, strength: float = 0.3
) -> PairHead:
    """Fit a head on soft labels, by convex optimisation.

    Args:
        features: As :func:`pair_features` gives them.
        targets: Soft labels in [0, 1], [pairs].
        weights: Weight of each pair [pairs].
        width: Width d of the vectors.
        strength: Inverse regularisation, as scikit-learn's ``C``.
    """
    import torch
    from torch.nn import functional

    mean, scale = standard(features, width)
    x, y, importance = (torch.from_numpy(a) for a in ((features - mean) * scale, targets, weights))
    weight = torch.zeros(x.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer: Any = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")
    total = float(importance.sum())

    def closure() -> Any:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(x @ weight + bias, y, importance, reduction="sum")
        loss = (loss + (weight**2).sum() / (2 * strength)) / total
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)
    return PairHead(mean, scale, weight.detach().numpy(), bias.detach().numpy())


def unit_means(table: Floats, bags: list[NDArray[np.int64]]) -> Floats:
    """Unit vectors of bags of table rows [bags, d]; an empty bag gives zeros."""
    out = np.zeros((len(bags), table.shape[1]), np.float32)
    for i, bag in enumerate(bags):
        if len(bag):
            out[i] = table[bag].mean(axis=0)
    return unit(out)
