"""A student's quality is what it did on gold it had not seen, with an honest interval."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.fingerprint import canonical_json
from gts.orchestrator.estimate import calibrate, decide, estimate, label_sets, loss_at
from gts.tasks.metrics import evaluate

LABELS = ("a", "b", "c")


def case(seed: int, n: int, multi: bool, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, (n, 3)) if multi else np.eye(3)[rng.integers(0, 3, n)]
    return (rng.normal(size=(n, 3)) + skill * targets).astype(np.float32), targets.astype(np.float32)


def test_a_student_decides_for_one_label_or_for_each() -> None:
    logits = np.array([[2.0, -1.0, 1.0], [-3.0, -2.0, -1.0]], np.float32)

    assert label_sets(decide(logits, multi_label=False), LABELS) == [("a",), ("c",)]
    assert label_sets(decide(logits, multi_label=True), LABELS) == [("a", "c"), ()]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(2, 60),
    multi=st.booleans(),
    metric=st.sampled_from(["accuracy", "macro_f1"]),
)
def test_the_value_is_the_one_that_evaluating_gives(seed: int, n: int, multi: bool, metric: str) -> None:
    logits, targets = case(seed, n, multi)

    found = estimate(logits, targets, LABELS, multi, metric, folds=3)

    truth, guess = label_sets(targets > 0.5, LABELS), label_sets(decide(logits, multi), LABELS)
    assert found.value == pytest.approx(evaluate(LABELS, truth, guess, multi)[metric])
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.metric, found.n) == (metric, n)
    assert "3 folds" in found.method
    assert json.loads(canonical_json(found.as_json()))["value"] == pytest.approx(found.value, abs=1e-4)


def test_more_gold_gives_a_narrower_interval() -> None:
    widths = []
    for n in (12, 48, 192):
        logits, targets = case(0, n, multi=False, skill=2.0)
        found = estimate(logits, targets, LABELS, False, "accuracy", 3)
        widths.append(found.high - found.low)

    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("sign", [1, -1], ids=["all right", "all wrong"])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_ends_of_the_scale_are_no_trouble(sign: int, metric: str) -> None:
    targets = np.eye(3, dtype=np.float32)[np.arange(12) % 3]

    found = estimate(sign * 20 * targets, targets, LABELS, False, metric, 2)

    assert found.value == (1.0 if sign == 1 else 0.0)
    assert math.isfinite(found.loss)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("multi", [False, True])
def test_the_loss_is_the_log_likelihood(multi: bool) -> None:
    logits, targets = case(0, 10, multi)
    scaled = logits.astype(float) / 2
    if multi:
        p = 1 / (1 + np.exp(-scaled))
        expected = -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    else:
        p = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
        expected = -np.mean((targets * np.log(p)).sum(axis=1))

    assert loss_at(logits, targets, multi, 2.0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("factor", [0.8, 3.0])
def test_calibration_undoes_what_scaling_did(multi: bool, factor: float) -> None:
    logits, targets = case(0, 400, multi, skill=1.0)
    plain, _ = calibrate(logits, targets, multi)

    temperature, loss = calibrate(factor * logits, targets, multi)

    assert temperature == pytest.approx(factor * plain, rel=0.06)
    assert loss <= loss_at(factor * logits, targets, multi, 1.0)


def test_a_few_right_answers_do_not_make_a_student_sure_of_everything() -> None:
    targets = np.eye(2, dtype=np.float32)[np.arange(4) % 2]

    temperature, _ = calibrate(0.1 * targets, targets, False)

    assert temperature == pytest.approx(0.5)


def test_a_boaster_is_cooled_down() -> None:
    targets = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    logits = 10 * targets
    logits[:10] = logits[:10, ::-1]  # as sure where it is wrong

    assert calibrate(logits, targets, False)[0] > 2
