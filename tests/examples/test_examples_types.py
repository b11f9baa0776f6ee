from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gts.tasks.intake.bio import is_bio
from gts.tasks.rows import RowTask, texts_of
from gts.tasks.structures import Span, Structure
from gts.tasks.taskfile import load_task_file

EXAMPLES = Path(__file__).parents[2] / "examples"
TYPES = ("ner", "relation", "event", "similarity", "summarization")
EXTRACTION = TYPES[:3]
LANGUAGES = {"ner": "en", "relation": "zh", "event": "en", "similarity": "zh", "summarization": "en"}
NOTES: dict[str, tuple[str, ...]] = {
    "ner": ("read as CoNLL, tags of IOB2, tokens joined with spaces (in older.conll)",)
}
COUNTS = {  # gold, pool, test
    "ner": (67, 182, 58),
    "relation": (58, 170, 50),
    "event": (58, 150, 48),
    "similarity": (70, 284, 70),
    "summarization": (60, 150, 46),
}
# What a person would find in some gold and test texts, named by a part of each.
FOUND = {
    ("ner", "LM-30771"): {("order_number", "LM-30771"), ("product", "bench"), ("product", "cushions")},
    ("ner", "Unit 6"): {
        ("date", "1 October"),
        ("place", "Unit 6, Old Tannery Road, Marlingate"),
        ("place", "Marlingate"),
    },
    ("ner", "chuck"): {
        ("product", "Dipper X3 drill"),
        ("product", "chuck of the Dipper X3 drill"),
        ("date", "2019"),
    },
    ("relation", "九里桥社区卫生站"): {
        *(("任职", name, "九里桥社区卫生站") for name in ("卓岚", "谌以宁")),
        ("隶属", "九里桥社区卫生站", "梧川大学附属医院"),
        ("隶属", "梧川大学附属医院", "梧川大学"),
    },
    ("relation", "还没拿到驾照"): {("创办", "尉迟棠", "Kestvo")},
    ("relation", "退休"): set(),
    ("event", "Battery acid ate"): {
        ("leak", "trigger", "ate through"),
        ("leak", "substance", "Battery acid"),
        ("leak", "source", "charging station 5"),
        ("injury", "trigger", "blisters"),
        ("injury", "person", "the apprentice"),
        ("injury", "body_part", "both hands"),
    },
    ("event", "sandwich"): set(),
}


@pytest.fixture(scope="module", params=TYPES)
def task(request: pytest.FixtureRequest) -> RowTask:
    return loaded(request.param)


@cache
def loaded(name: str) -> RowTask:
    task = load_task_file(EXAMPLES / name / "task.yaml")
    assert isinstance(task, RowTask)
    return task


def readme(name: str) -> str:
    return (EXAMPLES / name / "README.md").read_text("utf-8")


def found_words(text: str, found: Structure) -> set[tuple[str, ...]]:
    """What is found, with the words instead of the offsets; entities only where nothing joins them."""
    if found.events:
        parts = [(event.type, "trigger", event.trigger) for event in found.events]
        parts += [
            (event.type, part.role, Span(part.start, part.end))
            for event in found.events
            for part in event.arguments
        ]
        return {(kind, role, span.of(text)) for kind, role, span in parts}
    if any(span.type in ("人物", "机构") for span in found.entities):
        return {(one.type, one.head.of(text), one.tail.of(text)) for one in found.relations}
    return {(span.type, span.of(text)) for span in found.entities}


def kinds(task: RowTask, rows: tuple[Any, ...]) -> Counter[str]:
    """In how many rows each type occurs."""
    if task.spec.type == "similarity":
        return Counter(str(row.score) for row in rows)
    if task.spec.type == "summarization":
        return Counter("summary" for _ in rows)
    lists = {"ner": "entities", "relation": "relations", "event": "events"}
    return Counter(
        kind for row in rows for kind in {one.type for one in getattr(row.found, lists[task.spec.type])}
    )


