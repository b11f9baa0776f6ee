"""Span labels: a schema becomes labels, beliefs become marks on a text and come back."""

from __future__ import annotations

import pytest

from gts.core.errors import InvalidInput
from gts.student.spans.labels import Labels, beliefs_of, labels_of, marks_of
from gts.tasks.items import certain
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

NER = Schema(entities={"person": {}, "place": {}})
OWNS = Schema(entities={"person": {}, "firm": {}}, relations={"owns": {"head": ["person"]}, "near": {}})
EVENTS = Schema(
    events={"hire": {"roles": {"who": "", "where": ""}}, "fire": {"roles": {"who": "", "why": ""}}}
)

ADA, SHOP, PARIS = Span(0, 3, "person"), Span(9, 13, "firm"), Span(17, 22)
BACK_AND_FORTH = [
    (NER, Structure((ADA, Span(0, 3, "place"), Span(0, 13, "place")))),
    (OWNS, Structure((ADA, SHOP), (Relation("owns", ADA, SHOP), Relation("near", SHOP, ADA)))),
    (
        EVENTS,
        Structure(
            (),
            (),
            (
                Event("hire", Span(4, 8), (Argument("who", 0, 3), Argument("where", 17, 22))),
                Event("fire", Span(14, 16), (Argument("who", 0, 3),)),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("schema", "structure"), BACK_AND_FORTH)
def test_beliefs_come_back_from_their_marks(schema: Schema, structure: Structure) -> None:
    labels = labels_of(schema)
    beliefs = certain(structure)

    assert beliefs_of(labels, *marks_of(labels, beliefs)) == beliefs


@pytest.mark.parametrize("schema", [NER, OWNS, EVENTS])
def test_labels_survive_being_written(schema: Schema) -> None:
    labels = labels_of(schema)

    assert Labels.from_json(labels.to_json()) == labels


def test_ends_of_relations_are_entities_where_entities_have_no_types() -> None:
    labels = labels_of(Schema(relations={"owns": {}}))
    beliefs = certain(Structure((), (Relation("owns", Span(0, 3), Span(9, 13)),)))

    spans, links = marks_of(labels, beliefs)

    assert spans == {(0, (0, 3)): 1.0, (0, (9, 13)): 1.0}
    assert links == {(0, (0, 3), (9, 13)): 1.0}


def test_given_entities_are_neither_learned_nor_told() -> None:
    labels = labels_of(OWNS, given=True)
    structure = Structure((ADA, SHOP), (Relation("owns", ADA, SHOP),))

    spans, links = marks_of(labels, certain(structure))

    assert not spans
    assert beliefs_of(labels, spans, links) == certain(Structure((), structure.relations))


def test_a_relation_starts_only_where_its_type_may() -> None:
    labels = labels_of(OWNS)
    firm_first = {(labels.spans.index(("entity", "firm")), (0, 3)): 1.0, (0, (9, 13)): 1.0}

    told = beliefs_of(labels, firm_first, {(0, (0, 3), (9, 13)): 1.0, (1, (0, 3), (9, 13)): 1.0})

    assert {item.type for item in told if item.kind == "relation"} == {"near"}


def test_a_link_is_believed_no_more_than_its_spans() -> None:
    labels = labels_of(OWNS)

    told = beliefs_of(labels, {(0, (0, 3)): 0.9, (1, (9, 13)): 0.4}, {(0, (0, 3), (9, 13)): 0.8})

    assert [belief for item, belief in told.items() if item.kind == "relation"] == [0.4]


def test_a_role_is_told_only_of_events_that_have_it() -> None:
    labels = labels_of(EVENTS)
    spans = {(labels.spans.index(("trigger", name)), (0, 3)): 1.0 for name in ("hire", "fire")}
    spans[labels.spans.index(("argument", "why")), (9, 13)] = 1.0

    told = beliefs_of(labels, spans, {(labels.links.index("why"), (0, 3), (9, 13)): 0.7})

    assert [item.type for item in told if item.kind == "argument"] == ["fire"]


def test_the_greatest_of_several_beliefs_in_one_mark_counts() -> None:
    labels = labels_of(EVENTS)
    one, other = (
        certain(Structure((), (), (Event(name, Span(4, 8), (Argument("who", 0, 3),)),)))
        for name in ("hire", "fire")
    )
    beliefs = dict.fromkeys(one, 0.3) | dict.fromkeys(other, 0.6)

    spans, links = marks_of(labels, beliefs)

    assert spans[labels.spans.index(("argument", "who")), (0, 3)] == 0.6
    assert list(links.values()) == [0.6]


def test_a_type_that_the_task_has_not_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"'animal'.*'person'"):
        marks_of(labels_of(NER), certain(Structure((Span(0, 3, "animal"),))))


def test_a_schema_that_looks_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="without entity"):
        labels_of(Schema())
