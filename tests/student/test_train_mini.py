"""The mini student: pools as its teacher does, starts from a convex head, learns, and stays what it is once written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from gts.core.encoder import Encoder
from gts.student.layout import StudentManifest
from gts.student.mini import MiniConfig, fit_head, mini_logits, new_classifier, set_head, train_mini
from gts.student.runtime import load_student
from gts.student.writers import write_mini

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")


@pytest.fixture
def lesson(topic_texts: TopicTexts) -> tuple[list[str], np.ndarray]:
    return [text for topic in TOPICS for text in topic_texts(topic, 20)], np.repeat(np.arange(3), 20)


def centred(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def one_hot(classes: np.ndarray) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[classes]


def right(model: Any, tokenizer: Any, texts: list[str], classes: np.ndarray) -> float:
    return float((mini_logits(model, tokenizer, texts, 64).argmax(axis=1) == classes).mean())


def test_it_pools_as_the_encoder_does(tiny_encoder: Path, lesson: tuple[list[str], np.ndarray]) -> None:
    texts = [*lesson[0], "soup", "the server has a bug " * 20, "再见 😀"]
    model, tokenizer = new_classifier(tiny_encoder, 3)
    batch = tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
    with torch.no_grad():
        pooled = model.eval().bert(**batch).pooler_output.float().numpy()

    expected = centred(Encoder(tiny_encoder).embed(texts))

    assert (centred(pooled) * expected).sum(axis=1).min() > 0.999


def test_its_head_decides_as_logistic_regression(
    tiny_encoder: Path, lesson: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = lesson
    vectors = Encoder(tiny_encoder).embed(texts)
    model, tokenizer = new_classifier(tiny_encoder, 3)

    head = fit_head(vectors, one_hot(classes), np.ones(len(texts), np.float32), multi_label=False)
    set_head(model, head)

    reference = LogisticRegression(C=10).fit(centred(vectors), classes)
    logits = mini_logits(model.eval(), tokenizer, texts, 64)
    np.testing.assert_array_equal(logits.argmax(axis=1), reference.predict(centred(vectors)))
    np.testing.assert_allclose(logits, head.logits(vectors), atol=0.1)  # bfloat16, and a tanh
    found = torch.softmax(torch.from_numpy(logits), 1).numpy()
    np.testing.assert_allclose(found, reference.predict_proba(centred(vectors)), atol=0.03)


def test_a_multi_label_head_learns_each_label(tiny_encoder: Path, topic_texts: TopicTexts) -> None:
    halves = [topic_texts(topic, 20) for topic in TOPICS]
    texts = [f"{halves[0][i]} {halves[1][i]}" for i in range(20)] + halves[0] + halves[2]
    targets = np.repeat(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], np.float32), 20, axis=0)
    model, tokenizer = new_classifier(tiny_encoder, 3)

    vectors = Encoder(tiny_encoder).embed(texts)
    set_head(model, fit_head(vectors, targets, np.ones(60, np.float32), multi_label=True))

    assert ((mini_logits(model.eval(), tokenizer, texts, 64) > 0) == targets).mean() > 0.85


def test_training_mends_a_poor_start(
    tiny_encoder: Path, lesson: tuple[list[str], np.ndarray], topic_texts: TopicTexts
) -> None:
    texts, classes = lesson
    new = [text for topic in TOPICS for text in topic_texts(topic, 15, seed=1)]
    truth = np.repeat(np.arange(3), 15)
    rng = np.random.default_rng(0)
    model, tokenizer = new_classifier(tiny_encoder, 3)
    torch.manual_seed(0)
    with torch.no_grad():
        model.classifier.weight.normal_(0, 2)
    before, seen = right(model.eval(), tokenizer, new, truth), []
    order = rng.permutation(60)  # the first twelve are gold, the others carry soft labels
    soft = (0.1 + 0.7 * one_hot(classes)).astype(np.float32)[order]
    soft[:12] = one_hot(classes)[order[:12]]

    trained = train_mini(
        model,
        tokenizer,
        [texts[i] for i in order],
        soft,
        np.ones(60, np.float32),
        12,
        False,
        MiniConfig(steps=50, learning_rate=1e-3),
        seen.append,
    )

    assert trained is model
    assert not model.training
    assert right(model, tokenizer, new, truth) > max(0.8, before + 0.2)
    assert seen[-1] == 1.0


def test_equal_seeds_give_equal_students(tiny_encoder: Path, lesson: tuple[list[str], np.ndarray]) -> None:
    texts, classes = lesson

    def run(seed: int) -> np.ndarray:
        model, tokenizer = new_classifier(tiny_encoder, 3)
        config = MiniConfig(steps=3, batch_size=8, seed=seed)
        train_mini(model, tokenizer, texts, one_hot(classes), np.ones(60, np.float32), 6, False, config)
        return mini_logits(model, tokenizer, texts, 64)

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


@pytest.mark.parametrize("n_gold", [2, 60], ids=["few gold", "gold only"])
def test_texts_that_are_not_believed_are_not_drawn(
    tiny_encoder: Path, lesson: tuple[list[str], np.ndarray], n_gold: int
) -> None:
    texts, classes = lesson
    weights = np.ones(60, np.float32)
    weights[n_gold + 1 :] = 0
    wrong = one_hot(classes)
    wrong[weights == 0] = np.nan  # would spoil everything it touched
    model, tokenizer = new_classifier(tiny_encoder, 3)

    train_mini(model, tokenizer, texts, wrong, weights, n_gold, False, MiniConfig(steps=3, batch_size=20))

    assert np.isfinite(mini_logits(model, tokenizer, texts, 64)).all()


def test_it_lives_on_in_transformers_and_in_our_runtime(
    tiny_encoder: Path,
    lesson: tuple[list[str], np.ndarray],
    make_manifest: Callable[..., StudentManifest],
    tmp_path: Path,
) -> None:
    from transformers import pipeline

    texts, classes = lesson
    model, tokenizer = new_classifier(tiny_encoder, 3)
    vectors = Encoder(tiny_encoder).embed(texts)
    set_head(model, fit_head(vectors, one_hot(classes), np.ones(60, np.float32), multi_label=False))
    train_mini(
        model, tokenizer, texts, one_hot(classes), np.ones(60, np.float32), 60, False, MiniConfig(steps=5)
    )
    logits = mini_logits(model, tokenizer, texts, 64)
    write_mini(tmp_path, model, tokenizer, make_manifest(tier="mini", labels=TOPICS, max_length=64))

    classifier = pipeline("text-classification", model=str(tmp_path), top_k=None, device="cpu")
    theirs = [{row["label"]: row["score"] for row in rows} for rows in classifier(texts)]
    ours = load_student(tmp_path, variant="fp32").predict(texts)

    np.testing.assert_allclose([[row[label] for label in TOPICS] for row in theirs], ours, atol=1e-4)
    # Training may have computed in bfloat16.
    np.testing.assert_allclose(torch.softmax(torch.from_numpy(logits), 1).numpy(), ours, atol=0.03)
