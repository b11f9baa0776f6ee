"""Label spreading over the neighbour graph of labelled and unlabelled texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.balancing import balanced

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SpreadConfig:
    """How labels spread.

    Attributes:
        neighbours: Nearest texts each text is tied to; 15 was best for few labels, 8 for 77.
        alpha: Share of its belief a text takes from its neighbours at each step, in (0, 1).
        power: Exponent of the cosine in an edge's weight; higher trusts close neighbours more.
        steps: Iterations; the sum has converged at 30 for alpha 0.9.
        prior_weight: Weight of a prior belief about an unlabelled text beside a label, 0 for none.
        balanced: Whether labels count alike, however many texts carry them; not where a text has several.
    """

    neighbours: int = 15
    alpha: float = 0.9
    power: float = 4.0
    steps: int = 30
    prior_weight: float = 0.1
    balanced: bool = False


def nearest(
    queries: Floats, keys: Floats, k: int, skip_self: bool = False
) -> tuple[NDArray[np.int64], Floats]:
    """The ``k`` keys with the largest cosine to each query, by brute force in blocks.

    Args:
        queries: Unit rows [n, d].
        keys: Unit rows [m, d].
        k: Neighbours wanted; at most ``m`` (less one with ``skip_self``) are given.
        skip_self: Queries are the keys, and a row is not its own neighbour.

    Returns:
        Indices [n, k] in no particular order and cosines [n, k].
    """
    k = min(k, len(keys) - int(skip_self))
    indices = np.zeros((len(queries), k), np.int64)
    cosines = np.zeros((len(queries), k), np.float32)
    for start in range(0, len(queries), 1024):
        block = queries[start : start + 1024] @ keys.T
        if skip_self:
            rows = np.arange(len(block))
            block[rows, start + rows] = -np.inf
        top = np.argpartition(-block, k - 1, axis=1)[:, :k]
        indices[start : start + 1024] = top
        cosines[start : start + 1024] = np.take_along_axis(block, top, axis=1)
    return indices, cosines


def spread(
    vectors: Floats, targets: Floats, prior: Floats | None = None, config: SpreadConfig | None = None
) -> Floats:
    """Belief of every text in every label.

    Labels flow from the first rows to all rows along edges of similar texts, as in Zhou et al., Learning with
    Local and Global Consistency, 2003 (section 2). The mass that carries *any* label flows the same way, and a
    belief is the share of that mass which is the label's: this gives a distribution for single-label targets
    and independent probabilities for multi-label ones.

    Args:
        vectors: Unit rows [labelled + unlabelled, d], labelled ones first.
        targets: Label indicators [labelled, labels].
        prior: Beliefs about the unlabelled texts from elsewhere [unlabelled, labels]; they anchor the flow
            weakly and fill in where no label arrives.
        config: How labels spread.

    Returns:
        Beliefs in [0, 1], [labelled + unlabelled, labels].
    """
    from scipy import sparse

    config = config or SpreadConfig()
    n, labelled, n_labels = len(vectors), len(targets), targets.shape[1]
    seeds = np.zeros((n, n_labels + 1), np.float64)  # the last column carries the mass of any label
    seeds[:labelled, -1] = balanced(targets) if config.balanced else 1.0
    seeds[:labelled, :-1] = targets * seeds[:labelled, -1:]
    if prior is not None:
        seeds[labelled:, :-1] = config.prior_weight * prior
        seeds[labelled:, -1] = config.prior_weight
    k = min(config.neighbours, n - 1)
    indices, cosines = nearest(vectors, vectors, k, skip_self=True)
    weights = np.maximum(cosines, 1e-6) ** config.power
    rows = np.repeat(np.arange(n), k)
    graph = sparse.csr_matrix((weights.ravel(), (rows, indices.ravel())), shape=(n, n))
    graph = graph.maximum(graph.T)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = sparse.diags(1.0 / np.sqrt(np.maximum(degree, 1e-30)))  # a text alone has no neighbour
    flow = scale @ graph @ scale
    belief = seeds.copy()
    for _ in range(config.steps):
        belief = config.alpha * (flow @ belief) + (1 - config.alpha) * seeds
    mass = belief[:, -1:]
    base = targets.mean(axis=0, keepdims=True)
    shares = np.where(mass > 1e-12, belief[:, :-1] / np.maximum(mass, 1e-12), base)
    return np.asarray(np.clip(shares, 0.0, 1.0), np.float32)
