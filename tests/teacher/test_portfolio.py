"""The portfolio: each teacher learns one lesson and answers for every question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.teacher.contrastive import TuneConfig
from gts.teacher.portfolio import (
    ENCODER,
    LEXICAL,
    Lesson,
    label_text,
    teach_encoder,
    teach_lexical,
    with_label_texts,
)

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")


@pytest.fixture
def lesson(topic_texts: TopicTexts) -> Lesson:
    return Lesson(
        texts=tuple(text for topic in TOPICS for text in topic_texts(topic, 5)),
        targets=np.repeat(np.eye(3, dtype=np.float32), 5, axis=0),
        questions=tuple(text for topic in TOPICS for text in topic_texts(topic, 20, seed=1)),
        multi_label=False,
    )


def score(answer: np.ndarray) -> float:
    return float((answer.argmax(axis=1) == np.repeat(np.arange(3), 20)).mean())


def test_lexical_teachers_need_no_weights(lesson: Lesson) -> None:
    answers = teach_lexical(lesson)

    assert set(answers) == {"lexical", "lexical-spread"}
    for answer in answers.values():
        assert answer.shape == (60, 3)
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-4)
        assert score(answer) > 0.6


def test_encoder_teachers_learn_and_tell(tiny_encoder: Path, lesson: Lesson) -> None:
    encoder, seen = Encoder(tiny_encoder), []
    frozen = encoder.embed([*lesson.texts, *lesson.questions])

    answers, vectors = teach_encoder(
        lesson, frozen, encoder, TuneConfig(steps=25, learning_rate=2e-3), on_progress=seen.append
    )

    assert set(answers) == set(ENCODER)
    assert all(answer.shape == (60, 3) for answer in answers.values())
    assert score(answers["tuned"]) > max(0.6, score(answers["encoder"]))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert len(vectors) == 75
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_without_questions_the_encoder_is_tuned_all_the_same(tiny_encoder: Path, lesson: Lesson) -> None:
    encoder = Encoder(tiny_encoder)
    frozen = encoder.embed(lesson.texts)
    alone = Lesson(lesson.texts, lesson.targets, (), multi_label=False)

    answers, vectors = teach_encoder(alone, frozen, encoder, TuneConfig(steps=3))

    assert answers == {}
    assert vectors.shape == frozen.shape
    assert not np.array_equal(vectors, frozen)


@pytest.mark.parametrize("wanted", [("tuned",), ("lexical", "cross-spread"), ("lexical-spread", "encoder")])
def test_only_the_teachers_asked_answer_and_answer_alike(
    tiny_encoder: Path, lesson: Lesson, wanted: tuple[str, ...]
) -> None:
    def ask(names: tuple[str, ...]) -> dict[str, np.ndarray]:
        encoder = Encoder(tiny_encoder)
        frozen = encoder.embed([*lesson.texts, *lesson.questions])
        told, _ = teach_encoder(lesson, frozen, encoder, TuneConfig(steps=2), names)
        return teach_lexical(lesson, names) | told

    some, all_answers = ask(wanted), ask((*LEXICAL, *ENCODER))

    assert set(some) == set(wanted)
    for name, answer in some.items():
        np.testing.assert_array_equal(answer, all_answers[name])


@pytest.mark.parametrize(
    ("name", "description", "text"),
    [
        ("card_arrival", "", "card arrival"),
        ("card_arrival", "where is my card?", "card arrival: where is my card?"),
        ("cardArrival", "", "card arrival"),
        ("comp.sys/mac-hardware", "", "comp sys mac hardware"),
        ("DESC:manner", "", "desc manner"),
        ("USA", "", "usa"),
        ("好评", "", "好评"),
        ("../../x", "", "x"),
        ("---", "", "---"),
        ("_", "a description", "_: a description"),
        ("Ärger", "", "ärger"),
    ],
)
def test_a_label_reads_as_words(name: str, description: str, text: str) -> None:
    assert label_text(name, description) == text


def test_names_teach_what_they_mean() -> None:
    labels = {"card_arrival": "", "3": "", "差评": "", "B": "the second class", "C": ""}
    texts, targets = with_label_texts(["one"], np.eye(5, dtype=np.float32)[[2]], labels)

    # "3" and "C" say nothing; "B" has a description.
    assert texts == ("one", "card arrival", "差评", "b: the second class")
    assert targets.argmax(axis=1).tolist() == [2, 0, 2, 3]


def test_numbers_as_labels_add_no_texts() -> None:
    targets = np.eye(2, dtype=np.float32)

    texts, same = with_label_texts(["one", "two"], targets, {"0": "", "1": ""})

    assert texts == ("one", "two")
    np.testing.assert_array_equal(same, targets)
