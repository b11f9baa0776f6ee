"""Measures of similarity agree with scikit-learn and scipy, and no threshold decides better than the chosen one."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from gts.core.errors import InvalidInput
from gts.tasks.similarity_metrics import accuracy, alike, best_threshold, evaluate, f1, spearman

# Few values, so that many are equal.
SCORE = st.integers(0, 8).map(lambda value: value / 8)
PAIRS = st.lists(st.tuples(st.integers(0, 1), SCORE), min_size=1, max_size=30)
GRADED = st.lists(st.tuples(st.integers(0, 5), SCORE), min_size=1, max_size=30)
MEASURES = {"accuracy": accuracy, "f1": f1}


@settings(max_examples=100, deadline=None)
@given(pairs=PAIRS, threshold=SCORE)
def test_decisions_agree_with_sklearn(pairs, threshold):
    gold, scores = zip(*pairs, strict=True)
    said = [score >= threshold for score in scores]
    found = evaluate(gold, scores, threshold)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(gold, said))
    assert found["f1"] == pytest.approx(reference.f1_score(gold, said, zero_division=0))
    assert found["n"] == len(pairs)
    json.dumps(found)


@settings(max_examples=100, deadline=None)
@given(pairs=GRADED)
def test_rank_correlation_agrees_with_scipy(pairs):
    gold, scores = zip(*pairs, strict=True)
    found = spearman(gold, scores)
    if len(set(gold)) == 1 or len(set(scores)) == 1:
        assert found == 0
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of correlations from two pairs
        assert found == pytest.approx(stats.spearmanr(gold, scores).statistic)
    assert -1 <= found <= 1
    assert evaluate(gold, scores, graded=True) == {"spearman": found, "n": len(pairs)}


def test_scores_that_tell_nothing_correlate_with_nothing():
    assert spearman([0, 1, 2], [0.5, 0.5, 0.5]) == spearman([1, 1], [0.1, 0.2]) == spearman([1], [1]) == 0
    assert spearman([1, 2, 3], [10, 20, 1000]) == 1
    assert spearman([1, 2, 3], [0.3, 0.2, 0.1]) == -1


@settings(max_examples=150, deadline=None)
@given(pairs=PAIRS, metric=st.sampled_from(["accuracy", "f1"]))
def test_no_threshold_decides_better(pairs, metric):
    gold, scores = (np.array(side) for side in zip(*pairs, strict=True))
    best = best_threshold(gold, scores, metric)
    measure = MEASURES[metric]
    assert best.score == pytest.approx(measure(gold == 1, alike(scores, best.value)))
    tried = [measure(gold == 1, alike(scores, value)) for value in np.linspace(-0.1, 1.1, 49)]
    assert best.score == pytest.approx(max(tried))
    json.dumps([best.value, best.score])


def test_ties_of_thresholds():
    # 0.2 | 0.3 and 0.4 | 0.9 cut with one mistake each: the wider gap is taken.
    assert best_threshold([0, 1, 0, 1], [0.2, 0.3, 0.4, 0.9]).value == pytest.approx(0.65)
    # Equal gaps: the least.
    assert best_threshold([0, 1, 0, 1], [1, 2, 3, 4]).value == 1.5
    assert best_threshold([1, 1], [0.2, 0.8]).value == 0.2
    nobody = best_threshold([0, 0], [0.2, 0.8])
    assert nobody.score == 1 and not alike([0.2, 0.8], nobody.value).any()
    assert best_threshold([0, 0], [0.2, 0.8], "f1").score == 0


def test_neighbouring_32_bit_scores_are_told_apart():
    low = np.float32(0.7)
    scores = np.array([low, np.nextafter(low, np.float32(1))])
    best = best_threshold([0, 1], scores)
    assert best.score == 1 and alike(scores, best.value).tolist() == [False, True]
    close = np.array([0.7, np.nextafter(0.7, 1)])
    assert alike(close, best_threshold([0, 1], close).value).tolist() == [False, True]


def test_what_cannot_be_evaluated():
    for gold, scores, words in (
        ([], [], "0 true and 0 predicted"),
        ([0, 1], [0.5], "2 true and 1 predicted"),
        ([0, 1], [0.5, float("nan")], "not a number"),
        ([0, float("inf")], [0.5, 0.5], "infinite"),
        ([0, 2.5], [0.5, 0.5], "labelled 2.5 where 0 or 1"),
    ):
        with pytest.raises(InvalidInput, match=words):
            evaluate(gold, scores)
        with pytest.raises(InvalidInput, match=words):
            best_threshold(gold, scores)
