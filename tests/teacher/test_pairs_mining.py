"""Pairs mined from sentences: near ones and random ones, each once, none that may be a labelled pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.encoder import unit
from gts.core.errors import InvalidInput
from gts.teacher.pairs.mining import mine


def vectors_of(sentences: list[str], seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(len(sentences), 4)).astype(np.float32))


def keys(rows: list) -> list[tuple[str, str]]:
    return [tuple(sorted((row.text_a, row.text_b))) for row in rows]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from("abcdefghijklmnop"), max_size=30),
    st.sets(st.sampled_from("abcd")),
    st.integers(0, 40),
    st.integers(0, 3),
)
def test_each_pair_is_mined_once(sentences: list[str], gold: set[str], count: int, seed: int) -> None:
    rows = mine(sentences, sorted(gold), count, seed, vectors_of(sentences))
    mined = keys(rows)
    assert len(mined) == len(set(mined)) <= count
    assert all(a != b and {a, b} <= set(sentences) and not {a, b} <= gold for a, b in mined)
    assert all(row.score is None for row in rows)
    assert rows == mine(sentences, sorted(gold), count, seed, vectors_of(sentences))


def test_most_are_near_and_some_are_not() -> None:
    sentences = [f"{word} {i}" for word in "abcdefghij" for i in range(6)]
    groups = np.repeat(np.eye(10, dtype=np.float32), 6, axis=0)
    near = [row.text_a[0] == row.text_b[0] for row in mine(sentences, [], 100, 0, groups)]
    assert len(near) == 100 and 0.65 <= np.mean(near) <= 0.9


def test_as_many_as_are_wanted_where_there_are_as_many() -> None:
    sentences = [str(i) for i in range(12)]
    assert len(mine(sentences, [], 60, 0, vectors_of(sentences))) == 60
    assert len(mine(sentences, [], 1000, 0, vectors_of(sentences))) == 66


def test_another_seed_gives_other_pairs() -> None:
    sentences = [str(i) for i in range(50)]
    one, other = (set(keys(mine(sentences, [], 40, seed, vectors_of(sentences)))) for seed in (0, 1))
    assert one != other


def test_vectors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1 vectors for 2 sentences"):
        mine(["a", "b"], [], 1, 0, np.ones((1, 4), np.float32))
