"""What users of a language model as teacher of extraction rely on, with answers that a test gives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.llm.values import Answer, Call, Completion, Failed, Fault
from gts.tasks.items import ARGUMENT, ENTITY, RELATION, TRIGGER, Item
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure
from gts.teacher.answer_form import answer_schema, as_answer
from gts.teacher.demonstrations import Demonstrations, ExtractionQuestion, ask_to_extract
from gts.teacher.extraction import ExtractionConfig, Finding, Findings, extract
from gts.teacher.named import read_named
from gts.teacher.placing import place_named

NAMES = Schema(entities={"person": "a human being", "firm": {}})
WORK = Schema(
    entities={"person": {}, "firm": {}},
    relations={"works for": {"head": ["person"], "tail": ["firm"]}, "near": {}},
)
PLAIN = Schema(relations={"Cause-Effect": "the head brings the tail about", "Other": {}})
CRIME = Schema(events={"arrest": {"roles": {"who": "the one held", "where": ""}}, "trial": {}})

TEXT = "Ada met Babbage at ACM; Ada left."
ADA, BABBAGE, ACM, ADA_AGAIN = (
    Span(0, 3, "person"),
    Span(8, 15, "person"),
    Span(19, 22, "firm"),
    Span(24, 27, "person"),
)
FAILED = Failed(Fault.EMPTY, "the answer was empty")


def said(**answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)


class Model:
    """Answers a text's samples one after the other, and remembers what it was asked."""

    def __init__(self, *answers: str | Answer) -> None:
        self.answers = [Completion(a) if isinstance(a, str) else a for a in answers]
        self.calls: list[Call] = []

    def __call__(self, calls: Sequence[Call]) -> list[Answer]:
        self.calls += calls
        return [self.answers[call.seed % len(self.answers)] for call in calls]


def find(
    *answers: str | Answer,
    schema: Schema = NAMES,
    text: str = TEXT,
    given: tuple[Span, ...] | None = None,
) -> Findings:
    question = ExtractionQuestion(f"prompt {text}", text, given)
    return extract([question], schema, Model(*answers), ExtractionConfig(samples=len(answers)))


def found(*answers: str, **options: Any) -> Structure:
    (finding,) = find(*answers, **options).findings
    assert finding is not None
    return finding.found


def entities(*pairs: tuple[str, str]) -> str:
    return said(entities=[{"type": type_, "text": text} for type_, text in pairs])


def test_entities_are_located_and_each_has_the_share_of_answers_that_name_it() -> None:
    findings = find(
        entities(("person", "Ada"), ("person", "Babbage"), ("firm", "ACM")),
        entities(("firm", "acm"), ("person", "Ada"), ("person", "Ada")),
        entities(("person", "Ada"), ("firm", "Babbage")),
        entities(("person", "Ada")),
    )
    (finding,) = findings.findings
    assert finding is not None and findings.abstained == 0
    assert finding.beliefs == {
        Item(ENTITY, "person", (0, 3)): 1.0,
        Item(ENTITY, "firm", (19, 22)): 0.5,
        Item(ENTITY, "person", (24, 27)): 0.25,
        Item(ENTITY, "person", (8, 15)): 0.25,
        Item(ENTITY, "firm", (8, 15)): 0.25,
    }
    assert finding.found == Structure((ADA, ACM))


def test_what_is_wrong_is_dropped_and_counted() -> None:
    answer = said(
        entities=[
            {"type": "person", "text": "Ada"},
            {"type": "person", "text": "Turing"},
            {"type": "firm", "text": "ACM"},
            {"type": "firm", "text": "ACM"},
            {"type": "year", "text": "1843"},
            {"type": "person"},
            7,
        ]
    )
    findings = find(answer, "There is nobody.", FAILED)
    assert findings.findings[0] is not None and findings.findings[0].found == Structure((ADA, ACM))
    assert findings.counts == {
        "hallucinated": 1,
        "surplus": 1,
        "unknown type": 1,
        "malformed": 2,
        "unusable": 1,
    }


