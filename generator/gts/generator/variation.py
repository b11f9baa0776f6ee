"""What changes from call to call, so that equal questions do not bring equal texts: examples, subjects, style, length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gts.generator.deck import Deck
from gts.generator.protocol import PoolWeights
from gts.generator.tokens import is_unspaced, tokenize
from gts.generator.topics import find_topics
from gts.generator.wording import Wording
from gts.generator.writing import Length, Wishes
from gts.tasks.dataset import Example, Origin

# A pool text is shown as an example of a label when the teacher is this sure of it.
_SURE = 0.7
# Topics and lengths show in a part of a large pool as well as in all of it.
_MAX_POOL = 5000
_MAX_TOPICS = 60
_TOPICS_PER_CALL = 3
# Short, middling and long texts; the ends are left out, for they hold the odd ones.
_LENGTH_QUANTILES = (0.05, 0.35, 0.65, 0.95)
# One call in three asks for texts near a boundary.
_CALLS_PER_BOUNDARY = 3


@dataclass(frozen=True, eq=False)
class Material:
    """The user's texts, as far as calls are varied by them.

    Attributes:
        gold: The labelled examples.
        pool: Pool texts, at most some thousands.
        weights: Soft labels of these pool texts.
        multi_label: Whether texts may carry several labels, or none.
    """

    gold: tuple[Example, ...]
    pool: tuple[str, ...]
    weights: PoolWeights | None
    multi_label: bool

    def examples(self, labels: Sequence[str]) -> tuple[Example, ...]:
        """Gold texts of exactly these labels; where there are none, those that share some, most alike first."""
        wanted = set(labels)
        exact = tuple(example for example in self.gold if set(example.labels) == wanted)
        if exact:
            return exact
        alike = {
            i: len(wanted & set(e.labels)) / len(wanted | set(e.labels)) for i, e in enumerate(self.gold)
        }
        near = sorted((i for i, share in alike.items() if share > 0), key=lambda i: -alike[i])
        return tuple(self.gold[i] for i in near)

    def sure(self, labels: Sequence[str]) -> tuple[Example, ...]:
        """Pool texts of which a teacher is sure that they carry exactly these labels."""
        if self.weights is None:
            return ()
        wanted = np.array([name in labels for name in self.weights.labels])
        if wanted.sum() < len(labels):
            return ()
        values = self.weights.values
        if self.multi_label:
            sureness = np.where(wanted, values, 1.0 - values).prod(axis=1)
        else:
            sureness = values[:, wanted].sum(axis=1)
        chosen = np.flatnonzero(sureness >= _SURE)
        return tuple(Example(self.pool[i], tuple(labels), Origin.POOL) for i in chosen)


def gather(
    gold: Sequence[Example], pool: Sequence[str], weights: PoolWeights | None, multi_label: bool
) -> Material:
    """The material of a task; of a large pool, texts from all parts of it."""
    chosen = np.linspace(0, len(pool) - 1, min(len(pool), _MAX_POOL)).astype(np.int64)
    if weights is not None:
        weights = PoolWeights(weights.labels, weights.values[chosen])
    return Material(tuple(gold), tuple(pool[i] for i in chosen), weights, multi_label)


class Variation:
    """Deals out examples and wishes for the calls of one request.

    Each thing is dealt to the last before it comes again, so a handful of calls covers all of them, and each example is
    shown about equally often.

    Args:
        labels: The labels of the new texts.
        material: The user's texts.
        others: Labels that the texts may be taken for.
        wording: The words for styles and personas.
        rng: Source of chance.
    """

    def __init__(
        self,
        labels: Sequence[str],
        material: Material,
        others: Sequence[str],
        wording: Wording,
        rng: random.Random,
    ) -> None:
        gold, sure = material.examples(labels), material.sure(labels)
        own = [example.text for example in (*gold, *sure)]
        everything = [*(example.text for example in material.gold), *material.pool]
        against = [example.text for example in material.gold if not set(example.labels) & set(labels)]
        about = own if material.weights is not None else [*own, *material.pool]
        self._gold, self._sure = Deck(gold, rng), Deck(sure, rng)
        self._n_gold = len(gold)
        self._n_sure = len(sure)
        self._topics = Deck(find_topics(everything, about, against, _MAX_TOPICS), rng)
        self._lengths = Deck(length_bands(own if len(own) >= len(_LENGTH_QUANTILES) else everything), rng)
        self._styles, self._personas = Deck(wording.styles, rng), Deck(wording.personas, rng)
        self._others = Deck(others, rng)
        self._boundaries = Deck([True, *[False] * (_CALLS_PER_BOUNDARY - 1)], rng)

    def examples(self, count: int) -> tuple[Example, ...]:
        """The examples of the next call; half of them gold, whose labels are certain, where there are both kinds."""
        n_gold = min(self._n_gold, max((count + 1) // 2, count - self._n_sure))
        return (*self._gold.deal(n_gold), *self._sure.deal(count - n_gold))

    def wishes(self) -> Wishes:
        """The wishes of the next call."""
        return Wishes(
            style=self._styles.one(),
            persona=self._personas.one(),
            topics=tuple(self._topics.deal(_TOPICS_PER_CALL)),
            length=self._lengths.one(),
            other=self._others.one() if self._boundaries.one() else None,
        )


def length_bands(texts: Sequence[str]) -> list[Length]:
    """Ranges of short, middling and long texts, from the quantiles of the lengths of some texts.

    In words, or in characters for scripts without spaces.

    Example:
        >>> [(band.low, band.high) for band in length_bands(["a b", "a b c d e", "a b c", "a b c d e f g h"])]
        [(2, 3), (3, 5), (5, 8)]
    """
    if not texts:
        return []
    in_characters = is_unspaced([token for text in texts[:200] for token in tokenize(text[:200])])
    sizes = [len("".join(text.split())) if in_characters else len(text.split()) for text in texts]
    ends = [max(1, round(float(end))) for end in np.quantile(sizes, _LENGTH_QUANTILES)]
    bands = [Length(low, high, in_characters) for low, high in pairwise(ends)]
    return list(dict.fromkeys(bands))
