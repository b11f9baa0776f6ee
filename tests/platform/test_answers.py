"""What the page of a model shows of an answer: the whole text, cut at what was found in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gts.platform.pages.answers import Link, Piece, answer_view, pieces, shown_row

TEXT = "Ada joined Acme in Paris"
ADA = {"start": 0, "end": 3, "type": "person", "text": "Ada", "score": 0.9}
ACME = {"start": 11, "end": 15, "type": "firm", "text": "Acme", "score": 0.8}


def marked(text, marks):
    return [(piece.text, piece.type) for piece in pieces(text, marks)]


def test_a_text_is_cut_at_its_marks():
    assert marked(TEXT, [ACME, ADA]) == [
        ("Ada", "person"),
        (" joined ", ""),
        ("Acme", "firm"),
        (" in Paris", ""),
    ]
    assert marked(TEXT, []) == [(TEXT, "")]
    assert marked("", []) == []


def test_of_overlapping_marks_the_first_and_of_these_the_longest_is_shown():
    inner, crossing = {**ADA, "end": 2, "type": "x"}, {"start": 2, "end": 10, "type": "y"}
    assert marked(TEXT, [inner, crossing, ADA])[:2] == [("Ada", "person"), (TEXT[3:], "")]


def test_a_mark_without_a_type_is_an_entity():
    assert marked("Ada", [{"start": 0, "end": 3}]) == [("Ada", "entity")]


def test_a_type_has_one_colour_throughout():
    tones = {
        piece.type: piece.tone
        for piece in pieces(TEXT, [ADA, ACME, {**ADA, "start": 19, "end": 24}])
        if piece.type
    }
    assert tones == {"firm": 0, "person": 1}


MARKS = st.lists(
    st.builds(
        lambda start, length, kind: {"start": start, "end": min(start + length, 12), "type": kind},
        st.integers(0, 11),
        st.integers(1, 12),
        st.sampled_from("abcdefgh"),
    ),
    max_size=6,
)


@given(text=st.text(min_size=12, max_size=12), marks=MARKS)
def test_no_character_is_lost_or_shown_twice(text, marks):
    found = pieces(text, marks)
    assert "".join(piece.text for piece in found) == text
    assert all(piece.text for piece in found)
    places = {(text[mark["start"] : mark["end"]], mark["type"]) for mark in marks}
    assert all((piece.text, piece.type) in places for piece in found if piece.type)


def test_labels_come_with_the_likeliest_scores_first_and_the_rest_folded_away():
    scores = [{"label": f"l{number}", "score": 1 / (number + 2)} for number in range(10)]
    view = answer_view("classification", {"text": TEXT}, {"labels": ["l0"], "scores": scores})
    assert view.labels == ("l0",)
    assert [line.label for line in view.scores] == [f"l{number}" for number in range(8)]
    assert [line.label for line in view.rest] == ["l8", "l9"]
    assert [line.chosen for line in view.scores[:2]] == [True, False]


def test_pairs_are_alike_or_graded():
    row = {"text_a": "a", "text_b": "b"}
    assert (view := answer_view("similarity", row, {"score": 0.9, "alike": True})).alike and view.score == 0.9
    assert answer_view("similarity", row, {"score": 3.5}).alike is None


def test_relations_are_links_between_words():
    relation = {"type": "works for", "score": 0.7, "head": ADA, "tail": ACME}
    view = answer_view("relation", {"text": TEXT}, {"entities": [ADA, ACME], "relations": [relation]})
    assert view.links == (Link("Ada", "works for", "Acme", 0.7),)
    assert [piece.text for piece in view.pieces if piece.type] == ["Ada", "Acme"]
    assert answer_view("ner", {"text": TEXT}, {"entities": [ADA]}).links == ()


def test_events_are_tables_and_their_words_are_marked_with_type_and_roles():
    event = {
        "type": "hire",
        "score": 0.9,
        "trigger": {"start": 4, "end": 10, "text": "joined"},
        "arguments": [{"role": "who", "start": 0, "end": 3, "text": "Ada", "score": 0.8}],
    }
    view = answer_view("event", {"text": TEXT}, {"events": [event, {**event, "arguments": []}]})
    assert [(piece.text, piece.type) for piece in view.pieces[:3]] == [
        ("Ada", "who"),
        (" ", ""),
        ("joined", "hire"),
    ]
    assert [(table.type, table.trigger, table.score) for table in view.events] == [
        ("hire", "joined", 0.9)
    ] * 2
    assert view.events[0].arguments == (Link("joined", "who", "Ada", 0.8),)


def test_a_summary_is_shown_beside_the_sentences_it_is_made_of():
    said = {"summary": "Ada joined.", "sentences": [{"start": 4, "end": 15, "score": 0.4}]}
    view = answer_view("summarization", {"text": "Hm. Ada joined. Yes."}, said)
    assert view.summary == "Ada joined."
    assert view.pieces == (Piece("Hm. "), Piece("Ada joined.", "summary"), Piece(" Yes."))


def test_rows_of_a_preview_show_what_is_marked_and_tell_the_rest():
    plain = {"start": 0, "end": 3, "type": "person"}, {"start": 11, "end": 15, "type": "firm"}
    relation = {"type": "works for", "head": plain[0], "tail": plain[1]}
    row = shown_row({"text": TEXT, "entities": list(plain), "relations": [relation]})
    assert [piece.text for piece in row.pieces if piece.type] == ["Ada", "Acme"]
    assert row.note == "Ada → works for → Acme"
    event = {
        "type": "hire",
        "trigger": {"start": 4, "end": 10},
        "arguments": [{"role": "who", "start": 0, "end": 3}],
    }
    shown = shown_row({"text": TEXT, "events": [event]}).pieces
    assert [(piece.text, piece.type) for piece in shown if piece.type] == [("Ada", "who"), ("joined", "hire")]
    assert shown_row({"text": TEXT, "summary": "Ada joined."}).note == "Ada joined."
    assert shown_row({"text_a": "one", "text_b": "two", "label": 0.0}).note == "alike: 0"
    assert shown_row({"text_a": "one", "text_b": "two"}).note == ""
