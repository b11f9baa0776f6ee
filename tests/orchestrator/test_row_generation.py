"""New rows for tasks of all types: by whom they are made, what the filters say of them, and what a person has to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from gts.core.llm.values import Answer, Call, Completion
from gts.generator.made import MadeRow
from gts.generator.protocol import Judged
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Scene
from gts.orchestrator.stages.rows.filtering import judge_recombined, judge_written
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Relation, Span, Structure

PEOPLE = ("Ada", "Bob", "Eve", "Max")
NAMES = TaskSpec.model_validate({"name": "people", "type": "ner", "entities": ["person"], "language": "en"})
JOBS = TaskSpec.model_validate(
    {
        "name": "jobs",
        "type": "relation",
        "entities": ["person", "firm"],
        "relations": ["works for"],
        "entities_given": True,
    }
)


def named(text: str, name: str) -> MarkedRow:
    start = text.index(name)
    return MarkedRow(text, Structure((Span(start, start + len(name), "person"),)))


def scene(spec: TaskSpec, rows: Sequence[MarkedRow], held_out: Sequence[MarkedRow] = ()) -> Scene:
    return Scene(RowTask(spec, (*rows, *held_out)), rows, held_out, (), None)


def answers(text: str) -> Callable[[Sequence[Call]], Sequence[Answer]]:
    return lambda calls: [Completion(text) for _ in calls]


VISITS = [
    named("Ada came to see the garden today.", "Ada"),
    named("Yesterday the violin was played by Bob.", "Bob"),
    named("In the evening Eve sat by the river.", "Eve"),
    named("Max is going to sing in the choir tonight.", "Max"),
]


def test_rows_of_a_language_model_hold_what_was_asked_for() -> None:
    said = "[person: Kim] came to see the old garden.\n\nNobody came to see it."

    made = craft_of("ner").write(scene(NAMES, VISITS), "big", 3, answers(said), True, True)

    assert [one.row.text for one in made.rows] == ["Kim came to see the old garden."]
    assert made.rows[0].row.found == Structure((Span(0, 3, "person"),))
    assert (made.rows[0].labels, made.rows[0].generator, made.rows[0].kind) == (("person",), "big", "written")
    assert made.dropped["not wanted"] > 0


def test_relations_between_given_entities_keep_these_apart() -> None:
    ada, acm = Span(0, 3, "person"), Span(13, 16, "firm")
    gold = [
        MarkedRow("Ada works at ACM.", Structure(relations=(Relation("works for", ada, acm),)), (ada, acm))
    ]
    said = "[person#1: Kim] joined [firm#2: Sun] in May.\nworks for: #1 -> #2"

    (made,) = craft_of("relation").write(scene(JOBS, gold), "big", 1, answers(said), True, True).rows

    kim, sun = Span(0, 3, "person"), Span(11, 14, "firm")
    assert made.row.given == (kim, sun)
    assert made.row.found == Structure(relations=(Relation("works for", kim, sun),))


def test_rows_made_of_the_users_own_are_marked_exactly() -> None:
    made = craft_of("ner").recombine(scene(NAMES, VISITS), 12, 0)

    assert made.rows
    for one in made.rows:
        assert {span.of(one.row.text) for span in one.row.found.entities} <= set(PEOPLE)


@pytest.mark.parametrize("judge", [judge_recombined, judge_written])
def test_what_is_held_out_and_what_comes_twice_is_dropped(judge: Callable[..., list[Judged]]) -> None:
    held_out = named("In the evening Max sat in the garden.", "Max")
    new = named("Tonight Eve came to the river to sing.", "Eve")
    rows = [MadeRow(row, ("person",), "big", "written") for row in (held_out, new, new)]

    judged = judge(craft_of("ner"), scene(NAMES, VISITS, [held_out]), rows)

    assert [verdict.kind for verdict in judged] == ["held out", "", "duplicate"]
