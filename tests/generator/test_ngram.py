from __future__ import annotations

import numpy as np
import pytest

from gts.generator.corpus import END, START, Corpus, build_corpus
from gts.generator.ngram import NgramModel, fit_ngram_model, label_log_ratios

TEXTS = ["the red car is fast", "the red bus is slow", "a blue car is very fast", "stop"]


def corpus(texts: list[str] = TEXTS, order: int = 4) -> Corpus:
    return build_corpus(texts, max_text_tokens=50, spaced_order=order, unspaced_order=order)


def log_probabilities(model: NgramModel, text: str) -> np.ndarray:
    ids = {token: i for i, token in enumerate(model.corpus.vocabulary)}
    tokens = [START, *(ids[f" {word}"] for word in text.split()), END]
    return model.log_probabilities(model.corpus.find(np.array(tokens)))


@pytest.mark.parametrize("history", ["", "the", "the red", "fast the", "the red car is"])
@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [0.1, 3.0, 0.0, 0.5]])
def test_probabilities_of_all_next_tokens_sum_to_one(history: str, weights: list[float]) -> None:
    built = corpus()
    model = fit_ngram_model(built, np.array(weights))
    ids = {token: i for i, token in enumerate(built.vocabulary)}
    before = [START, *(ids[f" {word}"] for word in history.split())]
    total = sum(
        np.exp(model.log_probabilities(built.find(np.array([*before, token])))[-1])
        for token in range(len(built.vocabulary))
        if token != START
    )
    # START is never predicted, yet the uniform base leaves it its small share.
    assert 0.9 < total <= 1 + 1e-9


def test_seen_word_order_is_likelier_than_jumbled() -> None:
    model = fit_ngram_model(corpus(), np.ones(4))
    assert (
        log_probabilities(model, "the red car is very fast").mean()
        > log_probabilities(model, "fast the is car very red").mean()
    )


def test_a_heavier_text_pulls_its_words_up() -> None:
    even = fit_ngram_model(corpus(), np.ones(4))
    bus = fit_ngram_model(corpus(), np.array([1.0, 9.0, 1.0, 1.0]))
    assert (log_probabilities(bus, "the red bus")[:3] > log_probabilities(even, "the red bus")[:3]).all()


def test_every_ngram_of_the_corpus_is_found_and_no_other() -> None:
    built = corpus()
    for text in range(len(TEXTS)):
        span = built.tokens[built.first[text] : built.last[text] + 1]
        for k, ids in enumerate(built.find(span)):
            assert (ids[k:] >= 0).all()
            assert (ids[:k] == -1).all()
    ids = {token: i for i, token in enumerate(built.vocabulary)}
    assert built.find(np.array([ids[" slow"], ids[" red"]]))[1].tolist() == [-1, -1]


def test_short_texts_have_no_long_ngrams() -> None:
    built = corpus(["yes", "no", ""], order=5)
    model = fit_ngram_model(built, np.ones(3))
    assert len(built.grams) == 3  # start, word, end
    assert np.isfinite(log_probabilities(model, "yes no yes")).all()


def test_words_of_the_label_have_positive_ratios_and_rare_ones_stay_small() -> None:
    texts = ["who won it", "who made it", "who saw it", "where is it", "where was it", "where did it"]
    built = corpus(texts)
    tokens, _ = label_log_ratios(built, np.array([1.0, 1, 1, 0, 0, 0]))
    ratio = {token.strip(): tokens[i] for i, token in enumerate(built.vocabulary)}
    assert ratio["who"] > ratio["won"] > 0 > ratio["was"] > ratio["where"]
    assert ratio["it"] == pytest.approx(0)
