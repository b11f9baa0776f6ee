"""A smoothed n-gram language model of the user's texts, leaning towards the texts of one label.

Counts of all texts are merged with weights, so that the label's texts count more: count merging, the maximum a posteriori
adaptation of Bacchiani and Roark (2003, "Unsupervised language model adaptation"). Merged counts are fractions, which rules out
Kneser-Ney; the orders are interpolated by Witten-Bell smoothing (Witten and Bell 1991; method C in Chen and Goodman 1999, "An
empirical study of smoothing techniques for language modeling").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.generator.corpus import START, Corpus, Grams, Ints

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Order:
    counts: Floats  # weighted count of each n-gram
    context_counts: Floats  # weighted count of each context, as a context
    context_types: Floats  # different tokens seen after each context


@dataclass(frozen=True)
class NgramModel:
    """Interpolated n-gram probabilities over a corpus.

    Attributes:
        corpus: The texts.
        orders: Counts per n-gram length.
    """

    corpus: Corpus
    orders: tuple[_Order, ...]

    def log_probabilities(self, found: list[Ints]) -> Floats:
        """Natural log probability of each token of a sequence given those before it.

        Args:
            found: N-gram ids of a sequence that begins with START, from :meth:`Corpus.find`.

        Returns:
            [n_tokens - 1]; START itself is not predicted.
        """
        uniform = 1.0 / len(self.corpus.vocabulary)
        probability = np.full(len(found[0]) - 1, uniform)
        for k, order in enumerate(self.orders):
            ids = found[k][1:]
            if k == 0:
                contexts = np.zeros(len(ids), dtype=np.int64)
            else:
                contexts = found[k - 1][:-1]
            counts = np.where(ids >= 0, order.counts[ids], 0.0)
            total = np.where(contexts >= 0, order.context_counts[contexts], 0.0)
            types = np.where(contexts >= 0, order.context_types[contexts], 0.0)
            seen = total + types > 0
            mixed = (counts + types * probability) / np.where(seen, total + types, 1.0)
            probability = np.where(seen, mixed, probability)
        logs: Floats = np.log(probability)
        return logs


def fit_ngram_model(corpus: Corpus, weights: Floats) -> NgramModel:
    """Count a corpus.

    Args:
        corpus: The texts, at least one.
        weights: How much each text counts [n_texts], none negative, not all zero.
    """
    per_position = weights[corpus.text_of]
    orders = []
    for k, grams in enumerate(corpus.grams):
        valid = grams.at >= 0
        if k == 0:
            valid = corpus.tokens != START
            contexts, n_contexts = np.zeros(len(grams.at), dtype=np.int64), 1
            types = np.array([len(corpus.vocabulary) - 1], dtype=np.float64)
        else:
            contexts, n_contexts = (
                np.concatenate(([-1], corpus.grams[k - 1].at[:-1])),
                corpus.grams[k - 1].size,
            )
            types = np.bincount(grams.keys // len(corpus.vocabulary), minlength=n_contexts).astype(np.float64)
        counts = np.bincount(grams.at[valid], weights=per_position[valid], minlength=grams.size)
        totals = np.bincount(contexts[valid], weights=per_position[valid], minlength=n_contexts)
        orders.append(_Order(counts.astype(np.float64), totals.astype(np.float64), types))
    return NgramModel(corpus, tuple(orders))


def label_log_ratios(corpus: Corpus, weights: Floats) -> tuple[Floats, Floats]:
    """How much each token and each pair of tokens speaks for the weighted texts.

    The log of seen over expected weighted count, one added to both: near zero for what is rare, so that a word seen once
    decides nothing.

    Args:
        corpus: The texts.
        weights: How far each text belongs to the label, 0..1 [n_texts].

    Returns:
        Ratios for tokens [n_tokens] and pairs [n_pairs].
    """
    inside = weights[corpus.text_of]
    tokens, pairs = (_log_ratio(grams, inside) for grams in corpus.grams[:2])
    return tokens, pairs


def _log_ratio(grams: Grams, inside: Floats) -> Floats:
    valid = grams.at >= 0
    seen = np.bincount(grams.at[valid], weights=inside[valid], minlength=grams.size)
    everywhere = np.bincount(grams.at[valid], minlength=grams.size)
    expected = everywhere * (seen.sum() / max(everywhere.sum(), 1))
    ratio: Floats = np.log((seen + 1.0) / (expected + 1.0))
    return ratio
