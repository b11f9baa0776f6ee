"""Extraction tasks from rows to a checked task: types, repetitions, given entities, no offset shifted."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.core.errors import DataError, GTSError, InvalidInput
from gts.tasks.columns import Columns
from gts.tasks.dataset import Origin
from gts.tasks.intake.building import build_row_task
from gts.tasks.intake.graphemes import is_boundary
from gts.tasks.rows import load_row_task, save_row_task
from gts.tasks.source import FileSource, RowSource, TextSource
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ("Ada", "Max", "Uma", "Bob")


def ner(*kinds):
    """Rows with one entity each."""
    return [
        {"text": f"{name} wrote the letter that was sent to them", "entities": [[0, 3, kind]]}
        for name, kind in zip(NAMES, kinds, strict=False)
    ]


def relation(text, *found, entities=None):
    """A row of relations, each given as type, head and tail by their words."""

    def span(words):
        return {"start": text.index(words), "end": text.index(words) + len(words)}

    row = {
        "text": text,
        "relations": [{"type": kind, "head": span(head), "tail": span(tail)} for kind, head, tail in found],
    }
    return row if entities is None else {**row, "entities": [span(words) for words in entities]}


def event(text, kind, trigger, **roles):
    """A row of one event, its trigger and arguments given by their words."""

    def span(words):
        return {"start": text.index(words), "end": text.index(words) + len(words)}

    arguments = [{"role": role, **span(words)} for role, words in roles.items()]
    return {"text": text, "events": [{"type": kind, "trigger": span(trigger), "arguments": arguments}]}


def build(kind, gold, pool=None, test=None, columns=None, **fields):
    def rows(value, name):
        return RowSource(value, name) if isinstance(value, list) else value

    return build_row_task(
        TaskSpec(name="t", type=kind, **fields),
        rows(gold, "examples"),
        rows(pool, "unlabeled"),
        rows(test, "test"),
        columns,
    )


def refused(kind, gold, *args, **fields):
    with pytest.raises(DataError) as caught:
        build(kind, gold, *args, **fields)
    json.dumps(caught.value.as_json(), ensure_ascii=False).encode()
    assert caught.value.mend
    return str(caught.value)


def test_types_are_found_in_a_fixed_order():
    data = build(
        "ner",
        [*ner("person", "firm"), *ner("firm", "person")[:2], *ner("firm", "person", "firm", "person")[2:]],
    )
    assert list(data.spec.entities) == ["firm", "person"]
    assert data.gold[0].found.entities == (Span(0, 3, "person"),)
    assert data.spec.language == "en"


def test_declared_types_keep_order_and_descriptions():
    data = build("ner", ner("firm", "person", "person", "firm"), entities={"person": "somebody", "firm": ""})
    assert [(name, kind.description) for name, kind in data.spec.entities.items()] == [
        ("person", "somebody"),
        ("firm", ""),
    ]


def test_nested_and_overlapping_entities_are_kept():
    row = {
        "text": "Bank of New York",
        "entities": [[0, 16, "firm"], [8, 16, "place"], [8, 16, "place"], [5, 11, "odd"]],
    }
    data = build("ner", [row, {**row, "text": "Bank of New Work"}])
    assert [span.to_json() for span in data.gold[0].found.entities] == [
        {"start": 0, "end": 16, "type": "firm"},
        {"start": 5, "end": 11, "type": "odd"},
        {"start": 8, "end": 16, "type": "place"},
    ]


def test_a_text_is_kept_character_for_character():
    text = "  Ａda\u00a0\r\nwrote\u3000 "
    data = build("ner", [{"text": text, "entities": [[2, 5, "p"]]}, *ner("p")])
    assert data.gold[0].text == text
    assert data.gold[0].found.entities[0].of(text) == "Ａda"


def test_an_unknown_type_is_named_with_its_span_and_the_nearest():
    message = refused("ner", ner("person", "persn"), entities=["person", "firm"])
    assert "examples, row 2: unknown entity type 'persn' of 0-3 '[Max] wrote" in message
    assert "did you mean 'person'?" in message


def test_a_type_needs_two_texts():
    assert "row 3: only one text with the entity type 'firm'" in refused(
        "ner", ner("person", "person", "firm")
    )
    assert "no example of the entity type 'firm'" in refused("ner", ner("p", "p"), entities=["p", "firm"])
    assert "no entity is marked" in refused("ner", [{"text": "Ada wrote", "entities": []}] * 3)


@pytest.mark.parametrize("text", ["Ada\0 wrote", "Ada \ud83d wrote"])
def test_what_is_no_character_is_refused(text):
    assert "row 1: character" in refused("ner", [{"text": text, "entities": []}, *ner("p", "p")])
    pool = build("ner", ner("p", "p"), [{"text": text}, {"text": "fine"}])
    assert [row.text for row in pool.pool] == ["fine"]
    assert any("left out" in note for note in pool.notes)


def test_the_same_text_twice():
    first, second = ner("p", "p")
    data = build("ner", [first, second, first])
    assert len(data.gold) == 2
    assert "1 repeated example with the same text and marks removed" in data.notes
    other = {**first, "entities": []}
    data = build("ner", [other, second, first, first, *ner("p", "p", "p")[2:]])
    assert data.gold[0].found.entities  # two of three rows say so
    assert any("other marks elsewhere" in note and "row 1" in note for note in data.notes)


def test_pool_and_test_without_what_is_known():
    pool = [
        {"text": "ADA wrote the  letter that was sent to them"},
        "new text",
        "new  text",
        "Uma wrote the letter that was sent to them",
        " ",
    ]
    data = build("ner", ner("p", "p"), pool, [*ner("p"), *ner("p", "p", "p")[2:]])
    assert [row.text for row in data.pool] == ["new text"]
    assert data.pool[0].found is None and data.pool[0].origin is Origin.POOL
    assert [row.text for row in data.test] == ["Uma wrote the letter that was sent to them"]
    assert "every test text" in refused("ner", ner("p", "p"), None, ner("p"))


def test_types_of_the_test_that_no_example_has():
    data = build("ner", ner("p", "p"), None, [{"text": "X wrote", "entities": [[0, 1, "firm"]]}])
    assert any(
        "entity types that no example has ('firm'): they count as missed" in note for note in data.notes
    )
    test = [{"text": "X wrote", "entities": [[0, 1, "firm"]]}]
    assert "test, row 1: unknown entity type" in refused("ner", ner("p", "p"), None, test, entities=["p"])


def test_relations_to_be_found_make_their_ends_entities():
    rows = [relation(f"{name} owns Acme and {name}ville", ("owns", name, "Acme")) for name in NAMES]
    data = build("relation", rows)
    assert data.spec.entities_given is False
    assert [span.of(data.gold[0].text) for span in data.gold[0].found.entities] == ["Ada", "Acme"]
    assert data.gold[0].given == ()


def test_marked_nominals_with_a_class_for_none_are_given_entities():
    kinds = ["causes", "causes", "Other", "Other"]
    rows = [
        relation(f"{name} drinks tea", (kind, name, "tea")) for name, kind in zip(NAMES, kinds, strict=True)
    ]
    pool = [{"text": "Eve pours tea", "entities": [[0, 3], [10, 13]]}, {"text": "without any"}]
    data = build("relation", rows, pool)
    assert data.spec.entities_given is True
    assert list(data.spec.relations) == ["causes"]
    assert [len(row.found.relations) for row in data.gold] == [1, 1, 0, 0]
    assert all(len(row.given) == 2 and row.found.entities == () for row in data.gold)
    assert [row.text for row in data.pool] == ["Eve pours tea"]
    assert any("'Other' was read as: no relation holds" in note for note in data.notes)
    declared = build("relation", rows, relations=["causes", "Other"])
    assert [len(row.found.relations) for row in declared.gold] == [1, 1, 1, 1]


def test_entities_of_all_rows_are_given_unless_the_pool_has_none():
    rows = [relation(f"{name} owns Acme", ("owns", name, "Acme"), entities=[name, "Acme"]) for name in NAMES]
    rows.append(relation("Eve likes Acme", entities=["Eve", "Acme"]))
    assert build("relation", rows).spec.entities_given is True
    assert build("relation", rows, ["Eve owns it"]).spec.entities_given is False
    assert build("relation", rows, ["Eve owns it"], entities_given=True).pool == ()
    data = build("relation", rows, entities_given=False)
    assert len(data.gold[4].found.entities) == 2 and data.gold[4].found.relations == ()
    message = refused("relation", [*rows, {"text": "nothing", "relations": []}], entities_given=True)
    assert "row 6: the text 'nothing' has no entities" in message


def test_rows_with_one_relation_each_are_put_together():
    text = "Ada owns Acme and Bolt"
    rows = [relation(text, ("owns", "Ada", "Acme")), relation(text, ("owns", "Ada", "Bolt"))]
    rows.append(relation("Max owns Bolt", ("owns", "Max", "Bolt")))
    data = build("relation", rows, entities_given=False)
    assert [len(row.found.relations) for row in data.gold] == [2, 1]
    given = build("relation", rows, entities_given=True)
    assert [len(row.found.relations) for row in given.gold] == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"head": [4, 8]},
            "the head of relation 1 'owns' is 4-8 'Ada [owns] Acme', which is not among the entities",
        ),
        ({"head": 7}, "the head of relation 1 'owns' is 7, but the row has no such entity (2 entities)"),
        ({"head": "x"}, "the head of relation 1 'owns' is 'x', but the row has no such entity"),
        ({"head": None}, "the head of relation 1 'owns' is None; a span was expected"),
        ({"tail": 0}, "relation 1 'owns' leads from 0-3 '[Ada] owns Acme' to itself"),
        (
            {"tail": [9, 13, "person"]},
            "the tail of relation 1 'owns' is 9-13 'Ada owns [Acme]' of type 'person', but there the row has an entity of type 'firm'",
        ),
        ({"type": None}, "relation 1 has no type"),
    ],
)
def test_a_wrong_relation_is_named(change, message):
    row = {"text": "Ada owns Acme", "entities": [[0, 3, "person"], [9, 13, "firm"]]}
    right = {"type": "owns", "head": 0, "tail": 1}
    rows = [{**row, "relations": [right | change]}, {**row, "text": "Max owns Acme", "relations": [right]}]
    assert f"examples, row 1: {message}" in refused("relation", rows)


def test_relations_join_what_the_task_says_they_join():
    row = {"text": "Ada owns Acme", "entities": [[0, 3, "person"], [9, 13, "firm"]]}
    rows = [
        {**row, "text": f"{name} owns Acme", "relations": [{"type": "owns", "head": 0, "tail": 1}]}
        for name in NAMES
    ]
    assert build("relation", rows, relations={"owns": {"head": "person", "tail": ["firm"]}}).spec.relations
    message = refused("relation", rows, relations={"owns": {"head": "firm"}})
    assert (
        "the head 0-3 '[Ada] owns Acme' of a relation 'owns' is of type 'person'; expected was 'firm'"
        in message
    )
    assert "unknown entity type 'firm'" in refused("relation", rows, entities=["person", "company"])
    with pytest.raises(InvalidInput, match="joins entities of type 'persn'"):
        build("relation", rows, entities=["person", "firm"], relations={"owns": {"head": "persn"}})


def test_events_and_their_roles():
    rows = [event(f"{name} left Rome", "move", "left", who=name, where="Rome") for name in NAMES[:3]]
    rows.append({"text": "nothing happened", "events": []})
    data = build("event", rows)
    assert dict(data.spec.events["move"].roles) == {"where": "", "who": ""}
    found = data.gold[0].found.events[0]
    assert (found.type, found.trigger.of("Ada left Rome"), [part.role for part in found.arguments]) == (
        "move",
        "left",
        ["who", "where"],
    )
    message = refused("event", rows, events={"move": {"roles": {"whom": "", "where": ""}}})
    assert "unknown role 'who' of 0-3 '[Ada] left Rome' in an event of type 'move'" in message
    assert "did you mean 'whom'?" in message
    test = [event("Eve left Rome by car", "move", "left", how="by car")]
    assert any("roles that no example has ('how')" in note for note in build("event", rows, None, test).notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trigger": None}, "the trigger of event 1 'move' is None; a span was expected"),
        ({"trigger": [4, 80]}, "the trigger of event 1 'move' is 4-80, outside the text"),
        (
            {"arguments": [{"role": "who", "start": 9, "end": 8}]},
            "argument 1 of event 1 'move' (role 'who') is 9-8",
        ),
        ({"arguments": [{"start": 0, "end": 3}]}, "argument 1 of event 1 'move' has no role"),
        ({"arguments": 3}, "arguments is 3; a list was expected"),
        ({"type": ""}, "event 1 has no type"),
    ],
)
def test_a_wrong_event_is_named(change, message):
    good = event("Max left Rome", "move", "left")
    bad = {"text": "Ada left Rome", "events": [{**good["events"][0], **change}]}
    assert f"row 2: {message}" in refused("event", [good, bad])


def test_two_events_of_one_type_at_one_trigger_are_one():
    row = event("Ada and Max left", "move", "left", who="Ada")
    row["events"] += event("Ada and Max left", "move", "left", who="Max")["events"]
    data = build("event", [row, event("Uma left", "move", "left")])
    assert [len(found.arguments) for found in data.gold[0].found.events] == [2]


def test_mixed_languages_are_noted():
    rows = ner("p", "p", "p", "p") + [
        {"text": f"小明在北京大学学习数学和物理已经{n}年了", "entities": [[0, 2, "p"]]} for n in "三四五"
    ]
    assert any("several languages" in note for note in build("ner", rows).notes)
    assert not any("several languages" in note for note in build("ner", ner("p", "p", "p")).notes)


def test_columns_are_named_or_found():
    table = "id,Sentence,marks\n" + "".join(
        f'{n},{name} wrote,"[[0,3,""p""]]"\n' for n, name in enumerate(NAMES)
    )
    data = build("ner", TextSource(table), columns=Columns(label="Marks"))
    assert len(data.gold) == 4 and data.gold[0].found.entities[0].of(data.gold[0].text) == "Ada"
    message = refused("ner", TextSource(table), None, None, Columns(text="words", label="marks"))
    assert "there is no text column 'words'; the columns are 'id', 'Sentence', 'marks'" in message


def test_a_saved_task_is_the_same_again(tmp_path):
    rows = [event(f"{name} left Rome", "move", "left", who=name) for name in NAMES]
    data = build("event", rows, ["another text"])
    save_row_task(data, tmp_path / "task")
    assert load_row_task(tmp_path / "task") == data


# No surrogates; no control characters, which some formats cannot hold.
PIECES = [
    "Ada",
    " ",
    "中文",
    "Ａ",
    "，",
    "e\u0301",
    "👩‍🚀",
    "𝒜",
    "🇩🇪",
    "\u00a0",
    "กำ",
    "\r\n",
    "ß",
    '"',
    "|",
    "\t",
]


@st.composite
def marked(draw):
    """A text and spans in it, on whole characters, without white space at their ends."""
    text = "x" + "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))) + "x"
    places = [index for index in range(len(text) + 1) if is_boundary(text, index)]
    spans = {(0, len(text))}
    for start, end in draw(st.lists(st.tuples(st.sampled_from(places), st.sampled_from(places)), max_size=4)):
        if start < end and text[start:end].strip() == text[start:end]:
            spans.add((start, end))
    return text, sorted(spans)


def write(path, rows):
    kind = path.suffix[1:]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "csv":
        target = io.StringIO(newline="")
        writer = csv.writer(target, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "entities"])
        writer.writerows((row["text"], json.dumps(row["entities"])) for row in rows)
        path.write_bytes(target.getvalue().encode())
    elif kind == "json":
        path.write_text(json.dumps(rows), "utf-8")
    else:
        path.write_bytes("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
@SLOW
@given(rows=st.lists(marked(), min_size=2, max_size=5, unique_by=lambda row: row[0]))
def test_reading_never_shifts_an_offset(tmp_path, kind, rows):
    written = [
        {"text": text, "entities": [{"start": start, "end": end, "type": "p"} for start, end in spans]}
        for text, spans in rows
    ]
    write(tmp_path / f"a.{kind}", written)
    data = build_row_task(TaskSpec(name="t", type="ner"), FileSource(tmp_path / f"a.{kind}"))
    assert [(row.text, [(span.start, span.end) for span in row.found.entities]) for row in data.gold] == rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["start", "end", "type", "head", "tail", "trigger", "arguments", "role", "id", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
ROW = st.dictionaries(
    st.sampled_from(
        [
            "text",
            "entities",
            "relations",
            "events",
            "label",
            "labels",
            "data",
            "annotations",
            "paragraphs",
            "spans",
        ]
    ),
    JSON | st.just("Ada wrote"),
    max_size=4,
)


@pytest.mark.parametrize("kind", ["ner", "relation", "event", "similarity", "summarization"])
@settings(max_examples=120, deadline=None)
@given(rows=st.lists(ROW | JSON, max_size=4), labelled=st.booleans())
def test_no_rows_can_crash_the_reader(kind, rows, labelled):
    gold = {
        "ner": ner("p", "p"),
        "relation": [relation(f"{name} owns it", ("owns", name, "it")) for name in NAMES],
        "event": [event(f"{name} left", "move", "left") for name in NAMES],
        "similarity": [["a", "b", 1], ["c", "d", 1], ["e", "f", 0], ["g", "h", 0]],
        "summarization": [
            {"text": "a long text", "summary": "text"},
            {"text": "another", "summary": "other"},
        ],
    }[kind]
    try:
        build(kind, [*gold, *rows] if labelled else gold, None if labelled else rows)
    except GTSError as error:
        json.dumps(error.as_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", ["ner", "similarity", "summarization"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=120)
    | st.text(st.sampled_from('aB-O \t\n,;|"[]{}:01é中'), max_size=80).map(str.encode),
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a", "a.parquet", "a.conll", "a.txt"]),
)
def test_no_bytes_can_crash_the_reader(tmp_path, kind, content, name):
    (tmp_path / name).write_bytes(content)
    try:
        build_row_task(TaskSpec(name="t", type=kind), FileSource(tmp_path / name))
    except GTSError as error:
        json.dumps(error.as_json(), ensure_ascii=False).encode()


def test_a_text_with_very_many_given_entities_is_refused_by_its_row():
    rows = [relation(f"{name} owns Acme", ("owns", name, "Acme"), entities=[name, "Acme"]) for name in NAMES]
    text = "Eve likes Acme " + "a " * 200
    many = {"text": text, "entities": [[15 + 2 * n, 16 + 2 * n] for n in range(101)], "relations": []}
    with pytest.raises(DataError, match="has 101 entities; at most 100 are accepted"):
        build("relation", [*rows, many], entities_given=True)
