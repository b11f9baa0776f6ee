"""Questions as values, and what may be answered to each kind."""

from __future__ import annotations

from typing import Any

import pytest

from gts.core.errors import DataError, InvalidInput, TooLarge
from gts.orchestrator.answer_forms import check_answer, proposal_of, row_text, takes_none
from gts.orchestrator.questions import Question, QuestionKind, options_of
from gts.tasks.dataset import Origin
from gts.tasks.rows import MarkedRow, SummaryRow
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Structure

TICKETS = TaskSpec(name="tickets", labels=["billing", "delivery", "other"], multi_label=False)
TOPICS = TICKETS.evolve(multi_label=True)
PEOPLE = TaskSpec.model_validate({"name": "people", "type": "ner", "entities": ["person", "place"]})
WORKS = TaskSpec.model_validate(
    {
        "name": "works",
        "type": "relation",
        "entities": ["person", "firm"],
        "relations": {"works for": {"head": "person"}},
        "entities_given": True,
    }
)
ARRESTS = TaskSpec.model_validate(
    {"name": "news", "type": "event", "events": {"arrest": {"roles": ["who", "where"]}}}
)
SHORT = TaskSpec(name="short", type="summarization")
TWINS = TaskSpec(name="twins", type="similarity")


def ask(kind: QuestionKind, payload: dict[str, Any], origin: Origin = Origin.POOL) -> Question:
    return Question.new("7" * 32, kind, payload, "it would help most", origin=origin)


LABEL = ask(
    QuestionKind.LABEL,
    {"text": "refund?", "options": ["billing", "delivery", "other"], "suggested": {"billing": 0.6, "delivery": 0.4}},
)  # fmt: skip
CONFIRM = ask(QuestionKind.CONFIRM, {"text": "never again", "label": "praise"}, Origin.GENERATED)
DEFINE = ask(QuestionKind.DEFINE, {"labels": ["billing", "other"], "examples": {"billing": ["refund"]}})
MISLABELLED = ask(QuestionKind.MISLABELLED, {"text": "where is it", "labels": ["billing"]}, Origin.GOLD)
ADA = {"text": "Ada in Rome", "entities": [{"start": 0, "end": 3, "type": "person"}]}
MARK = ask(QuestionKind.MARK, {"text": "Ada in Rome", "proposed": ADA})