def surfaces(value: Any, text: str) -> Iterator[tuple[str, str]]:
    """Of every span in a JSON answer, the words it claims and those at its place."""
    if isinstance(value, dict):
        if {"start", "end", "text"} <= value.keys():
            yield value["text"], text[value["start"] : value["end"]]
        for inner in value.values():
            yield from surfaces(inner, text)
    elif isinstance(value, list):
        for inner in value:
            yield from surfaces(inner, text)


def grams(text: str) -> frozenset[str]:
    """Runs of four characters, spaces and marks apart, numbers all alike."""
    bare = re.sub(r"\W+", "", re.sub(r"\d+", "0", text.casefold()))
    return frozenset(bare[i : i + 4] for i in range(max(1, len(bare) - 3)))


def test_every_example_loads_with_the_notes_it_should_have(task: RowTask) -> None:
    name = task.spec.type
    assert task.notes == NOTES.get(name, ())  # so nothing was left out as repeated or leaked
    assert (len(task.gold), len(task.pool), len(task.test)) == COUNTS[name]
    assert task.spec.language == LANGUAGES[name]


def test_every_type_is_in_eight_gold_rows_and_in_the_test(task: RowTask) -> None:
    expected = {
        "ner": set(task.spec.entities),
        "relation": set(task.spec.relations),
        "event": set(task.spec.events),
        "similarity": {"0.0", "1.0"},
        "summarization": {"summary"},
    }[task.spec.type]
    for rows, least in ((task.gold, 8), (task.test, 8)):
        counts = kinds(task, rows)
        assert set(counts) == expected
        assert min(counts.values()) >= least


def test_types_are_described() -> None:
    assert all(kind.description for kind in loaded("ner").spec.entities.values())
    assert all(
        kind.description and kind.head and kind.tail for kind in loaded("relation").spec.relations.values()
    )
    assert all(kind.description and all(kind.roles.values()) for kind in loaded("event").spec.events.values())


def test_every_role_of_an_event_is_filled_in_gold_and_in_the_test() -> None:
    task = loaded("event")
    declared = {(name, role) for name, kind in task.spec.events.items() for role in kind.roles}
    for rows in (task.gold, task.test):
        events = [event for row in rows for event in row.found.events]
        assert {(event.type, part.role) for event in events for part in event.arguments} == declared


@pytest.mark.parametrize(("name", "part"), FOUND)
def test_offsets_point_at_the_words_that_are_meant(name: str, part: str) -> None:
    task = loaded(name)
    (row,) = [row for row in (*task.gold, *task.test) if part in row.text]
    assert found_words(row.text, row.found) == FOUND[name, part]


@pytest.mark.parametrize("name", EXTRACTION)
def test_spans_begin_and_end_with_words(name: str) -> None:
    """No mark, but for brackets and quotes, was caught or cut by a span."""
    task = loaded(name)
    for row in (*task.gold, *task.test):
        for span in row.found.spans():
            words = span.of(row.text)
            assert (words[0].isalnum() or words[0] in "#《") and (words[-1].isalnum() or words[-1] in ")）.")
            if words[-1] == ".":  # only of an abbreviation
                assert words.endswith("Aug."), words


@pytest.mark.parametrize("name", EXTRACTION)
def test_some_spans_lie_inside_others_and_some_texts_hold_nothing(name: str) -> None:
    task = loaded(name)
    for rows in (task.gold, task.test):
        spans = [{(span.start, span.end) for span in row.found.spans()} for row in rows]
        nested = [
            True
            for places in spans
            for outer, inner in product(places, places)
            if outer != inner and outer[0] <= inner[0] and inner[1] <= outer[1]
        ]
        assert nested
    lists = {"ner": "entities", "relation": "relations", "event": "events"}
    assert sum(not getattr(row.found, lists[name]) for row in task.gold) >= 2


