"""Teachers of pairs learn from a few labels what is alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.core.errors import InvalidInput
from gts.tasks.rows import PairRow
from gts.teacher.pairs.frozen import fit_frozen
from gts.teacher.pairs.heads import fit_and_ask
from gts.teacher.pairs.lexical import fit_lexical
from gts.teacher.pairs.rows import distinct_texts

TopicTexts = Callable[..., list[str]]
Rows = list[PairRow]
TOPICS = ("cooking", "football")


def made(topic_texts: TopicTexts, n: int, seed: int) -> Rows:
    one, other = (topic_texts(topic, n, seed) for topic in TOPICS)
    again = topic_texts(TOPICS[0], n, seed + 50)
    return [PairRow(one[i], again[i], 1.0) if i % 2 else PairRow(one[i], other[i], 0.0) for i in range(n)]


@pytest.fixture(scope="session")
def rows(topic_texts: TopicTexts) -> tuple[Rows, Rows, Rows]:
    """Labelled, unlabelled and asked."""
    pool = [PairRow(row.text_a, row.text_b) for row in made(topic_texts, 60, 1)]
    return made(topic_texts, 32, 0), pool, made(topic_texts, 60, 2)


@pytest.fixture(scope="session")
def answers(rows: tuple[Rows, Rows, Rows], tiny_encoder: Path) -> dict[str, np.ndarray]:
    vectors = Encoder(tiny_encoder).embed(distinct_texts(*rows))
    return {"lexical": fit_lexical(*rows), "frozen": fit_frozen(*rows, vectors)}


def labels(rows: Rows) -> np.ndarray:
    return np.array([row.score for row in rows], np.float32)


@pytest.mark.parametrize(("name", "least"), [("lexical", 0.8), ("frozen", 0.8)])
def test_it_knows_more_than_chance(
    name: str, least: float, answers: dict[str, np.ndarray], rows: tuple[Rows, Rows, Rows]
) -> None:
    said = answers[name]
    assert said.dtype == np.float32 and ((said >= 0) & (said <= 1)).all()
    assert ((said >= 0.5) == labels(rows[2])).mean() >= least


def test_both_orders_get_one_answer(rows: tuple[Rows, Rows, Rows], tiny_encoder: Path) -> None:
    train, pool, query = rows
    back = [PairRow(row.text_b, row.text_a) for row in query]
    vectors = Encoder(tiny_encoder).embed(distinct_texts(train, pool, query))
    turned = Encoder(tiny_encoder).embed(distinct_texts(train, pool, back))
    np.testing.assert_allclose(
        fit_frozen(train, pool, query, vectors), fit_frozen(train, pool, back, turned), atol=2e-3
    )
    np.testing.assert_allclose(fit_lexical(train, pool, query), fit_lexical(train, pool, back), atol=2e-3)


def test_grades_are_taught_as_shares(rows: tuple[Rows, Rows, Rows]) -> None:
    train, pool, query = rows
    graded = [PairRow(row.text_a, row.text_b, 5.0 * float(row.score or 0)) for row in train]
    np.testing.assert_allclose(
        fit_lexical(graded, pool, query, scale=(0, 5)), fit_lexical(train, pool, query), atol=1e-6
    )


def test_one_label_alone_is_all_it_can_say(rows: tuple[Rows, Rows, Rows]) -> None:
    train, pool, query = rows
    alike = [row for row in train if row.score]
    np.testing.assert_array_equal(fit_lexical(alike, pool, query), np.ones(len(query), np.float32))


def test_a_soft_label_is_matched() -> None:
    x = np.zeros((10, 1), np.float32)
    said = fit_and_ask(x, np.linspace(0.2, 0.4, 10, dtype=np.float32), x, strength=10)
    np.testing.assert_allclose(said, 0.3, atol=0.01)


def test_rows_that_teach_nothing_are_refused(rows: tuple[Rows, Rows, Rows]) -> None:
    _, pool, query = rows
    with pytest.raises(InvalidInput, match="scores outside of 0 to 1"):
        fit_lexical([PairRow("a", "b", 4.0)], pool, query)
    with pytest.raises(InvalidInput, match="labelled rows"):
        fit_lexical(pool, pool, query)
    with pytest.raises(InvalidInput, match="labelled rows"):
        fit_lexical([], pool, query)


def test_equal_arguments_give_equal_answers(rows: tuple[Rows, Rows, Rows], tiny_encoder: Path) -> None:
    vectors = Encoder(tiny_encoder).embed(distinct_texts(*rows))
    np.testing.assert_array_equal(fit_frozen(*rows, vectors), fit_frozen(*rows, vectors))
    np.testing.assert_array_equal(fit_lexical(*rows), fit_lexical(*rows))
