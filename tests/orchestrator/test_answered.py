"""What people answered becomes part of a task: every kind, every type, and the rules about whose word counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.answered import apply_answers, put_answered
from gts.orchestrator.questions import Question, QuestionKind, QuestionState
from gts.orchestrator.taskstore import get_task, put_for_stages, put_task
from gts.tasks.dataset import Example, Origin, TaskData
from gts.tasks.rows import MarkedRow, PairRow, RowTask, SummaryRow
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

JOB = "7" * 32
SPEC = TaskSpec(name="tickets", labels=["billing", "delivery"], multi_label=False)


def said(
    kind: QuestionKind, payload: dict[str, Any], answer: dict[str, Any], origin: Origin = Origin.POOL
) -> Question:
    asked = Question.new(JOB, kind, payload, "it would help most", origin=origin)
    return replace(asked, state=QuestionState.ANSWERED, answer=answer, by="ann")


def label(text: str, *labels: str) -> Question:
    answer = {"labels": list(labels)} if labels else {"none": True}
    return said(QuestionKind.LABEL, {"text": text, "options": ["billing", "delivery", "other"]}, answer)


def confirm(text: str, asked: str, yes: bool) -> Question:
    return said(QuestionKind.CONFIRM, {"text": text, "label": asked}, {"yes": yes}, Origin.GENERATED)


def correct(text: str, given: str, *labels: str) -> Question:
    answer = {"labels": list(labels)} if labels else {"none": True}
    return said(QuestionKind.MISLABELLED, {"text": text, "labels": [given]}, answer, Origin.GOLD)


def mark(row: dict[str, Any], origin: Origin = Origin.POOL) -> Question:
    payload = {"text": row["text"], "proposed": row}
    return said(QuestionKind.MARK, payload, {"row": row}, origin)


def task(spec: TaskSpec = SPEC, **changed: Any) -> TaskData:
    gold = [Example(f"{name} {n}", (name,)) for name in ("billing", "delivery") for n in range(3)]
    return replace(TaskData(spec, tuple(gold), ("refund me", "where is it", "hello")), **changed)


def answered(text: str, *labels: str) -> Example:
    return Example(text, labels, Origin.ANSWERED)


def added(data: TaskData, answers: Sequence[Question]) -> tuple[Example, ...]:
    return apply_answers(data, answers).gold[len(data.gold) :]


def test_nothing_answered_changes_nothing() -> None:
    assert apply_answers(task(), []) == task()


def test_answered_texts_become_gold_that_can_be_told_apart_and_leave_the_pool() -> None:
    found = apply_answers(task(), [label("Refund  me", "billing"), label("hello")])

    assert found.gold == (*task().gold, answered("Refund  me", "billing"))
    assert found.pool == ("where is it",)
    assert found.notes == (
        "1 answer of people added to the examples",
        "1 text left out, since people said that no label fits",
    )
    assert found.spec == SPEC


def test_in_multi_label_tasks_none_of_the_labels_is_an_answer() -> None:
    data = task(SPEC.evolve(multi_label=True))
    found = added(data, [label("hello"), label("refund me", "billing", "delivery")])
    assert found == (answered("hello"), answered("refund me", "billing", "delivery"))


def test_yes_makes_gold_of_the_label_and_no_of_the_other_where_there_are_two() -> None:
    answers = [confirm("pay me back", "billing", True), confirm("no money, my parcel", "billing", False)]
    found = added(task(), answers)
    assert found == (answered("pay me back", "billing"), answered("no money, my parcel", "delivery"))


def test_no_says_nothing_where_there_are_more_labels() -> None:
    answers = [confirm("a", "billing", True), confirm("b", "billing", False)]
    for spec in (
        TaskSpec(name="tickets", labels=["billing", "delivery", "other"], multi_label=False),
        SPEC.evolve(multi_label=True),
    ):
        assert added(task(spec), answers) == (answered("a", "billing"),)


def test_of_several_answers_about_one_text_the_last_counts() -> None:
    answers = [label("hello", "billing"), label("hello"), confirm("HELLO", "delivery", True)]
    assert added(task(), answers) == (answered("HELLO", "delivery"),)
    found = apply_answers(task(), [label("hello", "billing"), label("hello")])
    assert found.gold == task().gold and "hello" not in found.pool


def test_the_users_own_examples_and_test_texts_stay_as_they_are() -> None:
    data = task(test=(Example("tested", ("billing",)),))
    found = apply_answers(data, [label("Billing 0", "delivery"), label("tested", "delivery")])
    assert found.gold == data.gold and found.test == data.test
    assert found.notes == ("2 answers of people left aside: your own examples or test texts have the text",)


def test_guessed_examples_give_way_to_answers() -> None:
    guessed = tuple(replace(example, origin=Origin.GUESSED) for example in task().gold)
    found = apply_answers(task(gold=guessed), [label("billing 0", "delivery")])
    assert found.gold == (answered("billing 0", "delivery"), *guessed[1:])


def test_without_any_examples_answers_wait_until_they_are_enough() -> None:
    data = task(gold=())
    answers = [label(text, "billing") for text in ("refund me", "pay me")]
    waiting = apply_answers(data, answers)
    assert (waiting.gold, waiting.pool) == ((), data.pool)
    assert waiting.notes == ("2 answers of people wait: 2 for each label make examples of their own",)
    answers += [label(text, "delivery") for text in ("where is it", "not here")]
    assert len(apply_answers(data, answers).gold) == 4


def test_wrong_examples_are_put_right_or_dropped() -> None:
    answers = [correct("billing 0", "billing", "delivery"), correct("delivery 0", "delivery")]
    found = apply_answers(task(), answers)
    assert found.gold[0] == Example("billing 0", ("delivery",), Origin.GOLD)
    assert "delivery 0" not in [example.text for example in found.gold] and len(found.gold) == 5
    assert found.notes == (
        "1 example corrected by people",
        "1 example dropped, since people said that no label fits",
    )


def test_an_example_that_was_said_to_be_right_or_was_mended_since_stays() -> None:
    answers = [correct("billing 0", "billing", "billing"), correct("billing 1", "delivery", "delivery")]
    assert apply_answers(task(), answers) == task()


def test_every_label_keeps_its_least_number_of_examples() -> None:
    answers = [correct(f"billing {n}", "billing", "delivery") for n in range(3)]
    found = apply_answers(task(), answers)
    assert [example.labels[0] for example in found.gold].count("billing") == 2
    assert "2 examples kept as given" in found.notes[1]
    fed = apply_answers(task(), [label("refund me", "billing"), *answers])
    assert [example.labels[0] for example in fed.gold].count("billing") == 2, "answers count, too"


def test_descriptions_are_set() -> None:
    define = said(
        QuestionKind.DEFINE,
        {"labels": ["billing", "delivery"], "examples": {}},
        {"descriptions": {"delivery": "parcels"}},
        Origin.GOLD,
    )
    found = apply_answers(task(), [define])
    assert found.spec.labels == {"billing": "", "delivery": "parcels"}
    assert found.notes == ("people described 'delivery'",)
    people = PEOPLE.evolve(entities={"delivery": "", "person": "someone"})
    changed = apply_answers(RowTask(people, ()), [define])
    assert changed.spec.entities["delivery"].description == "parcels"
    assert changed.spec.entities["person"].description == "someone"


def test_what_no_longer_fits_the_task_is_left_out_and_said() -> None:
    define = said(QuestionKind.DEFINE, {"labels": ["gone"]}, {"descriptions": {"gone": "x"}}, Origin.GOLD)
    rows = mark({"text": "Ada", "entities": []})
    found = apply_answers(task(), [label("hello", "other"), define, rows])
    assert (found.gold, found.pool, found.spec) == (task().gold, task().pool, SPEC)
    assert found.notes == ("3 answers of people left out, since this task has no such label or type",)


# Other task types

PEOPLE = TaskSpec.model_validate({"name": "people", "type": "ner", "entities": ["person", "place"]})
ADA, MAX, EVE = (
    MarkedRow(f"{name} wrote", Structure((Span(0, 3, "person"),))) for name in ("Ada", "Max", "Eve")
)


def test_marked_rows_become_gold_and_leave_the_pool() -> None:
    data = RowTask(PEOPLE, (ADA, MAX), (MarkedRow("Tim left", None, (), Origin.POOL), EVE))
    row = {"text": "Tim left", "entities": [{"start": 0, "end": 3, "type": "person"}]}
    found = apply_answers(data, [mark(row)])
    assert found.gold[2] == MarkedRow("Tim left", Structure((Span(0, 3, "person"),)), (), Origin.ANSWERED)
    assert found.pool == (EVE,)


def test_marks_of_a_gold_row_take_its_place() -> None:
    data = RowTask(PEOPLE, (ADA, MAX, EVE))
    found = apply_answers(data, [mark({"text": "Max wrote", "entities": []}, Origin.GOLD)])
    assert found.gold == (ADA, MarkedRow("Max wrote", Structure(), (), Origin.GOLD), EVE)
    few = RowTask(PEOPLE, (ADA, MAX))
    kept = apply_answers(few, [mark({"text": "Max wrote", "entities": []}, Origin.GOLD)])
    assert kept.gold == few.gold and "its label would have too few" in kept.notes[0]


def test_relations_between_given_entities_are_told_apart_by_them() -> None:
    spec = TaskSpec.model_validate(
        {"name": "works", "type": "relation", "relations": ["works for"], "entities_given": True}
    )
    ends = (Span(0, 3, "person"), Span(7, 10, "firm"))
    row = {
        "text": "Ada at ACM",
        "entities": [span.to_json() for span in ends],
        "relations": [{"type": "works for", "head": ends[0].to_json(), "tail": ends[1].to_json()}],
    }
    pool = tuple(MarkedRow("Ada at ACM", None, given, Origin.POOL) for given in (ends, ends[:1]))
    found = apply_answers(RowTask(spec, (), pool), [mark(row)])
    assert found.pool == pool[1:]
    assert found.gold == (
        MarkedRow("Ada at ACM", Structure((), (Relation("works for", *ends),)), ends, Origin.ANSWERED),
    )


def test_events_and_summaries_become_gold() -> None:
    events = TaskSpec.model_validate(
        {"name": "n", "type": "event", "events": {"arrest": ["where"]}}
        | {"events": {"arrest": {"roles": ["where"]}}}
    )
    event = {
        "type": "arrest",
        "trigger": {"start": 0, "end": 8},
        "arguments": [{"role": "where", "start": 12, "end": 16}],
    }
    (found,) = apply_answers(
        RowTask(events, ()), [mark({"text": "Arrested in Rome", "events": [event]})]
    ).gold
    assert found.found.events == (Event("arrest", Span(0, 8), (Argument("where", 12, 16),)),)
    short = TaskSpec(name="s", type="summarization")
    data = RowTask(short, (), (SummaryRow("A. B.", None, Origin.POOL),))
    changed = apply_answers(data, [mark({"text": "A. B.", "summary": "A."})])
    assert (changed.gold, changed.pool) == ((SummaryRow("A. B.", "A.", Origin.ANSWERED),), ())


def pair(kind: QuestionKind, answer: dict[str, Any], **payload: Any) -> Question:
    return said(kind, {"text_a": "one", "text_b": "two", **payload}, answer)


def test_pairs_are_scored_confirmed_and_corrected() -> None:
    twins = TaskSpec(name="twins", type="similarity")
    data = RowTask(twins, (), (PairRow("Two", "one", None, Origin.POOL),))
    for question, score in (
        (pair(QuestionKind.LABEL, {"labels": ["1"]}, options=["1", "0"]), 1.0),
        (pair(QuestionKind.CONFIRM, {"yes": True}, label="1"), 1.0),
        (pair(QuestionKind.CONFIRM, {"yes": False}, label="1"), 0.0),
    ):
        found = apply_answers(data, [question])
        assert (found.gold, found.pool) == ((PairRow("one", "two", score, Origin.ANSWERED),), ())
    rows = (PairRow("one", "two", 1.0), *(PairRow(f"a{n}", f"b{n}", float(n % 2)) for n in range(6)))
    found = apply_answers(
        replace(data, gold=rows), [pair(QuestionKind.MISLABELLED, {"labels": ["0"]}, labels=["1"])]
    )
    assert found.gold == (PairRow("one", "two", 0.0), *rows[1:])


@pytest.mark.parametrize(("label", "score"), [("3.5", 3.5), ("9", None), ("many", None)])
def test_graded_pairs_take_grades_of_their_scale(label: str, score: float | None) -> None:
    graded = TaskSpec(name="twins", type="similarity", scale=(0.0, 5.0))
    question = pair(QuestionKind.LABEL, {"labels": [label]}, options=["3.5", "9", "many"])
    gold = apply_answers(RowTask(graded, ()), [question]).gold
    assert gold == (() if score is None else (PairRow("one", "two", score, Origin.ANSWERED),))


# Files


@pytest.mark.parametrize("kind", ["texts", "rows"])
def test_the_files_of_a_task_are_those_of_the_task_with_the_answers(store: ArtifactStore, kind: str) -> None:
    if kind == "texts":
        data: Any = task(test=(Example("tested", ("billing",)),))
        answers = [label("refund me", "billing"), label("hello"), correct("billing 0", "billing", "delivery")]
    else:
        rows = tuple(PairRow(f"a{n}", f"b{n}", float(n % 2)) for n in range(6))
        pool = (PairRow("one", "two", None, Origin.POOL), PairRow("x", "y", None, Origin.POOL))
        data = RowTask(TaskSpec(name="twins", type="similarity"), rows, pool, rows[:1], ("single", "texts"))
        answers = [pair(QuestionKind.LABEL, {"labels": ["1"]}, options=["1", "0"])]
    digest = put_task(store, data)

    changed = put_answered(store, digest, answers)

    assert get_task(store, changed) == apply_answers(data, answers)
    assert put_answered(store, digest, answers) == changed, "finished stages are found again"
    assert put_answered(store, digest, []) == digest
    stages = get_task(store, put_for_stages(store, changed, data.spec))
    assert stages.gold == apply_answers(data, answers).gold and stages.test == ()
