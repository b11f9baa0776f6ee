"""The portfolio: each teacher learns one lesson and answers for every question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.teacher.contrastive import TuneConfig
from gts.teacher.portfolio import (
    ENCODER,
    LEXICAL,
    Lesson,
    label_text,
    teach_encoder,
    teach_lexical,
    tuned_vectors,
    with_label_texts,
)

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")

REAL = {
    "cooking": """Simmer the tomatoes with garlic for twenty minutes.
        How long should I roast a whole chicken?
        Whisk the eggs with sugar until the batter is pale.
        My bread dough does not rise in a cold kitchen.
        Add a pinch of salt to the chocolate sauce.
        Which flour is best for fresh pasta?
        The soup tastes bland, so stir in some lemon juice.
        Fry the onions in butter until they are golden.
        Melt the cheese over the vegetables and bake.
        Can I freeze the leftover curry?
        The cake burned at the edges and is raw inside.
        Marinate the fish in lime juice and chilli.""",
    "football": """The striker scored twice in the second half.
        Their goalkeeper saved a penalty in stoppage time.
        The club sacked its coach after five defeats in a row.
        A late header sent the team to the cup final.
        The referee showed him a red card for the tackle.
        Fans filled the stadium long before the derby kicked off.
        The midfielder signs for two years from the league leaders.
        They drew nil-nil away and stay fourth in the table.
        He missed from the spot and they lost the match.
        The young winger made his debut for the national team.
        The defender is out for six weeks with a knee injury.
        Two own goals decided the derby.""",
}


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

    vectors = tuned_vectors(lesson, encoder, TuneConfig(steps=25, learning_rate=2e-3), seen.append)
    answers = teach_encoder(lesson, frozen, vectors)

    assert set(answers) == set(ENCODER)
    assert all(answer.shape == (60, 3) for answer in answers.values())
    assert score(answers["tuned"]) > max(0.6, score(answers["encoder"]))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert len(vectors) == 75
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_the_shipped_encoder_teaches_real_texts_from_four_of_a_label() -> None:
    rows = [[line.strip() for line in block.splitlines()] for block in REAL.values()]
    texts, targets = with_label_texts(
        [text for texts in rows for text in texts[:4]],
        np.repeat(np.eye(2, dtype=np.float32), 4, axis=0),
        dict.fromkeys(REAL, ""),
    )
    lesson = Lesson(texts, targets, tuple(text for texts in rows for text in texts[4:]), multi_label=False)
    encoder = Encoder(catalogue.locate("sentence-transformers/all-MiniLM-L6-v2"), max_length=32)
    frozen = encoder.embed([*lesson.texts, *lesson.questions])

    vectors = tuned_vectors(lesson, encoder, TuneConfig(steps=4, batch_size=10))
    answers = teach_encoder(lesson, frozen, vectors)

    for name, answer in answers.items():
        assert (answer.argmax(axis=1) == np.repeat([0, 1], 8)).mean() >= 0.9, name


def test_without_questions_the_encoder_is_tuned_all_the_same(tiny_encoder: Path, lesson: Lesson) -> None:
    encoder = Encoder(tiny_encoder)
    frozen = encoder.embed(lesson.texts)
    alone = Lesson(lesson.texts, lesson.targets, (), multi_label=False)

    vectors = tuned_vectors(alone, encoder, TuneConfig(steps=3))

    assert teach_encoder(alone, frozen, vectors) == {}
    assert vectors.shape == frozen.shape
    assert not np.array_equal(vectors, frozen)


@pytest.mark.parametrize("wanted", [("tuned",), ("lexical", "cross-spread"), ("lexical-spread", "encoder")])
def test_only_the_teachers_asked_answer_and_answer_alike(
    tiny_encoder: Path, lesson: Lesson, wanted: tuple[str, ...]
) -> None:
    def ask(names: tuple[str, ...]) -> dict[str, np.ndarray]:
        encoder = Encoder(tiny_encoder)
        frozen = encoder.embed([*lesson.texts, *lesson.questions])
        told = teach_encoder(lesson, frozen, tuned_vectors(lesson, encoder, TuneConfig(steps=2)), names)
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
