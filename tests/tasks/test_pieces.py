from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.tasks.gains import gains
from gts.tasks.pieces import UNITS, cut
from gts.tasks.salience import WIDTH, surface

TEXTS = st.text(
    alphabet=st.sampled_from(list("ab A1.,;!?，。；！—- \n你好、👩\u200d\u0301İﬁ\ud800")), max_size=60
)


def said(text: str, unit: str) -> list[str]:
    pieces = cut(text)
    return [pieces.piece(number) for number in pieces.units[unit]]


def test_a_dialogue_has_turns_sentences_and_clauses():
    text = "A: Hi, I paid 1,000 - ok?\nB: Yes. A well-known price."
    assert said(text, "line") == ["A: Hi, I paid 1,000 - ok?", "B: Yes. A well-known price."]
    assert said(text, "sentence") == ["A: Hi, I paid 1,000 - ok?", "B: Yes.", "A well-known price."]
    assert said(text, "clause") == ["A: Hi", "I paid 1,000", "ok?", "B: Yes.", "A well-known price."]
    pieces = cut(text)
    assert [pieces.sentences[number] for number in pieces.units["line"]] == [1, 2]


def test_chinese_clauses_end_at_commas_of_either_width():
    text = "本文提出模型,分析原因；给出结果，共1,000例。"
    assert said(text, "clause") == ["本文提出模型", "分析原因", "给出结果", "共1,000例。"]


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_text_without_anything_has_no_pieces(text):
    pieces = cut(text)
    assert pieces.places == () and surface(pieces).shape == (0, WIDTH) and gains(pieces, "a") == []


@given(TEXTS)
def test_pieces_of_a_kind_are_apart_and_bare(text):
    pieces = cut(text)
    for unit in UNITS:
        places = [pieces.places[number] for number in pieces.units[unit]]
        assert all(one[1] <= other[0] for one, other in pairwise(places))
        assert bool(places) == bool(text.strip())
    assert all(
        pieces.piece(n) and pieces.piece(n) == pieces.piece(n).strip() for n in range(len(pieces.places))
    )


@given(TEXTS, TEXTS)
def test_features_and_gains_are_in_bounds(text, summary):
    pieces = cut(text)
    features = surface(pieces)
    assert features.shape == (len(pieces.places), WIDTH) and np.isfinite(features).all()
    assert all(0 <= gain <= 1 for gain in gains(pieces, summary))


def test_features_do_not_know_case_or_width():
    np.testing.assert_array_equal(surface(cut("你好ＡＢ。你好ab。")), surface(cut("你好ab。你好ab。")))


def test_the_piece_that_is_the_summary_is_worth_most():
    pieces = cut("It rained all day, as ever. The cat sat on the mat. Nobody came.")
    worth = gains(pieces, "The cat sat on the mat.")
    assert pieces.piece(int(np.argmax(worth))) == "The cat sat on the mat." and max(worth) == 1


def test_of_a_long_summary_each_part_is_worth_much():
    pieces = cut("It rained. The cat sat on the mat. Nobody came to the house. We all slept well.")
    worth = gains(pieces, "The cat sat on the mat. Nobody came to the house.")
    order = [pieces.piece(number) for number in np.argsort(worth)[::-1]]
    wanted = {"The cat sat on the mat.", "Nobody came to the house."}
    assert {piece for piece in order[:3] if piece != pieces.text} == wanted