def test_the_same_question_has_one_id_whatever_the_machine_believes() -> None:
    again = ask(QuestionKind.LABEL, {**LABEL.payload, "suggested": {"other": 1.0}})
    assert again.id == LABEL.id and len(LABEL.id) == 16
    turned = ask(QuestionKind.DEFINE, {"labels": ["other", "billing"], "examples": {}})
    assert turned.id == DEFINE.id
    others = (
        ask(QuestionKind.LABEL, {**LABEL.payload, "text": "refund!"}),
        ask(QuestionKind.CONFIRM, {"text": "refund?", "label": "billing"}),
        ask(QuestionKind.CONFIRM, {"text": "refund?", "label": "other"}),
        Question.new("8" * 32, QuestionKind.LABEL, LABEL.payload, "another job", origin=Origin.POOL),
    )
    assert len({LABEL.id, *(question.id for question in others)}) == 5


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (QuestionKind.LABEL, {"text": "a"}),
        (QuestionKind.LABEL, {"options": ["a"]}),
        (QuestionKind.CONFIRM, {"text": "a"}),
        (QuestionKind.DEFINE, {}),
        (QuestionKind.MISLABELLED, {"text": "a"}),
        (QuestionKind.MARK, {"text": "a"}),
    ],
)
def test_a_question_without_what_it_needs_is_not_made(kind: QuestionKind, payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs"):
        ask(kind, payload)


def test_several_likely_labels_are_all_suggested() -> None:
    several = ask(
        QuestionKind.LABEL, {**LABEL.payload, "suggested": {"billing": 0.8, "other": 0.7, "delivery": 0.1}}
    )
    assert several.suggestion == ("billing", "other")
    assert ask(QuestionKind.LABEL, {"text": "a", "options": ["b"]}).suggestion == ()


@pytest.mark.parametrize(
    ("question", "given", "spec", "kept"),
    [
        (LABEL, {"labels": ["delivery"]}, TICKETS, {"labels": ["delivery"]}),
        (LABEL, {"none": True}, TICKETS, {"none": True}),
        (LABEL, {"labels": ["other", "billing", "other"]}, TOPICS, {"labels": ["billing", "other"]}),
        (LABEL, {"labels": []}, TOPICS, {"none": True}),
        (CONFIRM, {"yes": False}, TICKETS, {"yes": False}),
        (MISLABELLED, {"labels": ["billing"]}, TICKETS, {"labels": ["billing"]}),
        (MISLABELLED, {"none": True}, TICKETS, {"none": True}),
        (MISLABELLED, {"labels": []}, TOPICS, {"labels": []}),
        (
            DEFINE,
            {"descriptions": {"other": " all else\0 ", "billing": " "}},
            TICKETS,
            {"descriptions": {"other": "all else"}},
        ),
    ],
)
def test_an_answer_is_kept_in_one_form(
    question: Question, given: dict[str, Any], spec: TaskSpec, kept: dict[str, Any]
) -> None:
    assert check_answer(question, given, spec) == kept


@pytest.mark.parametrize(
    ("question", "given", "says"),
    [
        (LABEL, {"labels": ["bill"]}, "'bill' is no label"),
        (LABEL, {"labels": []}, "exactly one"),
        (LABEL, {"labels": ["billing", "other"]}, "exactly one"),
        (LABEL, {"labels": "billing"}, "is answered with"),
        (LABEL, {"none": False}, "is answered with"),
        (LABEL, {"yes": True}, "'yes'; a question of kind 'label' is answered with"),
        (LABEL, {}, "nothing"),
        (LABEL, {"labels": ["billing"], "none": True}, "is answered with"),
        (CONFIRM, {"yes": "yes"}, "is answered with"),
        (DEFINE, {"descriptions": {"delivery": "parcels"}}, "'delivery' was described"),
        (DEFINE, {"descriptions": {"billing": "\u200b"}}, "no label was described"),
        (DEFINE, {"descriptions": {"billing": 3}}, "is answered with"),
        (MISLABELLED, {"labels": ["bill"]}, "'bill' is no label"),
        (MARK, {"row": 3}, "is answered with"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(question: Question, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        check_answer(question, given, TICKETS)
    assert caught.value.mend


def test_a_treatise_is_no_description() -> None:
    with pytest.raises(TooLarge, match="'billing' has 1,001 characters"):
        check_answer(DEFINE, {"descriptions": {"billing": "x" * 1001}}, TICKETS)


def test_pairs_are_alike_or_not_and_nothing_else() -> None:
    pair = {"text_a": "one", "text_b": "two"}
    question = ask(QuestionKind.LABEL, {**pair, "options": ["1", "0"]})
    assert question.texts == ("one", "two") and not takes_none(question, TWINS)
    assert check_answer(question, {"labels": ["0"]}, TWINS) == {"labels": ["0"]}
    doubted = ask(QuestionKind.MISLABELLED, {**pair, "labels": ["1"]}, Origin.GOLD)
    assert options_of(doubted, TWINS) == ("1", "0") and takes_none(doubted, TWINS)
    assert takes_none(LABEL, TICKETS) and not takes_none(CONFIRM, TICKETS)


GIVEN = {
    "text": "Ada at ACM",
    "entities": [{"start": 0, "end": 3, "type": "person"}, {"start": 7, "end": 10, "type": "firm"}],
}
LINKED = {
    **GIVEN,
    "relations": [{"type": "works for", "head": GIVEN["entities"][0], "tail": GIVEN["entities"][1]}],
}
ARREST = {
    "text": "He was arrested in Rome",
    "events": [
        {
            "type": "arrest",
            "trigger": {"start": 7, "end": 15},
            "arguments": [{"role": "where", "start": 19, "end": 23}],
        }
    ],
}
ROME = {**ADA, "entities": [*ADA["entities"], {"start": 7, "end": 11, "type": "place"}]}


@pytest.mark.parametrize(
    ("spec", "proposed", "row", "text"),
    [
        (PEOPLE, ADA, ROME, "[person: Ada] in [place: Rome]"),
        (PEOPLE, ADA, {"text": "Ada in Rome", "entities": []}, "Ada in Rome"),
        (WORKS, {**GIVEN, "relations": []}, LINKED, "[person#1: Ada] at [firm#2: ACM]\nworks for: #1 -> #2"),
        (
            ARRESTS,
            {**ARREST, "events": []},
            ARREST,
            "He was [@1: arrested] in [@2: Rome]\narrest: @1 (where: @2)",
        ),
        (SHORT, {"text": "Long. Text.", "summary": "Text."}, {"text": "Long. Text.", "summary": "Long."}, "Long. Text.\n---\nLong."),
    ],
)  # fmt: skip
def test_a_row_is_answered_as_json_or_as_text_alike(
    spec: TaskSpec, proposed: dict[str, Any], row: dict[str, Any], text: str
) -> None:
    question = ask(QuestionKind.MARK, {"text": proposed["text"], "proposed": proposed})
    kept = check_answer(question, {"row": row}, spec)
    assert check_answer(question, {"row": text}, spec) == kept
    assert row_text(kept["row"], spec) == text
    assert check_answer(question, {"row": row_text(proposed, spec)}, spec)["row"]["text"] == proposed["text"]


@pytest.mark.parametrize(
    ("spec", "row", "says"),
    [
        (PEOPLE, "[person: Ada] in Paris", "the text is now 'Ada in Paris'; it was 'Ada in Rome'"),
        (PEOPLE, "[animal: Ada] in Rome", "not all marks"),
        (PEOPLE, "[person: Ada in Rome", "."),
        (PEOPLE, {**ADA, "entities": [{"start": 0, "end": 99, "type": "person"}]}, "99"),
        (PEOPLE, {**ADA, "entities": [{"start": 0, "end": 3, "type": "animal"}]}, "animal"),
        (PEOPLE, {"text": "Ada in Rome"}, "has no 'entities'"),
        (TICKETS, ADA, "have labels"),
    ],
)
def test_a_row_outside_the_task_is_refused(spec: TaskSpec, row: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        check_answer(MARK, {"row": row}, spec)


def test_entities_that_come_with_a_text_stay() -> None:
    question = ask(QuestionKind.MARK, {"text": GIVEN["text"], "proposed": {**GIVEN, "relations": []}})
    with pytest.raises(InvalidInput, match="entities that come with the text were changed"):
        check_answer(question, {"row": "[person: Ada] at ACM"}, WORKS)


def test_where_the_proposal_does_not_fit_the_bare_text_is_shown_and_can_be_answered() -> None:
    odd = {"text": "Ada in Rome", "entities": [{"start": 0, "end": 3, "type": "animal"}]}
    question = ask(QuestionKind.MARK, {"text": odd["text"], "proposed": odd})
    assert proposal_of(question, PEOPLE) == MarkedRow("Ada in Rome", Structure())
    assert check_answer(question, {"row": ADA}, PEOPLE) == {"row": ADA}
    short = ask(QuestionKind.MARK, {"text": "Long.", "proposed": {}})
    assert proposal_of(short, SHORT) == SummaryRow("Long.")
    with pytest.raises(DataError):
        row_text(odd, PEOPLE)
