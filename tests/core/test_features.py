"""Vectors under a frozen encoder: read once, shared by all who use the store, and the same as without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.core.features import FeatureStore

TEXTS = ["where is my parcel", "the card was lost", "where is my parcel", ""]


class Watched(Encoder):
    """An encoder that says what it had to read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read: list[str] = []

    def embed(self, texts, batch_size=64, on_batch=None):
        self.read += texts
        return super().embed(texts, batch_size, on_batch)


@pytest.fixture
def encoder(tiny_encoder: Path) -> Watched:
    return Watched(tiny_encoder)


def test_each_text_is_read_once_whoever_asks(encoder: Watched, tmp_path: Path) -> None:
    first = FeatureStore(tmp_path).embed(encoder, "a" * 64, TEXTS)
    again = FeatureStore(tmp_path).embed(encoder, "a" * 64, [*TEXTS[::-1], "a new one"])

    assert encoder.read == [*dict.fromkeys(TEXTS), "a new one"]
    np.testing.assert_array_equal(again[:4], first[::-1])
    np.testing.assert_allclose(first, Encoder(encoder.folder).embed(TEXTS), atol=1e-5)


def test_other_weights_and_other_lengths_are_other_vectors(encoder: Watched, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.embed(encoder, "a" * 64, TEXTS[:1])
    store.embed(encoder, "b" * 64, TEXTS[:1])
    encoder.max_length = 16
    store.embed(encoder, "a" * 64, TEXTS[:1])

    assert encoder.read == TEXTS[:1] * 3


def test_no_texts_are_no_vectors(encoder: Watched, tmp_path: Path) -> None:
    assert FeatureStore(tmp_path).embed(encoder, "a" * 64, []).shape == (0, encoder.model.config.hidden_size)
    assert not list(tmp_path.iterdir())


def test_the_oldest_vectors_go_when_the_store_is_full(encoder: Watched, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, most_bytes=3000)
    for number in range(12):
        store.embed(encoder, "a" * 64, [f"text {number}"])
    encoder.read.clear()
    store.embed(encoder, "a" * 64, ["text 0", "text 11"])

    assert encoder.read == ["text 0"]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.texts")) <= 3000


def test_the_vocabulary_is_read_once(encoder: Watched, tmp_path: Path) -> None:
    first = FeatureStore(tmp_path).embed_vocabulary(encoder, "a" * 64)
    again = FeatureStore(tmp_path).embed_vocabulary(encoder, "a" * 64)

    assert first.dtype == np.float16
    assert len(first) == len(encoder.tokenizer)
    np.testing.assert_array_equal(first, again)
