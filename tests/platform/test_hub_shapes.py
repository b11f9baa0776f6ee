"""Questions and answers in the shapes of the Hub's inference client, type by type."""

from __future__ import annotations

import pytest

from gts.core.errors import InvalidInput
from gts.platform.hub_shapes import answer_of, rows_of

ENTITY = {"start": 0, "end": 3, "type": "person", "text": "Ada", "score": 0.9}
GROUP = {"entity_group": "person", "score": 0.9, "word": "Ada", "start": 0, "end": 3}
PAIR = {"source_sentence": "who?", "sentences": ["when?", "which?"]}


@pytest.mark.parametrize("task_type", ["classification", "ner", "relation", "event", "summarization"])
def test_texts_become_rows(task_type):
    assert rows_of(task_type, "Ada") == [{"text": "Ada"}]
    assert rows_of(task_type, ["Ada", ""]) == [{"text": "Ada"}, {"text": ""}]
    with pytest.raises(InvalidInput, match="no text"):
        rows_of(task_type, [])
    with pytest.raises(InvalidInput, match=f"this is a {task_type} model"):
        rows_of(task_type, PAIR)


def test_a_sentence_is_compared_with_each_other_one():
    assert rows_of("similarity", PAIR) == [
        {"text_a": "who?", "text_b": "when?"},
        {"text_a": "who?", "text_b": "which?"},
    ]
    for texts in ("who?", ["who?", "when?"]):
        with pytest.raises(InvalidInput) as caught:
            rows_of("similarity", texts)
        assert "source_sentence" in caught.value.mend


def test_entities_are_groups_of_words_and_a_single_text_has_a_single_list():
    answers = [{"entities": [ENTITY]}, {"entities": []}]
    assert answer_of("ner", answers, ["Ada wrote", "it rained"]) == [[GROUP], []]
    assert answer_of("ner", answers[:1], ["Ada wrote"]) == [[GROUP]]
    assert answer_of("ner", answers[:1], "Ada wrote") == [GROUP]


def test_pairs_are_answered_with_numbers():
    assert answer_of("similarity", [{"score": 0.2, "alike": False}, {"score": 0.9, "alike": True}], PAIR) == [
        0.2,
        0.9,
    ]
    assert answer_of("similarity", [{"score": 4.5}], PAIR) == [4.5]


def test_a_summary_is_always_in_a_list():
    answers = [{"summary": "Ada wrote.", "sentences": []}]
    for inputs in ("a text", ["a text"]):
        assert answer_of("summarization", answers, inputs) == [{"summary_text": "Ada wrote."}]


@pytest.mark.parametrize("task_type", ["relation", "event"])
def test_what_the_hub_has_no_shape_for_stays_as_it_is(task_type):
    answers = [{"events": []}, {"events": [{"type": "hire"}]}]
    assert answer_of(task_type, answers, ["a", "b"]) == answers
    assert answer_of(task_type, answers[1:], "b") == answers[1]
