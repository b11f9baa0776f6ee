from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.student.summaries.choosing import Choice, choose, summary
from gts.tasks.pieces import UNITS, cut
from gts.tasks.spec import SummaryLength

TEXT = "It rained. The cat sat, and the cat ate. The cat sat. Dogs bark at night.\nB: Yes, they do."


def extract(choice: Choice, **worth: float) -> str:
    """The extract of TEXT where pieces are worth what is said of the words they begin with."""
    pieces = cut(TEXT)
    scores = [
        max((value for word, value in worth.items() if pieces.piece(n).startswith(word)), default=0.0)
        for n in range(len(pieces.places))
    ]
    return summary(pieces, choose(pieces, scores, choice))


def test_the_best_sentences_stand_in_the_order_of_the_text():
    assert extract(Choice("sentence", 2), Dogs=0.9, It=0.5) == "It rained. Dogs bark at night."


def test_clauses_keep_the_comma_between_them():
    assert extract(Choice("clause", 2), B=0.9, they=0.8) == "B: Yes, they do."


def test_what_was_said_already_is_worth_less():
    pieces = cut(TEXT)
    scores = [0.0] * len(pieces.places)
    for number, value in zip(pieces.units["sentence"], [0.45, 0.6, 0.5, 0.1, 0.1], strict=True):
        scores[number] = value
    chosen = choose(pieces, scores, Choice("sentence", 2))
    assert [pieces.piece(number) for number in chosen] == ["It rained.", "The cat sat, and the cat ate."]


def test_the_lead_is_the_first_that_fit():
    assert (
        extract(Choice("sentence", 2, 100, lead=True), Dogs=1.0) == "It rained. The cat sat, and the cat ate."
    )
    assert extract(Choice("sentence", 3, 20, lead=True), Dogs=1.0) == "It rained."


def test_where_no_sentence_is_short_enough_the_best_clause_is_taken():
    assert extract(Choice("line", 1, 12), they=0.5) == "they do."


def test_where_nothing_is_short_enough_the_shortest_is_taken():
    assert extract(Choice("sentence", 1, 3), Dogs=0.9) == "B: Yes"


def test_a_line_counts_all_its_sentences():
    assert extract(Choice("line", 2), It=0.9) == "B: Yes, they do."


def test_limits_can_be_set_again():
    choice = Choice("clause", 1, 20, lead=True).within(SummaryLength(sentences=4))
    assert choice == Choice("clause", 4, 20, lead=True)


@pytest.mark.parametrize("choice", [Choice(), Choice("line", 3, 77, True)])
def test_a_choice_can_be_written_as_numbers(choice):
    assert Choice.from_json(choice.to_json()) == choice


@given(st.text(alphabet=list("ab c.,，。\n你"), max_size=50), st.data())
def test_an_extract_keeps_its_limits_and_is_never_empty(text, data):
    pieces = cut(text)
    scores = data.draw(st.lists(st.floats(-1, 1), min_size=len(pieces.places), max_size=len(pieces.places)))
    limits = data.draw(
        st.tuples(st.sampled_from(UNITS), st.integers(1, 4), st.integers(1, 30), st.booleans())
    )
    choice = Choice(*limits)
    chosen = choose(pieces, scores, choice)
    assert bool(chosen) == bool(text.strip())
    assert all(pieces.piece(number) in summary(pieces, chosen) for number in chosen)
    lengths = [pieces.places[n][1] - pieces.places[n][0] for n in chosen]
    if len(chosen) > 1:
        assert sum(lengths) <= choice.characters
        assert sum(pieces.sentences[n] for n in chosen) <= choice.sentences
