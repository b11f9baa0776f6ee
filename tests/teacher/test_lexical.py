"""Characters and words as features: for every script, and for texts in which there is next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.teacher.heads import LogisticHead
from gts.teacher.lexical import latent_vectors, ngram_matrix

GOOD = ["物流很快，包装很好。", "音质不错，非常满意！", "手机很好用，下次还买。", "服务很好，物流快。"]
BAD = ["质量太差，用了两天就坏了。", "客服不理人，太失望了。", "退货不给退，再也不买。", "充不进电，质量差。"]


def test_chinese_is_told_apart_by_characters() -> None:
    new = ["物流快，非常好用", "太差了，再也不买"]
    matrix = ngram_matrix([*GOOD, *BAD, *new])
    head = LogisticHead(multi_label=False).fit(matrix[:8], np.eye(2, dtype=np.float32)[[0] * 4 + [1] * 4])

    assert head.predict(matrix[8:]).argmax(axis=1).tolist() == [0, 1]


def test_a_typing_error_leaves_texts_alike() -> None:
    vectors = latent_vectors(
        ngram_matrix(["where is my parcel", "where is my parcle", "the soup is salty", "refund"])
    )

    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


@pytest.mark.parametrize(
    "texts",
    [
        ["", " ", ""],
        ["!", "?", "..."],
        ["😀", "😀 👍", "👍🏽"],
        ["a", "b", ""],
        ["مرحبا بالعالم", "שלום עולם", "नमस्ते"],
        ["x" * 100_000, "y", "z"],
        ["only one"],
    ],
    ids=["empty", "marks", "emoji", "letters", "right to left", "very long", "one"],
)
def test_odd_texts_have_finite_vectors(texts: list[str]) -> None:
    matrix = ngram_matrix(texts)
    vectors = latent_vectors(matrix)

    assert matrix.shape[0] == vectors.shape[0] == len(texts)
    assert np.isfinite(vectors).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=12, unique_by=str.casefold))
def test_any_texts_have_vectors_of_length_one_or_none(texts: list[str]) -> None:
    lengths = np.linalg.norm(latent_vectors(ngram_matrix(texts)), axis=1)

    assert np.isfinite(lengths).all()
    assert ((np.abs(lengths - 1) < 1e-3) | (lengths < 1e-3)).all()


def test_equal_seeds_give_equal_vectors() -> None:
    matrix = ngram_matrix([*GOOD, *BAD])

    np.testing.assert_array_equal(latent_vectors(matrix, 4, seed=1), latent_vectors(matrix, 4, seed=1))