@pytest.mark.parametrize("answer", ["", "I see nothing.", "{}", "[]", "null", '{"thoughts": "hm"}', FAILED])
def test_of_a_model_that_says_nothing_usable_there_is_no_finding(answer: str | Answer) -> None:
    findings = find(answer, answer)
    assert findings.findings == (None,) and findings.abstained == 1
    assert findings.counts.get("unusable", 0) == (0 if answer is FAILED else 2)


def test_that_there_is_nothing_is_a_finding() -> None:
    assert find(said(entities=[])).findings == (Finding(Structure(), {}),)


def test_answers_that_fail_are_no_votes() -> None:
    (finding,) = find(entities(("person", "Ada")), FAILED, "oops", entities(("person", "Ada"))).findings
    assert finding is not None and set(finding.beliefs.values()) == {1.0}


def test_all_first_samples_are_asked_for_before_the_second_ones_in_one_go() -> None:
    model = Model(said(entities=[]))
    questions = [ExtractionQuestion("a", "a"), ExtractionQuestion("b", "b")]
    extract(questions, NAMES, model, ExtractionConfig(samples=3, temperature=0.5, max_tokens=77))
    assert [(call.messages[0].content, call.seed, call.temperature) for call in model.calls] == [
        ("a", 0, 0.0), ("b", 0, 0.0), ("a", 1, 0.5), ("b", 1, 0.5), ("a", 2, 0.5), ("b", 2, 0.5),
    ]  # fmt: skip
    assert {call.max_tokens for call in model.calls} == {77}
    assert model.calls[0].schema == answer_schema(NAMES, False)
    plain = Model(said(entities=[]))
    extract(questions, NAMES, plain, ExtractionConfig(schema=False))
    assert {call.schema for call in plain.calls} == {None}


def test_texts_too_long_are_not_asked_about() -> None:
    model = Model(entities(("x", "a")))
    questions = [ExtractionQuestion("long", "a" * 20), ExtractionQuestion("short", "a")]
    findings = extract(questions, NAMES, model, ExtractionConfig(samples=1, max_chars=10))
    assert findings.findings[0] is None and findings.findings[1] is not None
    assert findings.counts["too long"] == 1 and len(model.calls) == 1
    assert extract([], NAMES, model).findings == ()


def test_relations_join_located_entities_of_types_they_may_join() -> None:
    named = [
        {"type": "person", "text": "Ada"},
        {"type": "person", "text": "Ada"},
        {"type": "firm", "text": "ACM"},
    ]
    relations = [
        {"type": "Works_for", "head": "Ada", "tail": "ACM"},
        {"type": "works for", "head": "ACM", "tail": "Ada"},
        {"type": "works for", "head": "Ada", "tail": "IBM", "tail_type": "firm"},
        {"type": "loves", "head": "Ada", "tail": "ACM"},
        {"type": "near", "head": "Ada"},
    ]
    findings = find(said(entities=named, relations=relations), schema=WORK)
    assert findings.findings[0] is not None
    # The second Ada stands nearer to ACM than the first.
    assert findings.findings[0].found == Structure(
        (ADA, ACM, ADA_AGAIN), (Relation("works for", ADA_AGAIN, ACM),)
    )
    assert findings.counts == {"not allowed": 1, "hallucinated": 1, "unknown type": 1, "malformed": 1}


def test_ends_of_relations_are_entities_too_with_the_type_said_or_the_only_one_allowed() -> None:
    relation = {"type": "works for", "head": "Babbage", "tail": "ACM", "head_type": "Person"}
    assert found(said(relations=[relation]), schema=WORK) == Structure(
        (BABBAGE, ACM), (Relation("works for", BABBAGE, ACM),)
    )
    untyped = {"type": "near", "head": "Babbage", "tail": "ACM"}
    assert not found(said(relations=[untyped]), schema=WORK)
    ends = Span(8, 15), Span(19, 22)
    causes = {"type": "Cause-Effect", "head": "Babbage", "tail": "ACM"}
    assert found(said(entities=["Ada"], relations=[causes]), schema=PLAIN) == Structure(
        (Span(0, 3), *ends), (Relation("Cause-Effect", *ends),)
    )


