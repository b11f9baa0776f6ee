"""Labels guessed from what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from gts.core.errors import InvalidInput
from gts.teacher.zero_shot import likeness, surest_of


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clouds(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts around three centres, what is said of the labels a little off these, and which is whose."""
    centres = np.eye(3, 8)
    whose = rng.integers(0, 3, count)
    texts = unit(centres[whose] + rng.normal(0, 0.35, (count, 8)))
    described = unit(centres + rng.normal(0, 0.3, (3, 8)))
    return texts, described, whose


def test_the_surest_texts_of_each_label_are_nearly_all_its_own() -> None:
    texts, described, whose = clouds(np.random.default_rng(0), 600)

    guess = surest_of(likeness(texts, described), 16)

    assert np.bincount(guess.labels).tolist() == [16, 16, 16]
    assert (whose[guess.rows] == guess.labels).mean() > 0.95


def test_a_label_that_lies_near_everything_does_not_take_everything() -> None:
    texts, described, whose = clouds(np.random.default_rng(1), 600)
    described[0] = unit(described.sum(axis=0, keepdims=True))[0]

    found = likeness(texts, described).argmax(axis=1)

    assert (found == whose).mean() > (np.argmax(texts @ described.T, axis=1) == whose).mean() + 0.05


def test_a_label_that_says_nothing_gets_no_text() -> None:
    texts, described, _ = clouds(np.random.default_rng(0), 60)
    described[2] = 0

    assert 2 not in surest_of(likeness(texts, described), 5).labels


def test_a_text_without_an_opinion_is_never_chosen() -> None:
    scores = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.7]], np.float32)

    assert set(surest_of(scores, 5).rows.tolist()) == {0, 2}


def test_one_label_is_no_choice() -> None:
    with pytest.raises(InvalidInput, match="one label only"):
        surest_of(np.ones((3, 1), np.float32), 2)
