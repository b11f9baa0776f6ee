"""The audit believes teachers for what they said about texts they had not seen, and for nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.encoder import unit
from gts.teacher.ensemble import accuracy, audit, combine, negative_log_likelihood, sharpen
from gts.teacher.heads import LogisticHead
from gts.teacher.spreading import spread


def answers(targets: np.ndarray, right: float, rng: np.random.Generator, sure: float = 0.8) -> np.ndarray:
    """A single-label teacher that is right on that share of texts."""
    n, labels = targets.shape
    truth = targets.argmax(axis=1)
    wrong = (truth + rng.integers(1, labels, n)) % labels
    told = np.where(rng.random(n) < right, truth, wrong)
    return ((1 - sure) / labels + sure * np.eye(labels)[told]).astype(np.float32)


@pytest.fixture
def targets() -> np.ndarray:
    return np.eye(4, dtype=np.float32)[np.arange(64) % 4]


def test_a_teacher_worse_than_chance_is_left_out(targets: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    teachers = {
        "good": answers(targets, 0.85, rng),
        "fair": answers(targets, 0.75, rng),
        "bad": answers(targets, 0.1, rng),
    }

    result = audit(teachers, targets, multi_label=False)

    assert result.weights["bad"] == 0
    assert result.weights["good"] > 0
    assert result.accuracy["bad"] < 0.25 < result.accuracy["good"]
    assert result.loss["bad"] > result.loss["good"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), teachers=st.integers(1, 7), multi=st.booleans())
def test_the_ensemble_is_never_worse_than_its_best_teacher(
    seed: int, n: int, teachers: int, multi: bool
) -> None:
    rng = np.random.default_rng(seed)
    targets = (
        rng.integers(0, 2, (n, 3)).astype(np.float32)
        if multi
        else np.eye(3, dtype=np.float32)[rng.integers(0, 3, n)]
    )
    told = {f"t{i}": rng.dirichlet(np.ones(3), n).astype(np.float32) for i in range(teachers)}

    result = audit(told, targets, multi)

    assert sum(result.weights.values()) == pytest.approx(1)
    assert min(result.weights.values()) >= 0
    assert set(result.weights) == set(result.accuracy) == set(result.loss) == set(told)
    blended = combine(told, result.weights)
    assert result.ensemble_loss == pytest.approx(negative_log_likelihood(blended, targets, multi))
    assert result.ensemble_accuracy == pytest.approx(accuracy(blended, targets, multi))


def test_teachers_that_err_on_different_texts_are_joined(targets: np.ndarray) -> None:
    one, other = (0.4 * targets + 0.15 for _ in range(2))
    one[:20], other[20:40] = 0.25, 0.25  # each knows nothing about twenty texts

    result = audit(
        {"one": one.astype(np.float32), "other": other.astype(np.float32)}, targets, multi_label=False
    )

    assert result.weights == pytest.approx({"one": 0.5, "other": 0.5}, abs=0.1)
    assert result.ensemble_loss < min(result.loss.values())


def test_one_sure_error_does_not_cost_everything(targets: np.ndarray) -> None:
    sure = targets.copy()
    sure[0] = np.roll(sure[0], 1)

    assert np.isfinite(negative_log_likelihood(sure, targets, multi_label=False))
    assert negative_log_likelihood(sure, targets, False) < negative_log_likelihood(
        np.full_like(targets, 0.25), targets, False
    )


def test_accuracy_of_multi_label_counts_pairs() -> None:
    targets = np.array([[1, 0], [1, 1]], np.float32)

    assert accuracy(np.array([[0.9, 0.1], [0.9, 0.4]], np.float32), targets, multi_label=True) == 0.75


def test_spreading_that_drags_accuracy_down_is_caught() -> None:
    """Question words: neighbours share the topic, the label is what is asked, in a direction spreading does not follow."""
    rng = np.random.default_rng(0)
    n_gold, n_pool = 48, 400
    topics, labels = rng.integers(0, 8, n_gold + n_pool), np.arange(n_gold + n_pool) % 2
    vectors = np.zeros((n_gold + n_pool, 10), np.float32)
    vectors[np.arange(len(topics)), topics] = 1.0
    vectors[:, 8] = 0.3 * (2 * labels - 1)
    vectors = unit(vectors + 0.15 * rng.normal(size=vectors.shape).astype(np.float32))
    targets = np.eye(2, dtype=np.float32)[labels]
    fold = np.arange(n_gold) // 2 % 4
    held = {name: np.zeros((n_gold, 2), np.float32) for name in ("encoder", "encoder-spread")}
    for k in range(4):
        train, out = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        questions = np.concatenate([out, np.arange(n_gold, n_gold + n_pool)])
        head = LogisticHead(False).fit(vectors[train], targets[train]).predict(vectors[questions])
        spreading = spread(vectors[np.concatenate([train, questions])], targets[train])
        held["encoder"][out] = head[: len(out)]
        held["encoder-spread"][out] = spreading[len(train) : len(train) + len(out)]

    result = audit(held, targets[:n_gold], multi_label=False)

    assert result.accuracy["encoder-spread"] < result.accuracy["encoder"] - 0.1
    assert result.weights["encoder"] > result.weights["encoder-spread"]
    assert result.ensemble_accuracy >= result.accuracy["encoder"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), exponent=st.sampled_from([1.0, 2.0, 4.0]), multi=st.booleans())
def test_sharpening_keeps_what_is_likeliest_and_makes_it_likelier(
    seed: int, exponent: float, multi: bool
) -> None:
    rng = np.random.default_rng(seed)
    soft = (rng.random((6, 3)) if multi else rng.dirichlet(np.ones(3), 6)).astype(np.float32)

    sharp = sharpen(soft, exponent, multi)

    assert sharp.min() >= 0
    assert sharp.max() <= 1
    if multi:
        assert (np.sign(sharp - 0.5) == np.sign(soft - 0.5)).all()
        assert (np.abs(sharp - 0.5) >= np.abs(soft - 0.5) - 1e-5).all()
    else:
        np.testing.assert_allclose(sharp.sum(axis=1), 1, atol=1e-5)
        assert (sharp.argmax(axis=1) == soft.argmax(axis=1)).all()
        assert (sharp.max(axis=1) >= soft.max(axis=1) - 1e-5).all()


@pytest.mark.parametrize("multi", [False, True])
def test_certain_labels_stay_as_they_are(multi: bool) -> None:
    hard = np.eye(3, dtype=np.float32)

    np.testing.assert_allclose(sharpen(hard, 4.0, multi), hard, atol=1e-6)


@pytest.mark.parametrize(("sure", "expected"), [(0.3, (2.0, 8.0)), (0.95, (1.0, 1.2))])
def test_flat_beliefs_are_sharpened_as_far_as_they_are_right(
    targets: np.ndarray, sure: float, expected: tuple[float, float]
) -> None:
    teachers = {"only": answers(targets, 0.85, np.random.default_rng(0), sure)}

    assert expected[0] <= audit(teachers, targets, multi_label=False).exponent <= expected[1]