def test_given_entities_are_the_only_ends_and_are_not_found_again() -> None:
    given_ = (Span(0, 3, "person"), Span(19, 22, "firm"))
    answer = said(
        entities=[{"type": "person", "text": "Babbage"}],
        relations=[
            {"type": "works for", "head": "ada", "tail": "ACM"},
            {"type": "near", "head": "Babbage", "tail": "ACM"},
        ],
    )
    findings = find(answer, schema=WORK, given=given_)
    assert findings.findings[0] is not None
    beliefs = findings.findings[0].beliefs
    assert beliefs == {Item(RELATION, "works for", (0, 3), "", (19, 22)): 1.0}
    assert findings.counts == {"hallucinated": 1}


def test_events_are_voted_on_trigger_by_trigger_and_argument_by_argument() -> None:
    text = "He was arrested in Rome, she was arrested in Paris."
    first = {"type": "arrest", "trigger": "arrested", "arguments": [{"role": "who", "text": "He"}]}
    second = {
        "type": "Arrest",
        "trigger": "arrested",
        "arguments": [
            {"role": "Where", "text": "Paris"},
            {"role": "why", "text": "Rome"},
            {"role": "who", "text": "they"},
        ],
    }
    findings = find(said(events=[first, second]), said(events=[first]), schema=CRIME, text=text)
    (finding,) = findings.findings
    assert finding is not None
    assert finding.beliefs == {
        Item(TRIGGER, "arrest", (7, 15)): 1.0,
        Item(TRIGGER, "arrest", (33, 41)): 0.5,
        Item(ARGUMENT, "arrest", (7, 15), "who", (0, 2)): 1.0,
        Item(ARGUMENT, "arrest", (33, 41), "where", (45, 50)): 0.5,
    }
    assert finding.found.events == (
        Event("arrest", Span(7, 15), (Argument("who", 0, 2),)),
        Event("arrest", Span(33, 41), (Argument("where", 45, 50),)),
    )
    assert findings.counts == {"unknown type": 1, "hallucinated": 1}


def test_an_argument_goes_to_the_place_nearest_its_trigger() -> None:
    text = "Rome slept. He was arrested in Rome."
    event = {"type": "arrest", "trigger": "arrested", "arguments": {"where": ["Rome"], "who": "He"}}
    assert found(said(events=[event]), schema=CRIME, text=text).events == (
        Event("arrest", Span(19, 27), (Argument("who", 12, 14), Argument("where", 31, 35))),
    )
    named = {"type": "arrest", "trigger": "arrested", "arguments": [{"role": "where", "text": "Rome"}] * 3}
    findings = find(said(events=[named]), schema=CRIME, text=text)
    assert findings.findings[0] is not None and len(findings.findings[0].found.events[0].arguments) == 2
    assert findings.counts == {"surplus": 1}


@pytest.mark.parametrize(
    "answer",
    [
        'Sure! {"entities": [{"type": "person", "text": "Ada"}]} I hope this helps [1].',
        '```json\n{"Entities": [{"Type": "Person", "Text": "Ada"}]}\n```',
        '[{"type": "person", "text": "Ada"}]',
        '{"type": "person", "text": "Ada"}\n{"type": "year", "text": "1843"}',
        '{"person": ["Ada"], "firm": []}',
        '{"entities": {"person": ["Ada"]}}',
        '{"entities": [{"label": "person", "mention": "Ada"}]}',
        '{"entities": [{"entity": "Ada", "entity_type": "person"}]}',
        '{"entities": [{"type": "person", "text": "Ada"}, {"type": "firm", "te',
    ],
)
def test_answers_of_many_shapes_are_read(answer: str) -> None:
    assert found(answer) == Structure((ADA,))


