"""The static student learns from soft labels, and leaves alone what it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from gts.student.static import StaticConfig, StaticStudent, initial_table, tokenize, train_static

VOCABULARY, WIDTH = 60, 16
CONFIG = StaticConfig(epochs=60, head_rate=1e-2)


def table(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(VOCABULARY, WIDTH)).astype(np.float32) / 4


def lessons(n: int, seed: int = 0, labels: int = 3) -> tuple[list[np.ndarray], np.ndarray]:
    """Texts of eight tokens: five of ten that their label has for itself, three (30 to 49) of every label's."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % labels
    bags = [np.r_[10 * c + rng.integers(0, 10, 5), rng.integers(30, 50, 3)].astype(np.int64) for c in classes]
    return bags, classes


def soft(classes: np.ndarray, labels: int = 3, sure: float = 0.8) -> np.ndarray:
    return ((1 - sure) / labels + sure * np.eye(labels)[classes]).astype(np.float32)


def train(
    bags: list[np.ndarray], targets: np.ndarray, multi: bool = False, seed: int = 0, **changed: object
) -> StaticStudent:
    config = StaticConfig(**{**vars(CONFIG), "seed": seed, **changed})
    return train_static(table(), bags, targets, np.ones(len(bags), np.float32), multi, config)


def test_it_learns_from_soft_labels() -> None:
    bags, classes = lessons(90)
    new, truth = lessons(60, seed=1)

    student = train(bags, soft(classes))

    assert (student.logits(new).argmax(axis=1) == truth).mean() > 0.95


def test_it_learns_several_labels_at_once() -> None:
    one, first = lessons(60, seed=0)
    two, second = lessons(60, seed=1)
    second = np.roll(second, 1)
    bags = [np.concatenate([a, two[(i + 1) % 60]]) for i, a in enumerate(one)]
    bags += [np.arange(30, 36) for _ in range(10)]  # texts without any label
    truth = np.zeros((70, 3), np.float32)
    truth[np.arange(60), first] = truth[np.arange(60), [(i + 1) % 3 for i in range(60)]] = 1

    student = train(bags, np.abs(truth - 0.1), multi=True, epochs=150)

    assert ((student.logits(bags) > 0) == (truth > 0.5)).mean() > 0.95


def test_tokens_that_no_text_holds_keep_their_vectors() -> None:
    bags, classes = lessons(60)
    seen = np.unique(np.concatenate(bags))
    unseen = np.setdiff1d(np.arange(VOCABULARY), seen)

    student = train(bags, soft(classes))

    assert len(unseen)
    np.testing.assert_array_equal(student.table[unseen], table()[unseen])
    assert (student.table[seen] != table()[seen]).any(axis=1).all()


def test_equal_seeds_give_equal_students() -> None:
    bags, classes = lessons(40)
    one, same, other = (train(bags, soft(classes), seed=seed, epochs=5) for seed in (1, 1, 2))

    for name in ("table", "weight", "bias"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.weight, other.weight)


def test_the_given_table_is_not_changed() -> None:
    start, (bags, classes) = table(), lessons(20)
    train_static(start, bags, soft(classes), np.ones(20, np.float32), False, CONFIG)

    np.testing.assert_array_equal(start, table())


def test_empty_texts_are_passed_over_and_get_the_bias() -> None:
    empty = np.zeros(0, np.int64)
    bags, classes = lessons(40)

    student = train([empty, *bags, empty], soft(np.r_[0, classes, 1]), epochs=5)

    np.testing.assert_array_equal(student.logits([empty])[0], student.bias)
    assert np.isfinite(student.logits([empty, bags[0]])).all()


def test_texts_without_any_known_token_give_a_student_all_the_same() -> None:
    student = train([np.zeros(0, np.int64)] * 4, soft(np.array([0, 1, 2, 0])))

    np.testing.assert_array_equal(student.table, table())
    assert np.isfinite(student.logits([np.array([1, 2])])).all()


def test_weights_say_whom_to_believe() -> None:
    bags, classes = lessons(90)
    wrong = np.roll(np.eye(3, dtype=np.float32), 1, axis=1)[classes]
    weights = np.repeat(np.array([1.0, 0.0], np.float32), 90)

    student = train_static(
        table(), [*bags, *bags], np.concatenate([soft(classes), wrong]), weights, False, CONFIG
    )

    assert (student.logits(bags).argmax(axis=1) == classes).mean() > 0.95


def test_progress_ends_at_one() -> None:
    bags, classes = lessons(10)
    seen: list[float] = []
    train_static(
        table(), bags, soft(classes), np.ones(10, np.float32), False, StaticConfig(epochs=4), seen.append
    )

    assert seen == [0.25, 0.5, 0.75, 1.0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), dimensions=st.sampled_from([4, 16]), texts=st.integers(0, 20))
def test_the_first_table_is_narrow_and_of_length_one_in_the_mean(
    seed: int, dimensions: int, texts: int
) -> None:
    bags, _ = lessons(texts, seed)

    found = initial_table(table(seed), bags, dimensions)

    assert found.shape == (VOCABULARY, dimensions)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1).mean() == pytest.approx(1, abs=1e-4)


def test_frequent_tokens_count_for_less() -> None:
    bags = [np.array([7, 7, 7, 8])] * 50
    plain = np.linalg.norm(initial_table(table(), [], WIDTH), axis=1)

    found = np.linalg.norm(initial_table(table(), bags, WIDTH), axis=1) / plain

    assert found[7] < found[8] < found[9]


def test_texts_are_read_as_model2vec_reads_them(tokenizer: Tokenizer) -> None:
    unknown = tokenizer.token_to_id("[UNK]")
    words = {word: tokenizer.token_to_id(word) for word in ("my", "parcel")}

    bags = tokenize(tokenizer, ["my parcel", "my 𓀀 parcel", "", "my " * 50], 6, unknown)

    assert [bag.tolist() for bag in bags[:3]] == [[words["my"], words["parcel"]]] * 2 + [[]]
    assert len(bags[3]) == 6
