"""The generator that needs no weights: new texts put together from the user's own.

A text grows along one of the user's texts and changes over to another where both share the last words, the n-gram context: every
n-gram across the seam stands somewhere in the user's data. Which text to grow along is drawn by how far it belongs to the wanted
label and how near it lies to the seed text. Several ways are tried for each text; the best by fluency under the smoothed n-gram
model, novelty against the sources and label affinity is taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.generator.affinity import TextSpace, gold_likeness, label_weights, text_space
from gts.generator.chance import seeded
from gts.generator.corpus import END, START, Corpus, build_corpus
from gts.generator.lengths import length_range
from gts.generator.ngram import NgramModel, fit_ngram_model, label_log_ratios
from gts.generator.protocol import GeneratedText, PoolWeights, Request
from gts.generator.seams import Draft, Seams, seed_order
from gts.generator.tokens import detokenize, is_closed
from gts.tasks.dataset import Example

Floats = NDArray[np.float64]

# Texts of other labels still teach the model grammar, at a tenth of a text of the label.
_OTHER_TEXTS = 0.1
# A gold text's label is certain: it seeds twice as often as a pool text the teacher is sure of.
_GOLD_BOOST = 2.0
# Beyond these, more is worth no more: it would reward seams upon seams, or the same few telling words again and again.
_ENOUGH_NOVELTY = 0.4
_ENOUGH_AFFINITY = 0.8
# Slots without a result, on end, after which a request is given up: the texts share too little.
_PATIENCE = 40


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """How the embedded generator searches.

    Attributes:
        attempts: Ways tried for each text; the best one is taken.
        spaced_order: Longest n-gram in words, for scripts with spaces.
        unspaced_order: Longest n-gram in characters, for scripts without.
        max_text_tokens: Only so many first tokens of a source text are used.
        max_pool_characters: A larger pool is sampled down to this size.
        min_novelty: Least share of a text that lies outside its longest span copied from one source.
        novelty_weight: Worth of full novelty against one nat per token of fluency.
        affinity_weight: Worth of one unit of label affinity against one nat per token of fluency.

    Raises:
        InvalidInput: A value is out of range.
    """

    attempts: int = 12
    spaced_order: int = 5
    unspaced_order: int = 7
    max_text_tokens: int = 400
    max_pool_characters: int = 4_000_000
    min_novelty: float = 0.2
    novelty_weight: float = 1.0
    affinity_weight: float = 2.0

    def __post_init__(self) -> None:
        ranges = {
            "attempts": (1, 1000),
            "spaced_order": (2, 8),
            "unspaced_order": (2, 12),
            "max_text_tokens": (2, 10_000),
            "max_pool_characters": (0, 100_000_000),
            "min_novelty": (0.0, 0.9),
            "novelty_weight": (0.0, 100.0),
            "affinity_weight": (0.0, 100.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            numeric = isinstance(value, int | float if isinstance(low, float) else int)
            if not numeric or not low <= value <= high:
                raise InvalidInput(
                    f"{name} is {value!r}; expected {low} to {high}", mend="change the generator's options"
                )


@dataclass(frozen=True, slots=True)
class EmbeddedGenerator:
    """Recombines the user's texts under an n-gram model; see the module's text.

    It uses the user's own words only, needs no pool (eight texts a label give a few results), and works for scripts without
    spaces. A request may end short when the texts share too little to make more.

    Args:
        config: How it searches.

    Example:
        >>> gold = [Example("the red car is fast", ("car",)), Example("my old car is very slow today", ("car",))]
        >>> texts = EmbeddedGenerator().generate(gold, [], [Request("car", 1)], seed=0)
        >>> [text.text for text in texts]
        ['the red car is very slow today']
    """

    config: EmbeddedConfig = EmbeddedConfig()

    @property
    def name(self) -> str:
        """``embedded``."""
        return "embedded"

    def generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None = None,
    ) -> Iterator[GeneratedText]:
        """See :meth:`gts.generator.protocol.Generator.generate`."""
        if pool_weights is not None and len(pool_weights.values) != len(pool):
            raise InvalidInput(
                f"pool weights were given for {len(pool_weights.values)} texts; the pool has {len(pool)}",
                mend="give one row per pool text",
            )
        if not gold and not pool:
            raise InvalidInput("there is no text to learn from", mend="give labelled examples or a pool")
        return self._generate(gold, pool, requests, seed, pool_weights)

    def _generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None,
    ) -> Iterator[GeneratedText]:
        config = self.config
        rng = seeded(seed)
        chosen = _fitting(pool, config.max_pool_characters, config.max_text_tokens, rng)
        if pool_weights is not None:
            pool_weights = PoolWeights(pool_weights.labels, pool_weights.values[chosen])
        corpus = build_corpus(
            [*(example.text for example in gold), *(pool[i] for i in chosen)],
            max_text_tokens=config.max_text_tokens,
            spaced_order=config.spaced_order,
            unspaced_order=config.unspaced_order,
        )
        space = text_space(corpus)
        likeness = gold_likeness(space, len(gold)) if pool_weights is None else None
        seams = Seams(corpus)
        taken = {text.strip() for text in corpus.texts}
        for request in requests:
            weights = label_weights(request.labels, gold, pool_weights, likeness)
            search = _Search(config, corpus, space, seams, weights, len(gold), rng)
            for draft, scores in search.drafts(request.count, taken):
                yield GeneratedText(
                    text=detokenize(corpus.vocabulary[token] for token in draft.tokens),
                    labels=request.labels,
                    generator=self.name,
                    seeds=tuple(corpus.texts[i] for i in draft.texts),
                    scores=scores,
                )


def _fitting(pool: Sequence[str], max_characters: int, max_text_tokens: int, rng: random.Random) -> list[int]:
    """Indices of the pool texts that are used: all, or a random part that stays within the limit."""
    sizes = [min(len(text), max_text_tokens * 8) for text in pool]
    order = list(range(len(pool)))
    if sum(sizes) > max_characters:
        rng.shuffle(order)
    total, chosen = 0, []
    for i in order:
        total += sizes[i]
        if total > max_characters:
            break
        chosen.append(i)
    return sorted(chosen)


class _Search:
    """The search for texts of one request."""

    def __init__(
        self,
        config: EmbeddedConfig,
        corpus: Corpus,
        space: TextSpace,
        seams: Seams,
        weights: Floats,
        n_gold: int,
        rng: random.Random,
    ) -> None:
        self.config, self.corpus, self.space, self.seams, self.rng = config, corpus, space, seams, rng
        # Empty texts can neither begin a text nor end one.
        self.weights = np.where(corpus.lengths > 0, weights, 0.0)
        self.seed_weights = self.weights * np.where(np.arange(len(weights)) < n_gold, _GOLD_BOOST, 1.0)
        self.model: NgramModel = fit_ngram_model(corpus, _OTHER_TEXTS + weights)
        self.token_ratios, self.pair_ratios = label_log_ratios(corpus, weights)
        speaking = self.weights > 0.1 * self.weights.max()
        self.length = length_range(corpus.lengths[speaking].tolist()) if speaking.any() else (0, 0)

    def drafts(self, count: int, taken: set[str]) -> Iterator[tuple[Draft, dict[str, float]]]:
        """Up to ``count`` drafts whose text is not taken yet; adds each to ``taken``."""
        made = failed = 0
        order: list[int] = []
        while made < count and failed < _PATIENCE:
            if not order:
                order = seed_order(self.seed_weights, self.rng)
                if not order:
                    return
            best = self._best(order.pop(0), taken)
            if best is None:
                failed += 1
                continue
            made, failed = made + 1, 0
            taken.add(self._text(best[0]))
            yield best

    def _text(self, draft: Draft) -> str:
        return detokenize(self.corpus.vocabulary[token] for token in draft.tokens)

    def _best(self, seed: int, taken: set[str]) -> tuple[Draft, dict[str, float]] | None:
        likeness = self.space.similarity(seed)
        near = self.weights * (0.05 + likeness)
        places = near.tolist()
        starts = self.rng.choices(range(len(places)), places, k=self.config.attempts)
        best: tuple[Draft, dict[str, float]] | None = None
        for min_context in self.seams.least_contexts:
            for start in starts:
                first = seed if self.rng.random() < 0.5 else start
                draft = self.seams.grow(first, places, self.length, min_context, self.rng)
                if draft.novelty < self.config.min_novelty:
                    continue
                text = self._text(draft)
                if text in taken or not self._closes(text, draft):
                    continue
                scores = self._scores(draft)
                if best is None or scores["score"] > best[1]["score"]:
                    best = draft, scores
            if best is not None:
                return best
        return None

    def _closes(self, text: str, draft: Draft) -> bool:
        """Whether brackets and quotation marks close as they do in the sources."""
        return is_closed(text) or not all(is_closed(self.corpus.texts[i]) for i in draft.texts)

    def _scores(self, draft: Draft) -> dict[str, float]:
        found = self.corpus.find(np.array([START, *draft.tokens, END], dtype=np.int64))
        fluency = float(self.model.log_probabilities(found).mean())
        pairs = found[1][found[1] >= 0]
        affinity = float(self.token_ratios[found[0][1:-1]].mean() + self.pair_ratios[pairs].mean()) / 2
        score = (
            fluency
            + self.config.novelty_weight * min(draft.novelty / _ENOUGH_NOVELTY, 1.0)
            + self.config.affinity_weight * min(affinity, _ENOUGH_AFFINITY)
        )
        named = {"fluency": fluency, "novelty": draft.novelty, "affinity": affinity, "score": score}
        return {name: round(value, 4) for name, value in named.items()}
