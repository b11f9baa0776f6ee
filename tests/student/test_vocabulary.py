"""A tokenizer of the user's own text: every script, no character lost."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.student.vocabulary import PADDING, UNKNOWN, cooccurrence_table, train_tokenizer

CHINESE = [
    "物流很快，包装也很好，音质不错，非常满意。",
    "手机很好用，包装也很好，下次还会再买。",
    "质量太差了，用了两天就坏了，客服也不理人。",
    "退货也不给退，太失望了，再也不买了！",
    "𠮷野家的牛肉饭２０元，ＯＫ。",
    "充不进电😀，客服也不理人。",
]


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def spelled(texts: list[str], text: str) -> str:
    return "".join(train_tokenizer(texts).encode(text, add_special_tokens=False).tokens)


@pytest.mark.parametrize("text", CHINESE)
def test_no_character_of_chinese_is_lost(text: str) -> None:
    assert spelled(CHINESE, text) == plain(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        # What spells a special token is read as that token.
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30).filter(
            lambda text: UNKNOWN not in text and PADDING not in text
        ),
        min_size=1,
        max_size=5,
    )
)
def test_no_character_of_any_script_is_lost(texts: list[str]) -> None:
    tokenizer = train_tokenizer(texts)

    for text in texts:
        tokens = tokenizer.encode(text, add_special_tokens=False).tokens
        assert UNKNOWN not in tokens
        assert "".join("".join(tokens).split()) == "".join(tokenizer.normalizer.normalize_str(text).split())


def test_frequent_words_become_tokens() -> None:
    tokens = train_tokenizer(CHINESE * 50).encode("客服也不理人").tokens

    assert len(tokens) < 6


def test_a_character_never_seen_is_unknown_and_no_error() -> None:
    encoding = train_tokenizer(CHINESE).encode("龘 very")

    assert UNKNOWN in encoding.tokens


def test_the_vocabulary_has_its_limit() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(500)]

    assert train_tokenizer(texts, size=100).get_vocab_size() <= 100


def test_training_is_repeatable() -> None:
    assert train_tokenizer(CHINESE).to_str() == train_tokenizer(CHINESE).to_str()


def bags(seed: int, texts: int, vocabulary: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, vocabulary, rng.integers(0, 12)) for _ in range(texts)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1000), texts=st.integers(3, 30), vocabulary=st.integers(3, 60))
def test_every_token_has_a_finite_vector(seed: int, texts: int, vocabulary: int) -> None:
    found = cooccurrence_table([*bags(seed, texts, vocabulary), np.array([0, 1])], vocabulary, 16)

    assert len(found) == vocabulary
    assert 2 <= found.shape[1] <= 16
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(
        found, cooccurrence_table([*bags(seed, texts, vocabulary), np.array([0, 1])], vocabulary, 16)
    )


def test_tokens_of_the_same_texts_are_alike() -> None:
    rng = np.random.default_rng(0)
    topics = [np.r_[10 * (i % 2) + rng.integers(0, 10, 6), 20 + rng.integers(0, 5, 2)] for i in range(200)]

    found = cooccurrence_table(topics, 30, 8)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    cosines = found @ found.T

    assert cosines[:10, :10].mean() > cosines[:10, 10:20].mean() + 0.3
