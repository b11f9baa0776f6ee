"""Tokens of the span student: characters are found again exactly, windows hold every token, looks are told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from gts.student.spans import tokens
from gts.student.spans.tokens import SHAPES, Cutter, Window, shape


def with_ends(tokenizer: Tokenizer) -> Tokenizer:
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


@pytest.fixture(scope="module")
def bert(make_tokenizer: Callable[..., Tokenizer]) -> Tokenizer:
    return with_ends(make_tokenizer())


def characters() -> Tokenizer:
    """Every character is a token, blanks too, and there are no special tokens."""
    vocabulary = {"[UNK]": 0, **{character: number for number, character in enumerate("abc xy", 1)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return tokenizer


TEXTS = st.text(
    st.sampled_from("ab cß é́Ａ１。，字中\u3000\n\t😀👩\u200d🚀\ud800\udc00\u0301fi İ-\u00ad\ufeff\x00")
    | st.characters(),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_tokens_stand_for_characters_of_the_raw_text(bert: Tokenizer, text: str) -> None:
    for window in Cutter(bert, 12, 4).windows(text):
        before = 0
        for start, end in zip(window.starts.tolist(), window.ends.tolist(), strict=True):
            if start < end:
                assert before <= start < end <= len(text)
                assert not text[start].isspace() and not text[end - 1].isspace()
                before = start


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.sampled_from(["parcel", "字", "😀", "é", "x1", "lost", "Ａ", "naïve"]), min_size=1))
def test_every_word_is_found_where_it_stands(bert: Tokenizer, words: list[str]) -> None:
    text = " ".join(words)
    (window,) = Cutter(bert, 1000, 0).windows(text)
    start = 0
    for word in words:
        found = window.tokens_of((start, start + len(word)))
        assert found is not None
        assert (window.starts[found[0]], window.ends[found[1]]) == (start, start + len(word))
        assert not window.cuts((start, start + len(word)))
        start += len(word) + 1


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(0, 60),
    length=st.integers(3, 20),
    overlap=st.integers(0, 30),
)
def test_windows_hold_every_token_and_are_no_longer_than_asked(
    bert: Tokenizer, n: int, length: int, overlap: int
) -> None:
    text = " ".join(["card"] * n)
    windows = Cutter(bert, length, overlap).windows(text)

    seen = {int(start) for window in windows for start in window.starts[window.starts < window.ends]}
    assert seen == {5 * number for number in range(n)}
    assert all(len(window) <= length for window in windows)
    assert not windows[0].cut_left and not windows[-1].cut_right
    assert all(window.cut_right for window in windows[:-1])


def test_windows_overlap_as_asked(bert: Tokenizer) -> None:
    first, second, *_ = Cutter(bert, 12, 4).windows(" ".join(["card"] * 40))

    shared = set(first.starts[1:-1]) & set(second.starts[1:-1])
    assert len(shared) == 4


def test_special_tokens_stand_around_every_window(bert: Tokenizer) -> None:
    cls, sep = (bert.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    for text in ("", "the card", "the card " * 20):
        for window in Cutter(bert, 10, 2).windows(text):
            assert (window.ids[0], window.ids[-1]) == (cls, sep)
            assert window.traits[0] == window.traits[-1] == 0


def test_a_tokenizer_without_special_tokens_gets_none() -> None:
    (window,) = Cutter(characters(), 10, 2).windows("a b")

    assert len(window) == 3


def test_a_span_that_cuts_a_token_is_widened_and_said_to_be(bert: Tokenizer) -> None:
    (window,) = Cutter(bert, 50, 0).windows("the parcel is lost")

    assert window.tokens_of((6, 8)) == window.tokens_of((4, 10))
    assert window.cuts((6, 8)) and not window.cuts((4, 10))


def test_a_span_that_leaves_its_window_is_not_in_it(bert: Tokenizer) -> None:
    text = " ".join(["card"] * 20)
    first, *_, last = Cutter(bert, 10, 2).windows(text)

    assert first.tokens_of((0, len(text))) is None
    assert last.tokens_of((0, len(text))) is None
    assert first.tokens_of((0, 4)) == (1, 1)
    assert last.tokens_of((0, 4)) is None


def marks(window: Window) -> list[int]:
    return (window.traits[window.starts < window.ends] // SHAPES).tolist()


def test_given_entities_are_marked(bert: Tokenizer) -> None:
    (window,) = Cutter(bert, 50, 0).windows("the lost card is my parcel", [(4, 13), (20, 26)])

    assert marks(window) == [0, 1, 2, 0, 0, 1]


def test_letter_case_is_told_although_the_tokenizer_lowers_it(bert: Tokenizer) -> None:
    lower, upper = (Cutter(bert, 50, 0).windows(text)[0] for text in ("the card", "The CARD"))

    assert np.array_equal(lower.ids, upper.ids)
    assert lower.traits.tolist() == [0, 1, 1, 0]
    assert upper.traits.tolist() == [0, 2, 3, 0]


def test_long_unknown_words_are_looked_at_and_not_remembered(bert: Tokenizer) -> None:
    def kept() -> int:
        return tokens._known_shape.cache_info().currsize

    cutter = Cutter(bert, 12, 4)
    cutter.windows("ABBA 1")
    before = kept()
    for word in ("X" * 1_000, "x" * 1_001, "X" + "y" * 1_000):
        (window,) = cutter.windows(word)
        assert window.traits[1:-1].tolist() == [shape(word)]

    assert kept() == before
    assert [shape(word) for word in ("X" * 99, "x" * 99, "X" + "y" * 99, "1" * 99)] == [3, 1, 2, 7]
