"""Surface features of pairs: between 0 and 1, the same both ways round, right where one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.tasks.overlap import NAMES, _common_subsequence, overlap_features


def feature(name: str, a: str, b: str) -> float:
    return float(overlap_features([(a, b)])[0, NAMES.index(name)])


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_texts(a: str, b: str) -> None:
    there, back = overlap_features([(a, b), (b, a)])
    assert ((there >= 0) & (there <= 1)).all()
    np.testing.assert_array_equal(there, back)


def subsequence_by_table(a: str, b: str) -> int:
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    return int(table[-1, -1])


@settings(deadline=None)
@given(st.text("abc", max_size=20), st.text("abcd", max_size=20))
def test_the_common_subsequence_is_the_longest(a: str, b: str) -> None:
    assert _common_subsequence(a, b) == subsequence_by_table(a, b)


@pytest.mark.parametrize(
    ("name", "a", "b", "expected"),
    [
        ("words_dice", "the red car", "the blue car", 2 * 2 / 6),
        ("words_contained", "red car", "the red car stops", 1.0),
        ("words_dice", "你好吗", "你好", 2 * 2 / 5),
        ("words_in_order", "a b c", "c b a", 2 / 6),
        ("char_pairs_dice", "abcd", "abce", 2 * 2 / 6),
        ("length_ratio", "ab", "abcd", 0.5),
        ("numbers_differ", "it costs 3.50", "it costs 3.60", 1.0),
        ("numbers_differ", "it costs １２", "it costs 12", 0.0),
        ("numbers_shared", "5 of 7", "7 left", 1.0),
        ("names_differ", "said Bob Miller", "said Eve Miller", 2 / 3),
        ("names_differ", "said Bob", "bob said", 0.0),
        ("same_start", "Why so?", "why not", 1.0),
        ("same_end", "it is so.", "quite SO", 1.0),
        ("equal", "It is so.", "it  is so", 1.0),
        ("equal", "it is so", "is it so", 0.0),
    ],
)
def test_what_it_measures(name: str, a: str, b: str, expected: float) -> None:
    assert feature(name, a, b) == pytest.approx(expected)


def test_no_pairs_and_empty_texts() -> None:
    assert overlap_features([]).shape == (0, len(NAMES))
    assert np.isfinite(overlap_features([("", ""), ("", "a"), ("!!", "?")])).all()
