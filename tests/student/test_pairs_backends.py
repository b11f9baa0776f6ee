"""Vectors of texts are remembered, and what is remembered is bounded."""

from __future__ import annotations

import numpy as np
import pytest

from gts.student.pairs.backends import VectorBackend
from gts.student.pairs.head import PairHead
from gts.tasks.overlap import NAMES

WIDTH = 4


class Reader:
    """Gives every text a vector that tells its length, and lists what it read."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.given: list[np.ndarray] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.read += texts
        self.given.append(np.array([[len(text)] * WIDTH for text in texts], np.float32))
        return self.given[-1]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def backend(reader: Reader, **most: int) -> VectorBackend:
    ones = np.ones(1 + len(NAMES) + 2 * WIDTH, np.float32)
    return VectorBackend(reader, PairHead(0 * ones, ones, ones, ones[:1]), **most)


def test_a_text_is_read_once(reader: Reader) -> None:
    vectors = backend(reader)
    vectors.embed(["soup", "bread", "soup"])
    found = vectors.embed(["bread", "salt"])
    assert reader.read == ["soup", "bread", "salt"]
    assert found[:, 0].tolist() == [5, 4]


def test_the_least_used_is_forgotten_first(reader: Reader) -> None:
    vectors = backend(reader, kept=2)
    for text in ("soup", "bread", "soup", "salt", "soup", "bread"):
        vectors.embed([text])
    assert reader.read == ["soup", "bread", "salt", "bread"]


def test_long_texts_do_not_fill_the_memory(reader: Reader) -> None:
    vectors = backend(reader, kept_chars=10_000)
    for number in range(50):
        vectors.embed([f"{number:03}" + "x" * 997])
    held = sum(map(len, vectors._known))
    assert held == 10_000

    vectors.embed(["y" * 100_000])
    assert not vectors._known
    vectors.embed(["soup"])
    vectors.embed(["soup"])
    assert reader.read.count("soup") == 1


def test_a_remembered_vector_does_not_keep_those_it_was_read_with(reader: Reader) -> None:
    vectors = backend(reader)
    vectors.embed(["soup", "bread"])
    assert not any(np.shares_memory(vector, reader.given[0]) for vector in vectors._known.values())
