"""Calibration makes probabilities as sure as they are right, and a threshold for the measure that is wanted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.student.pairs.calibration import Calibration, calibrate, decide_from, logit


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True probabilities, and labels drawn by them."""
    rng = np.random.default_rng(seed)
    true = rng.beta(0.8, 0.6, n).astype(np.float32)
    return true, (rng.random(n) < true).astype(np.float32)


def loss(p: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def test_what_made_probabilities_too_sure_is_undone() -> None:
    true, labels = drawn(4000)
    said = Calibration(2.5, 0.8).apply(true)
    found = calibrate(said, labels)
    assert found.slope == pytest.approx(1 / 2.5, rel=0.1)
    np.testing.assert_allclose(found.apply(said), true, atol=0.05)


def test_good_probabilities_stay() -> None:
    true, labels = drawn(3000, seed=1)
    np.testing.assert_allclose(calibrate(true, labels).apply(true), true, atol=0.03)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=30))
def test_any_answers_give_a_line_that_rises_and_does_no_harm(rows: list[tuple[float, bool]]) -> None:
    p = np.array([value for value, _ in rows], np.float32)
    y = np.array([label for _, label in rows], np.float32)
    found = calibrate(p, y)
    assert found.slope > 0 and np.isfinite(found.intercept)
    after = found.apply(p)
    assert (np.diff(after[np.argsort(p, kind="stable")]) >= -1e-6).all()
    assert loss(after, y) <= loss(p, y) + 0.02


def test_few_pairs_move_it_little() -> None:
    one = calibrate(np.array([0.9], np.float32), np.array([0], np.float32))
    assert one.slope > 0.3 and abs(one.intercept) < 1


def test_a_threshold_for_f1_is_lower_than_one_for_accuracy_where_few_are_alike() -> None:
    rng = np.random.default_rng(2)
    true = rng.beta(0.5, 3.0, 3000).astype(np.float32)
    labels = (rng.random(3000) < true).astype(np.float32)
    for_accuracy, for_f1 = (decide_from(true, labels, metric).threshold for metric in ("accuracy", "f1"))
    assert for_accuracy == pytest.approx(0.5, abs=0.1)
    assert for_f1 == pytest.approx(0.25, abs=0.1)


def test_a_lucky_cut_among_few_pairs_is_not_believed() -> None:
    p = np.array([0.02, 0.03, 0.05, 0.9], np.float32)
    labels = np.array([0, 1, 1, 1], np.float32)
    assert decide_from(p, labels).threshold > 0.4


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(InvalidInput, match="0 probabilities for 0 targets"):
        calibrate(np.zeros(0, np.float32), np.zeros(0, np.float32))
    with pytest.raises(InvalidInput, match="2 probabilities for 1 targets"):
        calibrate(np.zeros(2, np.float32), np.zeros(1, np.float32))


def test_log_odds_are_finite() -> None:
    assert np.isfinite(logit(np.array([0, 1], np.float32))).all()
