"""Which texts a person is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from gts.core.encoder import unit
from gts.orchestrator.selection import MOST_TEXTS, doubts, select
from gts.orchestrator.suspects import mislabelled, taken_for_each_other


def clusters(sizes: list[int], spread: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors in clusters around axes, and the cluster of each."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    return unit(
        np.eye(max(8, len(sizes)), dtype=np.float32)[of]
        + spread * rng.normal(size=(len(of), max(8, len(sizes)))).astype(np.float32)
    ), of


def test_each_doubtful_cluster_is_asked_about_once_before_any_twice() -> None:
    vectors, of = clusters([50, 50, 50, 50])
    chosen = select(vectors, np.full(200, 0.5, np.float32), vectors[:0], 4)

    assert sorted(of[one.row] for one in chosen) == [0, 1, 2, 3]


def test_what_is_labelled_already_is_left_alone() -> None:
    vectors, of = clusters([60, 60, 60])
    chosen = select(vectors, np.full(180, 0.5, np.float32), vectors[of == 1][:3], 2)

    assert {of[one.row] for one in chosen} == {0, 2}


def test_doubt_goes_before_size() -> None:
    vectors, of = clusters([100, 40])
    doubt = np.where(of == 1, 0.6, 0.01).astype(np.float32)

    assert of[select(vectors, doubt, vectors[:0], 1)[0].row] == 1


def test_a_large_doubtful_cluster_goes_before_an_odd_text() -> None:
    vectors, of = clusters([80, 1])
    doubt = np.where(of == 1, 0.9, 0.4).astype(np.float32)
    first = select(vectors, doubt, vectors[:0], 1)[0]

    assert of[first.row] == 0
    assert first.stands_for > 40 and first.doubt == pytest.approx(0.4 * first.stands_for, rel=0.1)


def test_nothing_is_asked_where_nothing_is_in_doubt_or_there() -> None:
    vectors, _ = clusters([20, 20])

    assert select(vectors, np.zeros(40, np.float32), vectors[:0], 5) == []
    assert select(vectors[:0], np.zeros(0, np.float32), vectors, 5) == []
    assert len(select(vectors[:2], np.ones(2, np.float32), vectors[:0], 5)) == 2


def test_very_many_texts_are_drawn_by_seed() -> None:
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(MOST_TEXTS + 500, 4)).astype(np.float32))
    doubt = np.ones(len(vectors), np.float32)

    assert select(vectors, doubt, vectors[:0], 3, seed=1) == select(vectors, doubt, vectors[:0], 3, seed=1)


def test_doubt_is_the_chance_of_an_error() -> None:
    single = np.array([[0.9, 0.1], [0.5, 0.5]], np.float32)

    np.testing.assert_allclose(doubts(single, False), [0.1, 0.5], atol=1e-6)
    np.testing.assert_allclose(doubts(single, True), [0.19, 0.75], atol=1e-6)


def test_a_row_with_another_label_than_all_its_kind_is_suspected() -> None:
    targets = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    beliefs = np.array([[0.95, 0.05], [0.05, 0.95], [0.4, 0.6], [0.3, 0.7]], np.float32)

    assert mislabelled(beliefs, targets) == [(1, 1)]


def test_labels_that_are_taken_for_each_other_are_named_and_a_slip_is_not() -> None:
    targets = np.eye(3, dtype=np.float32)[[0] * 6 + [1] * 6 + [2] * 6]
    said = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 2, 2, 2, 2, 2, 0]]

    assert taken_for_each_other(said, targets) == [(0, 1, 5)]
