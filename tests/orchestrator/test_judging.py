from __future__ import annotations

import pytest

from gts.orchestrator.crafts.judging import best_threshold, decide_structures, judge_structures
from gts.orchestrator.crafts.protocol import Judgement
from gts.tasks.items import Item
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

NER = TaskSpec.model_validate({"name": "people", "type": "ner", "entities": ["person", "place"]})
ADA = Item("entity", "person", (0, 3))
PARIS = Item("entity", "place", (9, 14))


def gold(*spans: Span) -> Structure:
    return Structure(spans)


def judge(spec: TaskSpec, rows: list[Structure], beliefs: list[dict[Item, float]]) -> Judgement:
    return judge_structures(spec, rows, beliefs, [decide_structures(spec, rows, beliefs)] * len(rows))


def test_the_threshold_takes_what_is_right_and_leaves_what_is_wrong() -> None:
    rows = [gold(Span(0, 3, "person")), gold(Span(0, 3, "person")), gold()]
    beliefs = [{ADA: 0.9}, {ADA: 0.4, PARIS: 0.2}, {PARIS: 0.2}]

    threshold = best_threshold(rows, beliefs, "entity")

    assert 0.2 < threshold < 0.4
    judged = judge(NER, rows, beliefs)
    assert judged.value == judged.measures["micro_f1"] == 1.0
    assert decide_structures(NER, rows, beliefs) == {"entity": threshold}


def test_equal_beliefs_are_decided_alike() -> None:
    rows = [gold(Span(0, 3, "person")), gold()]

    threshold = best_threshold(rows, [{ADA: 0.5}, {ADA: 0.5}], "entity")

    assert threshold < 0.5
    assert judge(NER, rows, [{ADA: 0.5}, {ADA: 0.5}]).value == pytest.approx(2 / 3)


def test_each_text_is_answered_by_its_own_decision() -> None:
    rows = [gold(Span(0, 3, "person"))] * 2

    judged = judge_structures(NER, rows, [{ADA: 0.4}] * 2, [{"entity": 0.5}, {"entity": 0.3}])

    assert judged.measures["recall"] == 0.5


def test_the_loss_tells_sure_from_unsure() -> None:
    rows = [gold(Span(0, 3, "person"))]

    sure, unsure, wrong = (
        judge(NER, rows, [beliefs]).loss for beliefs in ({ADA: 0.95}, {ADA: 0.6}, {PARIS: 0.9})
    )

    assert sure < unsure < wrong


@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1"])
def test_the_interval_holds_the_value_and_narrows_with_rows(metric: str) -> None:
    spec = NER.evolve(goal={"metric": metric})
    rows = [gold(Span(0, 3, "person")), gold(Span(9, 14, "place")), gold(Span(0, 3, "person"))]
    beliefs = [{ADA: 0.9}, {PARIS: 0.9}, {PARIS: 0.9}]

    few = judge(spec, rows, beliefs)
    many = judge(spec, rows * 20, beliefs * 20)

    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_relations_and_events_have_their_own_measures() -> None:
    owner, owned = Span(0, 3), Span(9, 14)
    relation = TaskSpec.model_validate({"name": "owns", "type": "relation", "relations": ["owns"]})
    found = Structure(relations=(Relation("owns", owner, owned),))
    said = {Item("relation", "owns", (0, 3), "", (9, 14)): 0.8}
    assert judge(relation, [found], [said]).value == 1.0

    event = TaskSpec.model_validate(
        {"name": "sales", "type": "event", "events": {"sale": {"roles": {"buyer": ""}}}}
    )
    sold = Structure(events=(Event("sale", Span(4, 8), (Argument("buyer", 0, 3),)),))
    trigger, argument = Item("trigger", "sale", (4, 8)), Item("argument", "sale", (4, 8), "buyer", (0, 3))
    judged = judge(event, [sold], [{trigger: 0.9, argument: 0.3}])
    assert judged.measures["trigger_f1"] == judged.measures["argument_f1"] == 1.0