def test_offsets_count_code_points_behind_emoji() -> None:
    rows = [row for row in loaded("ner").test if row.text.startswith("Hello 🙂 do you deliver a")]
    assert len(rows) == 2
    for row in rows:
        goods = min(span for span in row.found.entities if span.type == "product")
        town = min(span for span in row.found.entities if span.type == "place")
        assert f"a {goods.of(row.text)} to {town.of(row.text)}?" in row.text


def test_the_chinese_texts_are_mixed_as_real_ones_are() -> None:
    for name, marks in (("relation", "，。“”（）：；《》　"), ("similarity", "？，“”")):
        texts = "".join(text for row in (*loaded(name).gold, *loaded(name).pool) for text in texts_of(row))
        assert set(marks) <= set(texts)
        assert re.search(r"[A-Za-z]{2}", texts) and re.search(r"\d", texts)


def test_no_test_text_repeats_a_gold_text(task: RowTask) -> None:
    limit = 0.6 if task.spec.type != "similarity" else 1.0
    gold = [(text, grams(text)) for row in task.gold for text in texts_of(row)]
    tested = [(text, grams(text)) for row in task.test for text in texts_of(row)]
    near = [
        (text, other)
        for (text, left), (other, right) in product(tested, gold)
        if len(left & right) >= limit * len(left | right)
    ]
    assert near == []


def test_pairs_that_are_alike_and_pairs_that_are_not_are_balanced() -> None:
    task = loaded("similarity")
    for rows in (task.gold, task.test):
        assert 0.4 <= sum(row.score for row in rows) / len(rows) <= 0.6
    assert len(task.sentences) == 89
    assert task.spec.scale is None


def test_summaries_are_one_sentence_mostly_from_the_text() -> None:
    task = loaded("summarization")
    assert task.spec.length.sentences == 1
    for rows in (task.gold, task.test):
        extracted = sum(row.summary[1:].rstrip(".?") in row.text for row in rows)
        assert 0.75 <= extracted / len(rows) < 1
        assert all(20 < len(row.summary) < 0.6 * len(row.text) for row in rows)


def test_the_examples_show_several_ways_in() -> None:
    older = (EXAMPLES / "ner" / "older.conll").read_text("utf-8")
    assert is_bio("", older)  # known by what is in it, whatever its name
    exported = json.loads((EXAMPLES / "relation" / "gold.jsonl").read_text("utf-8").splitlines()[0])
    assert {"start_offset", "end_offset", "label"} <= exported["entities"][0].keys()
    assert (
        (EXAMPLES / "similarity" / "gold.tsv").read_text("utf-8").startswith("question1\tquestion2\tlabel\n")
    )


@pytest.mark.parametrize("name", TYPES)
def test_the_readme_shows_a_row_and_its_right_answer(name: str) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", readme(name), re.MULTILINE | re.DOTALL)
    asked, answer = map(json.loads, block.splitlines())
    task = loaded(name)
    if name == "similarity":
        texts = {asked["text_a"], asked["text_b"]}
        (pair,) = [row for row in (*task.gold, *task.test) if {row.text_a, row.text_b} == texts]
        assert answer["alike"] == bool(pair.score) == (answer["score"] >= 0.5)
        return
    (row,) = [row for row in task.test if row.text == asked["text"]]
    if name == "summarization":
        assert answer["summary"] == row.summary
        assert [row.text[one["start"] : one["end"]] for one in answer["sentences"]] == [row.summary]
        return
    claimed = list(surfaces(answer, row.text))
    assert claimed and all(words == there for words, there in claimed)
    assert Structure.from_json(answer).ordered() == row.found.ordered()


@pytest.mark.parametrize("name", TYPES)
def test_the_readme_names_files_that_are_there(name: str) -> None:
    text = readme(name)
    files = {path.name for path in (EXAMPLES / name).iterdir()} - {"README.md", "task.yaml"}
    assert files == set(re.findall(r"`([\w.-]+\.(?:jsonl|txt|tsv|conll))`", text))
    named = re.findall(r"\bexamples/\S+", text)
    assert f"examples/{name}/task.yaml" in named
    assert all((EXAMPLES.parent / path).exists() for path in named)
