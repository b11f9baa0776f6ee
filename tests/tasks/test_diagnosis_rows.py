"""The label doctor on extraction, pairs and summaries."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gts.tasks.diagnosis import diagnose
from gts.tasks.diagnosis.finding import Finding
from gts.tasks.taskfile import load_task_document


def findings(rows: Sequence[Mapping[str, Any]], kind: str, **task: Any) -> list[Finding]:
    data = load_task_document({"name": "t", "examples": list(rows), **task})
    return [finding for finding in diagnose(data) if finding.kind == kind]


def marked(text: str, **types: str) -> dict[str, Any]:
    """A row of entities: type to words, several separated by a bar."""
    spans = [
        {"start": text.index(words), "end": text.index(words) + len(words), "type": name}
        for name, listed in types.items()
        for words in listed.split("|")
    ]
    return {"text": text, "entities": spans}


ROWS = [
    marked("Ada Lovelace lives in Paris", person="Ada Lovelace", place="Paris"),
    marked("I met Bob Stone in Rome", person="Bob Stone", place="Rome"),
    marked("Eve Miller left Oslo", person="Eve Miller", place="Oslo"),
    marked("Max Weber likes Bonn", person="Max Weber", place="Bonn"),
    marked("nobody but Tim Burns saw Kyiv", person="Tim Burns", place="Kyiv"),
]


def test_clean_marks_give_no_findings() -> None:
    assert diagnose(load_task_document({"name": "t", "type": "ner", "examples": ROWS})) == ()


def test_words_marked_in_one_text_and_left_out_in_another() -> None:
    rows = [*ROWS, marked("Uma Holt wrote that Paris was cold", person="Uma Holt")]
    (finding,) = findings(rows, "missed", type="ner")
    assert finding.subject == ("place",) and "'Paris'" in finding.message
    assert [(example.row, example.labels) for example in finding.examples] == [(1, ("place",)), (6, ())]


@pytest.mark.parametrize(
    "text",
    [
        "Uma Holt met a Parisian",
        "Uma Holt wore a Paris-made hat",
        "Uma Holt lost her paris",
        "Uma Holt is Mr Oslos niece",
    ],
)
def test_parts_of_longer_words_are_not_left_out(text: str) -> None:
    assert findings([*ROWS, marked(text, person="Uma Holt")], "missed", type="ner") == []


def test_what_is_part_of_another_mark_is_not_left_out() -> None:
    rows = [*ROWS, marked("the Paris Times praised Uma Holt", paper="Paris Times", person="Uma Holt")]
    rows.append(marked("the Rome Herald did not", paper="Rome Herald"))
    assert findings(rows, "missed", type="ner") == []


def test_chinese_words_are_found_without_spaces() -> None:
    rows = [
        marked("张小明在北京大学读书", person="张小明", school="北京大学"),
        marked("李四离开了复旦大学", person="李四", school="复旦大学"),
        marked("北京大学的王五来了", person="王五"),
    ]
    (finding,) = findings(rows, "missed", type="ner")
    assert finding.subject == ("school",) and finding.examples[-1].row == 3


def test_the_same_words_as_two_types() -> None:
    rows = [
        *ROWS,
        marked("Paris Hilton and Paris sing", person="Paris Hilton"),
        marked("Paris sings", person="Paris"),
    ]
    (finding,) = findings(rows, "conflict", type="ner")
    assert finding.subject == ("person", "place") and "'Paris'" in finding.message
    assert {example.row for example in finding.examples} == {1, 7}


def test_one_part_of_a_text_may_be_two_things() -> None:
    rows = [*ROWS, marked("the Bank of Rome paid", firm="Bank of Rome", seat="Bank of Rome")]
    rows.append(marked("the Bank of Oslo fell", firm="Bank of Oslo", seat="Bank of Oslo"))
    assert findings(rows, "conflict", type="ner") == []


def test_rare_and_unclear_types() -> None:
    rows = [*ROWS, marked("call 555-123 now", t1="555-123"), marked("ring 555-987", t1="555-987")]
    (few,) = findings(rows, "few", type="ner")
    assert few.subject == ("t1",) and "'t1' 2" in few.message
    (unclear,) = findings(rows, "unclear", type="ner")
    assert unclear.subject == ("t1",) and "`entities: {t1: " in unclear.mend
    described = {"person": "", "place": "", "t1": "a telephone number"}
    assert findings(rows, "unclear", type="ner", entities=described) == []


def event(text: str, trigger: str, name: str = "leak") -> dict[str, Any]:
    start = text.index(trigger)
    return {
        "text": text,
        "events": [{"type": name, "trigger": {"start": start, "end": start + len(trigger)}}],
    }


def test_words_of_events_are_forgotten_only_where_they_are_marked_nearly_always() -> None:
    rows = [event(f"the {part} burst at noon", "burst") for part in ("pipe", "valve", "tank", "hose")]
    bare = {"text": "the boiler burst, too", "events": []}
    (finding,) = findings([*rows, bare], "missed", type="event")
    assert finding.examples[-1].row == 5
    assert (
        findings([*rows, bare, {"text": "a burst of laughter", "events": []}], "missed", type="event") == []
    )


def test_two_relations_may_join_the_same_words() -> None:
    text = "Ada runs ACM"
    ends = {"head": {"start": 0, "end": 3, "type": "person"}, "tail": {"start": 9, "end": 12, "type": "firm"}}
    rows = [
        {"text": text + end, "relations": [{"type": kind, **ends}]}
        for end in (".", "!")
        for kind in ("leads", "owns")
    ]
    data = load_task_document({"name": "t", "type": "relation", "examples": rows})
    assert {finding.kind for finding in diagnose(data)} == {"few"}


# Pairs


def pair(a: str, b: str, label: int) -> dict[str, Any]:
    return {"text_a": a, "text_b": b, "label": label}


def mixed(alike: int, different: int) -> list[dict[str, Any]]:
    """Pairs whose words say nothing of their answer."""
    rng = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    rows = []
    for n in range(alike + different):
        a = rng.sample(words, 6)
        rows.append(
            pair(" ".join(a), " ".join([*a[: rng.randrange(1, 6)], *rng.sample(words, 2)]), int(n < alike))
        )
    return rows


def test_pairs_of_both_answers_in_other_words_give_no_findings() -> None:
    data = load_task_document({"name": "t", "type": "similarity", "examples": mixed(20, 20)})
    assert diagnose(data) == ()


def test_one_answer_that_is_rare() -> None:
    (few,) = findings(mixed(3, 30), "few", type="similarity")
    assert few.subject == ("1",) and "3 pairs of 33 are alike" in few.message
    (rare,) = findings(mixed(40, 6), "imbalance", type="similarity")
    assert rare.subject == ("0",) and "not alike" in rare.message


def test_a_text_in_many_pairs() -> None:
    rows = mixed(12, 20) + [pair("the one text", f"answer number {'x' * n}", 1) for n in range(1, 9)]
    (finding,) = findings(rows, "repeated", type="similarity")
    assert "'the one text' comes in 8 of 40 pairs, always with the answer 1" in finding.message


def test_shared_words_that_decide_everything() -> None:
    same = [pair(f"how do I reset {word} today", f"how do I reset {word} now", 1) for word in "abcdefghij"]
    other = [pair(f"where is {word} kept", f"my {word * 3} went missing", 0) for word in "klmnopqrst"]
    (finding,) = findings(same + other, "surface", type="similarity")
    assert "alone give the answer of 100% of the pairs" in finding.message
    grades = [pair("a b c d e f", " ".join("abcdef"[:n] + "uvwxyz"[n:]) + f" {n}", n) for n in range(6)]
    more = [pair("g h i j k l", " ".join("ghijkl"[:n] + "uvwxyz"[n:]) + f" {n}", n) for n in range(6)]
    last = [pair("m n o p q r", " ".join("mnopqr"[:n] + "uvwxyz"[n:]) + f" {n}", n) for n in range(6)]
    (graded,) = findings(grades + more + last, "surface", type="similarity")
    assert "order of the grades" in graded.message


# Summaries


def test_summaries_in_other_words_too_long_and_repeated() -> None:
    rows = [
        {
            "text": "The bridge is closed until May. Buses go by the mill.",
            "summary": "The bridge is closed until May.",
        },
        {
            "text": "Rents rose in the north. The south was calm.",
            "summary": "Prices went up elsewhere yesterday",
        },
        {"text": "All shops open at nine on Monday.", "summary": "All shops open at nine on Monday"},
        {"text": "The pool is shut. It leaks at night.", "summary": "There is news for you to read"},
        {"text": "A storm hit the old harbour hard.", "summary": "There is news for you to read."},
    ]
    (foreign,) = findings(rows, "foreign", type="summarization")
    assert {example.row for example in foreign.examples} == {2, 4, 5}
    (whole,) = findings(rows, "whole", type="summarization")
    assert 3 in {example.row for example in whole.examples}
    (repeated,) = findings(rows, "repeated", type="summarization")
    assert "rows 4 and 5" in repeated.message


def test_summaries_that_differ_in_a_number_are_not_repeated() -> None:
    rows = [
        {
            "text": f"{word} wrote to us about it. The sum of {n} euros is missing.",
            "summary": f"The sum of {n} euros is missing.",
        }
        for n, word in ((390, "Ada from Rome"), (480, "our bank"), (77, "the tax office"))
    ]
    assert findings(rows, "repeated", type="summarization") == []
