"""From scores to findings: what cannot both be there keeps apart, cuts are left to the neighbour, windows are merged."""

from __future__ import annotations

import numpy as np

from gts.student.runtime import sigmoid
from gts.student.spans.decoding import (
    FLOOR,
    MOST_FOUND,
    MOST_SPANS,
    Found,
    candidates,
    found_in,
    link_marks,
    merged,
    span_marks,
)
from gts.student.spans.tokens import Window

NONE = -20.0
NESTED = frozenset({(0, 0), (0, 1), (1, 1)})


def window(n: int, cut_left: bool = False, cut_right: bool = False) -> Window:
    """Between special tokens, n tokens of two characters with a blank after each."""
    starts = np.array([0, *range(0, 3 * n, 3), 0], np.int64)
    ends = np.array([0, *range(2, 3 * n, 3), 0], np.int64)
    zeros = np.zeros(n + 2, np.int64)
    return Window(zeros, zeros, starts, ends, cut_left, cut_right)


def scores(n: int, width: int, **spans: float) -> np.ndarray:
    """Two labels; ``a1_2=3.0``: label a from the first token to the second has logit 3."""
    out = np.full((n + 2, width, 2), NONE, np.float32)
    for name, logit in spans.items():
        first, last = map(int, name[1:].split("_"))
        out[first, last - first, "ab".index(name[0])] = logit
    return out


def told(found: list[Found]) -> set[tuple[str, tuple[int, int]]]:
    return {("ab"[one.label], one.tokens) for one in found}


def test_what_is_believed_at_all_is_found() -> None:
    found = found_in(window(4), scores(4, 3, a1_2=4.0, b3_3=-1.0, a4_4=-9.0), frozenset())

    assert told(found) == {("a", (1, 2)), ("b", (3, 3))}
    assert all(FLOOR <= one.belief <= 1 for one in found)


def test_spans_end_within_the_text_and_never_at_a_special_token() -> None:
    everywhere = np.full((6, 3, 2), 5.0, np.float32)

    found = found_in(window(4), everywhere, NESTED)

    assert {one.tokens for one in found} == {
        (first, last) for first in range(1, 5) for last in range(first, min(first + 3, 5))
    }


def test_the_surer_of_two_that_overlap_leaves_the_other_the_rest() -> None:
    found = found_in(window(4), scores(4, 3, a1_2=2.0, a2_3=1.0), frozenset())

    surest, other = found
    assert surest.tokens == (1, 2)
    assert other.tokens == (2, 3) and np.isclose(other.belief, 1 - surest.belief)


def test_labels_that_nest_keep_their_beliefs() -> None:
    found = found_in(window(4), scores(4, 3, a1_3=3.0, b2_2=1.0), frozenset({(0, 1)}))

    assert {one.tokens: round(one.belief, 3) for one in found} == {(1, 3): 0.953, (2, 2): 0.731}


def test_one_place_may_have_two_labels() -> None:
    found = found_in(window(4), scores(4, 3, a1_2=3.0, b1_2=2.0), frozenset())

    assert told(found) == {("a", (1, 2)), ("b", (1, 2))}


def test_what_touches_a_cut_is_left_to_the_neighbour() -> None:
    everywhere = scores(4, 2, a1_1=5.0, a2_2=5.0, a3_4=5.0, a4_4=5.0)

    assert told(found_in(window(4, cut_left=True), everywhere, NESTED)) == {
        ("a", (2, 2)),
        ("a", (3, 4)),
        ("a", (4, 4)),
    }
    assert told(found_in(window(4, cut_right=True), everywhere, NESTED)) == {("a", (1, 1)), ("a", (2, 2))}


def test_an_empty_text_has_nothing() -> None:
    assert found_in(window(0), scores(0, 2), frozenset()) == []
    assert found_in(window(0, True, True), scores(0, 2), frozenset()) == []


def test_links_are_looked_for_between_the_surest_places_once_each() -> None:
    many = [Found(label, (at, at), 0.5 + at / 1000) for at in range(100) for label in (0, 1)]

    places = candidates(many)

    assert places == [(at, at) for at in range(100 - MOST_SPANS, 100)]


def test_findings_are_told_in_characters() -> None:
    assert span_marks(window(4), [Found(1, (2, 3), 0.7)]) == {(1, (3, 8)): 0.7}


def test_links_lead_from_one_place_to_another() -> None:
    logits = np.full((2, 2, 1), NONE, np.float32)
    logits[0, 1], logits[0, 0] = 2.0, 9.0

    links = link_marks([(0, 2), (3, 5)], logits)

    assert list(links) == [(0, (0, 2), (3, 5))]


def test_of_two_windows_the_greater_belief_counts() -> None:
    assert merged([{"a": 0.2, "b": 0.9}, {"a": 0.6}]) == {"a": 0.6, "b": 0.9}


def test_beliefs_of_great_logits_are_certain_without_a_warning() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4], np.float32)).tolist() == [0.0, 0.5, 1.0]


def test_a_window_of_which_everything_is_believed_has_only_its_surest_findings() -> None:
    n = 60
    logits = np.zeros((n + 2, 20, 2), np.float32)
    logits[1 : n + 1, 0, 0] = 5.0

    found = found_in(window(n), logits, NESTED)

    assert len(found) == MOST_FOUND
    assert {one.tokens for one in found[:n]} == {(at, at) for at in range(1, n + 1)}


def test_places_that_all_seem_linked_have_only_the_surest_links() -> None:
    places = [(at, at + 1) for at in range(40)]
    logits = np.zeros((40, 40, 1), np.float32)
    logits[3, 7] = logits[39, 0] = 5.0

    links = link_marks(places, logits)

    assert MOST_FOUND - 40 <= len(links) <= MOST_FOUND
    assert {(head, tail) for (_, head, tail), belief in links.items() if belief > 0.9} == {
        ((3, 4), (7, 8)),
        ((39, 40), (0, 1)),
    }
