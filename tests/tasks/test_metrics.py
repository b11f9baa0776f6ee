"""Measures agree with scikit-learn, and intervals hold what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from gts.core.errors import InvalidInput
from gts.tasks.metrics import (
    bootstrap_interval,
    count,
    encode,
    evaluate,
    wilson_interval,
)

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30)
SETS = st.lists(st.sampled_from(LABELS), unique=True)
SET_PAIRS = st.lists(st.tuples(SETS, SETS), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS)
def test_single_label_agrees_with_sklearn(pairs):
    gold, predicted = map(list, zip(*pairs, strict=True))
    found = evaluate(LABELS, gold, [(label,) for label in predicted])
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(gold, predicted))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(gold, predicted, average="macro"))
    assert found["n"] == len(pairs)
    expected = reference.precision_recall_fscore_support(gold, predicted, labels=LABELS, zero_division=0)
    for number, label in enumerate(LABELS):
        values = [found["per_label"][label][key] for key in ("precision", "recall", "f1", "support")]
        assert values == pytest.approx([column[number] for column in expected])
    matrix = reference.confusion_matrix(gold, predicted, labels=LABELS)
    assert sum(pair["count"] for pair in evaluate(LABELS, gold, predicted)["confusions"]) <= matrix.sum()
    for pair in found["confusions"]:
        assert matrix[LABELS.index(pair["gold"]), LABELS.index(pair["predicted"])] == pair["count"]
    json.dumps(found)


@settings(max_examples=60, deadline=None)
@given(pairs=SET_PAIRS)
def test_multi_label_agrees_with_sklearn(pairs):
    gold, predicted = map(list, zip(*pairs, strict=True))
    true, guess = (encode(LABELS, rows, multi_label=True) for rows in (gold, predicted))
    found = evaluate(LABELS, gold, predicted, multi_label=True)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(true, guess))
    assert found["micro_f1"] == pytest.approx(
        reference.f1_score(true, guess, average="micro", zero_division=0)
    )
    present = [n for n in range(len(LABELS)) if true[:, n].any() or guess[:, n].any()]
    if present:
        expected = reference.f1_score(true, guess, average="macro", labels=present, zero_division=0)
        assert found["macro_f1"] == pytest.approx(expected)
    json.dumps(found)


def test_confusions_are_ordered():
    found = evaluate(LABELS, list("aaabbc"), list("bbcbba"))
    assert found["confusions"] == [
        {"gold": "a", "predicted": "b", "count": 2},
        {"gold": "a", "predicted": "c", "count": 1},
        {"gold": "c", "predicted": "a", "count": 1},
    ]
    found = evaluate(LABELS, [["a"], ["a", "b"]], [["b"], ["b", "c"]], multi_label=True)
    assert found["confusions"][0] == {"gold": "a", "predicted": "b", "count": 1}


def test_what_cannot_be_evaluated():
    with pytest.raises(InvalidInput, match="0 true and 0 predicted"):
        evaluate(LABELS, [], [])
    with pytest.raises(InvalidInput, match="unknown label 'z'"):
        evaluate(LABELS, ["a"], ["z"])
    with pytest.raises(InvalidInput, match="row 1 has 2 labels"):
        evaluate(LABELS, [["a", "b"]], ["a"])


def test_wilson_interval():
    low, high = wilson_interval(8, 10, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    for n in range(1, 200):
        assert wilson_interval(0, n)[0] == 0
        assert wilson_interval(n, n)[1] == 1
    assert wilson_interval(40, 48, 0.9)[0] > wilson_interval(40, 48, 0.95)[0]
    for wrong in ((11, 10, 0.9), (0, 0, 0.9), (1, 2, 1.0)):
        with pytest.raises(InvalidInput):
            wilson_interval(*wrong)


def test_wilson_interval_covers():
    rng = np.random.default_rng(0)
    draws = rng.binomial(48, 0.85, 2_000)
    held = [low <= 0.85 <= high for low, high in (wilson_interval(int(k), 48, 0.9) for k in draws)]
    assert 0.87 <= np.mean(held) <= 0.95


def test_bootstrap_interval():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, 200)
    predicted = np.where(rng.random(200) < 0.8, gold, rng.integers(0, 4, 200))
    found = bootstrap_interval(gold, predicted, 4, resamples=200)
    value = reference.f1_score(gold, predicted, average="macro")
    assert found[0] < value < found[1]
    assert found == bootstrap_interval(gold, predicted, 4, resamples=200)
    assert found != bootstrap_interval(gold, predicted, 4, resamples=200, seed=1)
    one_hot = np.eye(4, dtype=bool)
    assert bootstrap_interval(one_hot[gold], one_hot[predicted], 4, resamples=200) == pytest.approx(found)
    assert count(gold, predicted, 6).true.shape == (6,)