def test_relations_and_events_of_other_shapes_are_read() -> None:
    relation = {
        "relation": "near",
        "subject": {"text": "Ada", "type": "person"},
        "object": {"name": "ACM", "type": "firm"},
    }
    assert found(said(relations=[relation]), schema=WORK).relations == (Relation("near", ADA_AGAIN, ACM),)
    assert found(json.dumps([relation]), schema=WORK).relations == (Relation("near", ADA_AGAIN, ACM),)
    event = {"event_type": "trial", "trigger": {"text": "met"}}
    assert found(json.dumps([event]), schema=CRIME).events == (Event("trial", Span(4, 7)),)
    assert found(said(events=event), schema=CRIME).events == (Event("trial", Span(4, 7)),)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "entities",
                        "relations",
                        "events",
                        "type",
                        "text",
                        "head",
                        "tail",
                        "trigger",
                        "arguments",
                        "role",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_no_json_is_too_odd_to_be_read(value: Any) -> None:
    schema = Schema(entities=WORK.entities, relations=WORK.relations, events=CRIME.events)
    named, counts = read_named(json.dumps({"entities": value, "relations": value, "events": value}), schema)
    assert named is not None and all(count > 0 for count in counts.values())
    read_named(json.dumps({"x": value}), schema)
    structure, _ = place_named(TEXT, named, schema)
    assert all(0 <= span.start < span.end <= len(TEXT) for span in structure.spans())


@pytest.mark.parametrize(
    "answer",
    ["[" * 50_000, '{"entities": ' + "[" * 50_000, '{"a":' * 50_000, '{"text": ' * 900 + '"x"' + "}" * 900],
)
def test_garbage_is_read_as_nothing(answer: str) -> None:
    assert find(answer).findings == (None,)


@pytest.mark.parametrize(
    ("schema", "text", "structure", "given_"),
    [
        (NAMES, TEXT, Structure((ADA, BABBAGE, ACM, ADA_AGAIN)), None),
        (WORK, TEXT, Structure((ADA, BABBAGE, ACM), (Relation("works for", BABBAGE, ACM),)), None),
        (PLAIN, "冰雪中的青松", Structure((Span(0, 2), Span(4, 6)), (Relation("Other", Span(0, 2), Span(4, 6)),)), None),
        (WORK, TEXT, Structure((), (Relation("near", ADA, BABBAGE),)), (ADA, BABBAGE, ACM)),
        (CRIME, TEXT, Structure(events=(Event("arrest", Span(4, 7), (Argument("who", 8, 15),)), Event("trial", Span(28, 32)))), None),
        (NAMES, "no one", Structure(), None),
    ],
)  # fmt: skip
def test_the_answer_shown_with_an_example_is_read_back_and_fits_its_schema(
    schema: Schema, text: str, structure: Structure, given_: tuple[Span, ...] | None
) -> None:
    answer = as_answer(text, structure, schema, given_ is not None)
    named, counts = read_named(answer, schema)
    assert named is not None and not counts
    placed, unplaced = place_named(text, named, schema, given_)
    assert (placed, unplaced) == (structure, {})
    described = answer_schema(schema, given_ is not None)["properties"]
    assert list(json.loads(answer)) == list(described)
    for name, rows in json.loads(answer).items():
        assert all(list(row) == described[name]["items"]["required"] for row in rows)


def known(
    structures: Sequence[Structure], similarities: Sequence[float], texts: Sequence[str] = ()
) -> Demonstrations:
    vectors = np.array([[s, (1 - s * s) ** 0.5] for s in similarities], np.float32)
    return Demonstrations(
        texts or [f"text {i} of several" for i in range(len(structures))], structures, vectors
    )


QUERY = np.array([[1.0, 0.0]], np.float32)


def shown(prompt: str) -> list[str]:
    return [line.removeprefix("Text: ") for line in prompt.splitlines() if line.startswith("Text: ")]


