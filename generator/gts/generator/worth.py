"""What a sentence that a model has written is worth: likeness to a seed text, agreement with a label, fluency, novelty."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gts.generator.checks import Embed
from gts.generator.shingles import shingles

Floats = NDArray[np.floating]
Judge: TypeAlias = Callable[[Sequence[str]], Mapping[str, Floats]]
"""Texts to ``similarity`` and ``agreement``, each in 0..1 [n]; made for one seed text and its labels."""

PARTS = ("similarity", "agreement", "fluency", "novelty")
"""What a sentence's value is made of; each is in 0..1, and stands in the scores beside ``value``."""

# Neighbours that are asked for a text's label, and how much the nearer ones say more (the temperature of a softmax over cosines).
_NEIGHBOURS, _NEARNESS = 10, 0.1


class KnownTexts:
    """Texts that a new one must not copy.

    Args:
        texts: The texts.

    Example:
        >>> KnownTexts(["the red car is fast"]).novelty("the red car is slow")
        0.33333333333333337
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._holders: dict[str, list[int]] = {}
        for i, text in enumerate(texts):
            for piece in shingles(text):
                self._holders.setdefault(piece, []).append(i)

    def novelty(self, text: str) -> float:
        """Share of a text's pieces that do not stand in the one known text that holds most of them."""
        pieces = shingles(text)
        shared = Counter(i for piece in pieces for i in self._holders.get(piece, ()))
        return 1.0 - max(shared.values(), default=0) / max(len(pieces), 1)


def judge_near(embed: Embed, seed_vector: Floats, vectors: Floats, belongs: Floats) -> Judge:
    """The judge of one seed text.

    Agreement is what a text's nearest neighbours say, weighed by a softmax over their cosines.

    Args:
        embed: Texts to unit vectors [n, d].
        seed_vector: The seed text's [d].
        vectors: Those of texts whose labels are known [m, d].
        belongs: How far each of these belongs to the wanted labels, in 0..1 [m].
    """

    def judge(texts: Sequence[str]) -> dict[str, Floats]:
        found = np.asarray(embed(texts), np.float64)
        cosines = found @ np.asarray(vectors, np.float64).T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
        near = np.take_along_axis(cosines, nearest, axis=1)
        says = np.exp((near - near.max(axis=1, keepdims=True)) / _NEARNESS)
        agreement = (says * belongs[nearest]).sum(axis=1) / says.sum(axis=1)
        return {"similarity": np.clip(found @ seed_vector, 0, 1), "agreement": np.clip(agreement, 0, 1)}

    return judge


def fluency_of(nats: float) -> float:
    """How fluent a sentence is whose tokens are so much likelier than those of the user's texts: 0.5 where they are alike.

    Example:
        >>> fluency_of(0.0)
        0.5
    """
    return 1.0 / (1.0 + math.exp(-nats))


def worth(
    texts: Sequence[str],
    fluency: Sequence[float],
    judge: Judge,
    known: KnownTexts,
    weights: Mapping[str, float],
    min_novelty: float,
) -> list[dict[str, float]]:
    """The value of each text, the weighted mean of its parts, and the parts.

    Args:
        texts: The texts.
        fluency: Of each.
        judge: Likeness to the seed text and agreement with the labels.
        known: What must not be copied.
        weights: Of each of :data:`PARTS`.
        min_novelty: A text below is a copy.

    Returns:
        Scores of each text; the value alone, 0, for what is empty or a copy.
    """
    scores = [{"value": 0.0} for _ in texts]
    novelty = [known.novelty(text) for text in texts]
    good = [i for i, text in enumerate(texts) if text and novelty[i] >= min_novelty]
    if not good:
        return scores
    judged = judge([texts[i] for i in good])
    total = sum(weights.values())
    for row, i in enumerate(good):
        parts = {
            "similarity": float(judged["similarity"][row]),
            "agreement": float(judged["agreement"][row]),
            "fluency": fluency[i],
            "novelty": novelty[i],
        }
        value = sum(weight * parts[part] for part, weight in weights.items()) / total
        scores[i] = {"value": value, **parts}
    return scores
