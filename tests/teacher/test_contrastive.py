"""Contrastive tuning: the loss is the published one, and labels move apart, the same way every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.encoder import Encoder, warmup_decay
from gts.teacher.contrastive import (
    TuneConfig,
    draw_batch,
    label_similarity,
    supervised_contrastive_loss,
    tune,
)

TopicTexts = Callable[..., list[str]]


def loss_by_loops(vectors: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    """Khosla et al., equation 2, written out; positives weighed by the overlap of label sets."""
    n = len(vectors)
    cosine = [[float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for b in vectors] for a in vectors]
    losses = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total = math.log(sum(math.exp(cosine[i][j] / temperature) for j in others))
        weights = {}
        for j in others:
            one, other = set(np.flatnonzero(targets[i])), set(np.flatnonzero(targets[j]))
            weights[j] = len(one & other) / len(one | other) if one | other else 0.0
        mass = sum(weights.values())
        if mass > 0:
            losses.append(-sum(w * (cosine[i][j] / temperature - total) for j, w in weights.items()) / mass)
    return sum(losses) / len(losses)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(3, 12),
    multi=st.booleans(),
    temperature=st.sampled_from([0.1, 0.3, 1.0]),
)
def test_the_loss_is_the_published_one(seed: int, n: int, multi: bool, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 5)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, n)]
    if multi:
        targets = np.maximum(targets, rng.integers(0, 2, (n, 3)).astype(np.float32))
    targets[1] = targets[0]  # at least one pair

    found = supervised_contrastive_loss(
        torch.from_numpy(vectors), torch.from_numpy(label_similarity(targets)), temperature
    )

    assert float(found) == pytest.approx(loss_by_loops(vectors, targets, temperature), rel=1e-4, abs=1e-4)


def test_similarity_is_the_overlap_of_label_sets() -> None:
    targets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32)

    np.testing.assert_allclose(
        label_similarity(targets), [[1, 0.5, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    )


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=30),
    size=st.sampled_from([8, 64]),
    seed=st.integers(0, 99),
)
def test_batches_hold_pairs_of_several_labels(sizes: list[int], size: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    groups = [np.flatnonzero(labels == c) for c in range(len(sizes))]

    rows = draw_batch(groups, size, np.random.default_rng(seed))

    found, counts = np.unique(labels[rows], return_counts=True)
    assert len(rows) == len(set(rows.tolist())) <= size
    assert len(found) >= 2
    assert all(count >= min(2, sizes[label]) for label, count in zip(found, counts, strict=True))


def test_the_rate_warms_up_and_ends_at_nothing() -> None:
    factors = [warmup_decay(step, 40) for step in range(41)]

    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[3:] == sorted(factors[3:], reverse=True)
    assert factors[40] == 0.0


def gap(vectors: np.ndarray, classes: np.ndarray) -> float:
    """How much more alike texts of one label are than texts of two."""
    cosines, same = vectors @ vectors.T, classes[:, None] == classes[None, :]
    return float(cosines[same & ~np.eye(len(classes), dtype=bool)].mean() - cosines[~same].mean())


@pytest.fixture
def lesson(topic_texts: TopicTexts) -> tuple[list[str], np.ndarray]:
    topics = ("cooking", "football", "computing")
    return [text for topic in topics for text in topic_texts(topic, 6)], np.repeat(np.arange(3), 6)


@pytest.mark.parametrize("multi", [False, True], ids=["single-label", "multi-label"])
def test_tuning_pulls_labels_apart_also_on_new_texts(
    tiny_encoder: Path, lesson: tuple[list[str], np.ndarray], topic_texts: TopicTexts, multi: bool
) -> None:
    texts, classes = lesson
    targets = np.eye(3, dtype=np.float32)[classes]
    if multi:  # a second label that goes across the topics, and texts without any
        targets = np.column_stack([targets, np.arange(18) % 2]).astype(np.float32)
        texts, targets = [*texts, "the a my"], np.concatenate([targets, np.zeros((1, 4), np.float32)])
    new = [text for topic in ("cooking", "football", "computing") for text in topic_texts(topic, 8, seed=1)]
    encoder, seen = Encoder(tiny_encoder), []
    before = gap(encoder.embed(new), np.repeat(np.arange(3), 8))

    tune(encoder, texts, targets, TuneConfig(steps=25, learning_rate=2e-3), seen.append)

    assert gap(encoder.embed(new), np.repeat(np.arange(3), 8)) > before + 0.2
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_equal_seeds_give_equal_encoders(tiny_encoder: Path, lesson: tuple[list[str], np.ndarray]) -> None:
    texts, classes = lesson
    targets = np.eye(3, dtype=np.float32)[classes]

    def run(seed: int) -> np.ndarray:
        return tune(Encoder(tiny_encoder), texts, targets, TuneConfig(steps=3, seed=seed)).embed(texts)

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


@pytest.mark.parametrize(
    "targets",
    [np.ones((3, 1), np.float32), np.array([[1, 0], [1, 0], [1, 0]], np.float32)],
    ids=["one label", "one label of two seen"],
)
def test_with_nothing_to_push_apart_the_encoder_stays(tiny_encoder: Path, targets: np.ndarray) -> None:
    texts = ["soup bread", "goal coach", "server bug"]
    before = Encoder(tiny_encoder).embed(texts)

    np.testing.assert_array_equal(
        tune(Encoder(tiny_encoder), texts, targets, TuneConfig(steps=3)).embed(texts), before
    )


def test_one_text_a_label_does_no_harm(tiny_encoder: Path) -> None:
    texts = ["soup bread", "goal coach", "server bug"]

    vectors = tune(Encoder(tiny_encoder), texts, np.eye(3, dtype=np.float32), TuneConfig(steps=3)).embed(
        texts
    )

    assert np.isfinite(vectors).all()


def test_a_label_that_every_text_carries_does_not_stop_the_others(
    tiny_encoder: Path, lesson: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = lesson
    targets = np.column_stack([np.eye(3)[classes], np.ones(18)]).astype(np.float32)
    encoder = Encoder(tiny_encoder)
    before = gap(encoder.embed(texts), classes)

    tune(encoder, texts, targets, TuneConfig(steps=25, learning_rate=2e-3))

    assert gap(encoder.embed(texts), classes) > before + 0.2