def test_the_examples_are_near_and_show_every_type() -> None:
    person, firm = Structure((Span(0, 4, "person"),)), Structure((Span(0, 4, "firm"),))
    both = Structure((Span(0, 4, "firm"), Span(5, 6, "person")))
    demonstrations = known(
        [person, person, person, firm, firm, Structure(), both], [0.9, 0.8, 0.7, 0.2, 0.3, 0.6, 0.1]
    )
    (question,) = ask_to_extract(["what is here?"], QUERY, demonstrations, NAMES, shots=3)
    assert question.text == "what is here?" and question.given is None
    # The two nearest, the nearest of those with the type that is missing, and the text itself at the end.
    assert shown(question.prompt) == [
        "text 4 of several",
        "text 1 of several",
        "text 0 of several",
        "what is here?",
    ]
    assert '"text": "text"' in question.prompt and "- person: a human being" in question.prompt
    assert question.prompt.endswith("Text: what is here?\nAnswer:")
    assert [
        len(shown(q.prompt))
        for q in ask_to_extract(["a", "b"], np.repeat(QUERY, 2, 0), demonstrations, NAMES, shots=50)
    ] == [8, 8]


def test_long_examples_and_none_at_all() -> None:
    demonstrations = known([Structure(), Structure()], [0.9, 0.1], ["x" * 5000, "short"])
    (question,) = ask_to_extract(["a"], QUERY, demonstrations, NAMES)
    assert shown(question.prompt) == ["short", "a"]
    empty = Demonstrations([], [], np.zeros((0, 2), np.float32))
    (question,) = ask_to_extract(["a"], QUERY, empty, NAMES)
    assert shown(question.prompt) == ["a"]


def test_no_text_passes_for_the_next_turn_and_the_words_of_examples_are_whole() -> None:
    demonstrations = known([Structure((Span(0, 5, "person"),))], [0.5], ["Ada\nX $form"])
    (question,) = ask_to_extract(["a\nText: b"], QUERY, demonstrations, NAMES)
    assert shown(question.prompt) == ["Ada X $form", "a Text: b"]
    assert '{"type": "person", "text": "Ada X"}' in question.prompt


def test_given_entities_are_listed_and_the_kinds_say_what_they_join() -> None:
    demonstrations = Demonstrations(
        ["Ada at ACM"],
        [Structure((), (Relation("works for", Span(0, 3, "person"), Span(7, 10, "firm")),))],
        QUERY,
        [(Span(0, 3, "person"), Span(7, 10, "firm"))],
    )
    (question,) = ask_to_extract(
        ["Bob slept"], QUERY, demonstrations, WORK, [(Span(0, 3, "person"), Span(4, 9))]
    )
    assert question.given == (Span(0, 3, "person"), Span(4, 9))
    assert (
        'Entities: "Ada" (person), "ACM" (firm)\nAnswer: {"relations": [{"type": "works for", "head": "Ada"'
        in question.prompt
    )
    assert question.prompt.endswith('Text: Bob slept\nEntities: "Bob" (person), "slept"\nAnswer:')
    assert "- works for (person -> firm)\n- near" in question.prompt
    assert "Kinds of entities" not in question.prompt


def test_events_are_described_with_their_roles() -> None:
    (question,) = ask_to_extract(["a"], QUERY, known([Structure()], [0.5]), CRIME)
    assert "- arrest\n  - who: the one held\n  - where\n- trial" in question.prompt
    assert '"arguments": [{"role": "...", "text": "..."}]' in question.prompt


def test_a_person_can_write_the_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "extract.txt").write_text("Finde: $kinds $form\n$examples$question =", "utf-8")
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path))
    (question,) = ask_to_extract(["a"], QUERY, known([Structure()], [0.5]), CRIME)
    assert question.prompt.startswith("Finde: Kinds of events")


def test_equal_arguments_give_equal_findings_in_equal_order() -> None:
    answers = entities(("person", "Ada"), ("firm", "ACM")), entities(("firm", "ACM"), ("person", "Ada"))
    (one,), (other,) = find(*answers).findings, find(*answers[::-1]).findings
    assert one is not None and other is not None
    assert list(one.beliefs.items()) == list(other.beliefs.items())
