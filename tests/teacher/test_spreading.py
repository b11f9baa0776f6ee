"""Label spreading: labels reach the texts around them, and beliefs are probabilities whatever the graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.encoder import unit
from gts.teacher.spreading import SpreadConfig, nearest, spread


def cloud(angle: float, n: int, rng: np.random.Generator, width: float = 0.1) -> np.ndarray:
    angles = angle + width * rng.normal(size=n)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def random_case(seed: int, n: int, labelled: int, multi: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(n, 4)).astype(np.float32))
    vectors[rng.random(n) < 0.3] = vectors[0]  # duplicates
    vectors[rng.random(n) < 0.1] = 0  # texts in which nothing is known
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, labelled)]
    prior = rng.dirichlet(np.ones(3), n - labelled).astype(np.float32)
    if multi:
        targets = rng.integers(0, 2, (labelled, 3)).astype(np.float32)
        prior = rng.random((n - labelled, 3)).astype(np.float32)
    return vectors, targets, prior


def test_two_clusters_get_their_labels() -> None:
    rng = np.random.default_rng(0)
    # The labelled texts lie at the rim of their clusters.
    vectors = np.concatenate(
        [cloud(0.3, 1, rng), cloud(1.2, 1, rng), cloud(0.0, 40, rng), cloud(1.5, 40, rng)]
    )

    beliefs = spread(vectors, np.eye(2, dtype=np.float32), config=SpreadConfig(neighbours=5))

    assert beliefs[2:].argmax(axis=1).tolist() == [0] * 40 + [1] * 40


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    labelled=st.integers(1, 6),
    others=st.integers(0, 25),
    multi=st.booleans(),
    with_prior=st.booleans(),
)
def test_beliefs_are_probabilities(
    seed: int, labelled: int, others: int, multi: bool, with_prior: bool
) -> None:
    vectors, targets, prior = random_case(seed, labelled + others, labelled, multi)

    beliefs = spread(vectors, targets, prior if with_prior else None)

    assert beliefs.shape == (labelled + others, 3)
    assert np.isfinite(beliefs).all()
    assert beliefs.min() >= 0
    assert beliefs.max() <= 1
    if not multi:
        np.testing.assert_allclose(beliefs.sum(axis=1), 1.0, atol=1e-4)


def test_labels_of_a_multi_label_task_do_not_weigh_on_each_other() -> None:
    vectors, targets, prior = random_case(3, 30, 6, multi=True)

    together = spread(vectors, targets, prior)

    for label in range(3):
        alone = spread(vectors, targets[:, [label]], prior[:, [label]])
        np.testing.assert_allclose(together[:, [label]], alone, atol=1e-6)


def test_a_text_far_from_all_keeps_its_prior() -> None:
    rng = np.random.default_rng(0)
    near = np.concatenate([cloud(0.0, 10, rng), cloud(1.5, 10, rng)])
    vectors = np.zeros((21, 3), np.float32)
    vectors[:20, :2], vectors[20, 2] = near, 1.0  # the last one is orthogonal to every other
    targets = np.repeat(np.eye(2, dtype=np.float32), [10, 10], axis=0)[[0, 10]]
    order = [0, 10, *range(1, 10), *range(11, 21)]
    prior = np.full((19, 2), 0.5, np.float32)
    prior[-1] = [0.2, 0.8]

    beliefs = spread(vectors[order], targets, prior, SpreadConfig(neighbours=3))

    np.testing.assert_allclose(beliefs[-1], [0.2, 0.8], atol=0.05)


def test_gold_texts_alone_need_no_others() -> None:
    rng = np.random.default_rng(0)
    beliefs = spread(
        np.concatenate([cloud(0, 2, rng), cloud(1.5, 2, rng)]), np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    )

    assert beliefs.argmax(axis=1).tolist() == [0, 0, 1, 1]


def test_a_single_text_is_no_error() -> None:
    beliefs = spread(np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32))

    np.testing.assert_allclose(beliefs, [[0.0, 1.0]])


def test_copies_of_a_text_share_its_label() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)[np.r_[0, 30, 1:30, 31:60]]

    beliefs = spread(vectors, np.eye(2, dtype=np.float32))

    assert beliefs[2:].argmax(axis=1).tolist() == [0] * 29 + [1] * 29


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 12), m=st.integers(1, 12), k=st.integers(1, 15))
def test_nearest_are_the_nearest(seed: int, n: int, m: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries, keys = (unit(rng.normal(size=(size, 3)).astype(np.float32)) for size in (n, m))

    indices, cosines = nearest(queries, keys, k)

    expected = np.sort(queries @ keys.T, axis=1)[:, ::-1][:, :k]
    np.testing.assert_allclose(np.sort(cosines, axis=1)[:, ::-1], expected, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(queries @ keys.T, indices, axis=1), cosines, atol=1e-6)


@pytest.mark.parametrize("n", [2, 1025, 2050])
def test_no_text_is_its_own_neighbour(n: int) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32))

    indices, _ = nearest(vectors, vectors, 3, skip_self=True)

    assert not (indices == np.arange(n)[:, None]).any()
    assert indices.shape == (n, min(3, n - 1))
