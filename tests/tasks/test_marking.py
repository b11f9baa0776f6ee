"""Texts with marks are written so that people can read them, and read back exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.errors import GTSError
from gts.tasks.crossing import without_crossing
from gts.tasks.marking import read_marked, write_marked
from gts.tasks.notation import MarkingError
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure
from gts.tasks.unmarking import is_statement, parse_marked

# Letters and signs of the notation, other scripts, joined emoji, combining marks, ends of lines, odd white space.
CHARACTERS = st.sampled_from("ab Z1[]\\#@:：()->,nr\n\r\t\u3000\u2028\xa0京大，ｅ́👩‍🔬🏽क्षعé")
TEXTS = st.text(CHARACTERS | st.characters(), max_size=40)
NAMES = TEXTS.map(str.strip).filter(bool)

SCHEMA = Schema(
    entities={"person": {}, "date of birth": {}},
    relations={"knows": {"head": ["person"], "tail": ["person"]}},
    events={"arrest": {"roles": {"who": "", "where": ""}}},
)
ADA = Span(0, 3, "person")


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, Structure]:
    """A text and a structure of parts that cross or do not cross."""
    text = draw(TEXTS)
    if not text:
        return text, Structure()
    ends = st.tuples(st.integers(0, len(text) - 1), st.integers(1, len(text)))
    places = ends.map(lambda end: (min(end), max(end)) if end[0] != end[1] else (end[0] - 1, end[1]))
    places = places.map(lambda place: (max(place[0], 0), place[1]))
    types = st.just("") | NAMES
    spans = st.builds(lambda place, type_: Span(*place, type_), places, types)
    arguments = st.builds(lambda role, place: Argument(role, *place), NAMES, places)
    triggers = places.map(lambda place: Span(*place))
    events = st.builds(Event, NAMES, triggers, st.lists(arguments, max_size=3).map(tuple))
    entities = draw(st.lists(spans, max_size=4))
    known = spans | st.sampled_from(entities) if entities else spans
    relations = draw(st.lists(st.builds(Relation, NAMES, known, known), max_size=3))
    return text, Structure(tuple(entities), tuple(relations), tuple(draw(st.lists(events, max_size=2))))


@given(marked_texts())
def test_what_is_written_is_read_back_exactly(marked: tuple[str, Structure]) -> None:
    text, structure = marked
    nested = without_crossing(structure).ordered()
    assert read_marked(write_marked(text, nested)) == (text, nested)
    try:
        written = write_marked(text, structure)
    except MarkingError as error:
        assert error.kind == "crossing" and nested != structure.ordered()
    else:
        assert read_marked(written) == (text, structure.ordered())


@given(marked_texts())
def test_the_text_and_every_statement_have_a_line_each(marked: tuple[str, Structure]) -> None:
    text, structure = marked
    nested = without_crossing(structure).ordered()
    first, *others = write_marked(text, nested).split("\n")
    assert len(others) == len(nested.relations) + len(nested.events)
    assert all(is_statement(line) for line in others)
    assert "\r" not in first


def test_the_notation_is_as_people_would_write_it() -> None:
    text = "Ada Lovelace wrote to Babbage from London."
    ada, babbage, london = Span(0, 12, "person"), Span(22, 29, "person"), Span(35, 41, "place")
    known = Structure((ada, babbage, london), (Relation("knows", ada, babbage),))
    assert write_marked(text, known) == (
        "[person#1: Ada Lovelace] wrote to [person#2: Babbage] from [place: London].\nknows: #1 -> #2"
    )
    event = Event("arrest", Span(7, 15), (Argument("who", 0, 2), Argument("where", 19, 23)))
    assert write_marked("He was arrested in Rome", Structure(events=(event,))) == (
        "[@1: He] was [@2: arrested] in [@3: Rome]\narrest: @2 (who: @1, where: @3)"
    )
    assert write_marked("北京大学", Structure((Span(0, 2, "地点"), Span(0, 4, "机构")))) == (
        "[机构: [地点: 北京]大学]"
    )
    assert write_marked("nothing [sic]\nhere", Structure()) == r"nothing \[sic\]\nhere"


@given(st.text(CHARACTERS, max_size=60), st.booleans())
def test_reading_gives_marks_inside_the_text_or_says_that_it_is_malformed(line: str, strict: bool) -> None:
    try:
        read = parse_marked(line, None if strict else SCHEMA)
    except GTSError as error:
        assert isinstance(error, MarkingError) and error.kind and error.mend
        return
    assert all(0 <= span.start < span.end <= len(read.text) for span in read.found.spans())


@pytest.mark.parametrize(
    ("written", "text", "entities"),
    [
        ("[person:Ada] wrote", "Ada wrote", (ADA,)),
        ("[ person : Ada ] wrote", "Ada wrote", (ADA,)),
        ("[Person: Ada] wrote", "Ada wrote", (ADA,)),
        ("[person：Ada] wrote", "Ada wrote", (ADA,)),
        ("[person#1: Ada] wrote\r\n", "Ada wrote", (ADA,)),
        ("[person#: Ada] wrote", "Ada wrote", (ADA,)),
        ("[Date_of_birth: 10/12] and [sic]", "10/12 and [sic]", (Span(0, 5, "date of birth"),)),
        ("[person: Ada [sic]]", "Ada [sic]", (Span(0, 9, "person"),)),
        (r"[person: Ada] wrote \alpha and \[", r"Ada wrote \alpha and [", (ADA,)),
        ("[person: Ada] wrote [2", "Ada wrote [2", (ADA,)),
    ],
)
def test_common_slips_are_read(written: str, text: str, entities: tuple[Span, ...]) -> None:
    read = parse_marked(written, SCHEMA)
    assert (read.text, read.found.entities, read.dropped) == (text, entities, {})


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("Arrest: #2", ()),
        ("arrest:@2()", ()),
        ("arrest：@2（who：@1，where：@3）", (Argument("who", 0, 2), Argument("where", 19, 23))),
        ("arrest: 2", None),
        ("arrest: @2 (Who: @1, @3)", (Argument("who", 0, 2), Argument("who", 19, 23))),
        ("arrest: @2 (who: @1,)", (Argument("who", 0, 2),)),
        ("arrest: @2 (@1)", None),
        ("arrest: @2 (who: nobody)", None),
        (": @2", None),
        ("He was sentenced later.", None),
    ],
)
def test_lines_are_read_with_slips_or_refused(line: str, arguments: tuple[Argument, ...] | None) -> None:
    text = "[@1: He] was [@2: arrested] in [@3: Rome]"
    if arguments is None:
        with pytest.raises(MarkingError) as caught:
            parse_marked(f"{text}\n{line}", SCHEMA)
        assert caught.value.kind == "line"
    else:
        read = parse_marked(f"{text}\n\n{line}\n", SCHEMA)
        assert read.found.events == (Event("arrest", Span(7, 15), arguments),)


@pytest.mark.parametrize(
    ("written", "dropped", "found"),
    [
        ("[year: 1843] [person: Ada]", {"unknown type": 1}, Structure((Span(5, 8, "person"),))),
        ("[#1: 1843]", {"unknown type": 1}, Structure()),
        ("[person: ] Ada", {"empty": 1}, Structure()),
        ("[@1: Ada] wrote", {"unused": 1}, Structure()),
        ("[person#1: Ada] [year#2: 1843]\nknows: #1 -> #2", {"unknown type": 2}, Structure((ADA,))),
        ("[person#1: Ada] [person#2: Bob]\nloves: #1 -> #2", {"unknown type": 1}, None),
        ("[person#1: Ada]\nknows: #1 → #1", {}, Structure((ADA,), (Relation("knows", ADA, ADA),))),
        (
            "[person#1: Ada] [date of birth#2: 1815]\nknows: #1 => #2",
            {"not allowed": 1},
            Structure((ADA, Span(4, 8, "date of birth"))),
        ),
        ("[@1: hit]\nattack: @1", {"unknown type": 1}, Structure()),
        (
            "[@1: held] [@2: Ada]\narrest: @1 (victim: @2)",
            {"unknown type": 1},
            Structure(events=(Event("arrest", Span(0, 4)),)),
        ),
    ],
)
def test_what_the_schema_does_not_know_is_dropped_and_counted(
    written: str, dropped: dict[str, int], found: Structure | None
) -> None:
    read = parse_marked(written, SCHEMA)
    assert read.dropped == dropped
    assert found is None or read.found == found


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("[person: Ada wrote", "unclosed"),
        ("[person: Ada [sic] wrote", "unclosed"),
        ("Ada] wrote", "unopened"),
        ("[person: Ada] wrote\nto Babbage", "line"),
        ("[person#1: Ada] wrote\nknows: #1 -> #2", "number"),
    ],
)
def test_malformed_marks_are_told_apart(written: str, kind: str) -> None:
    with pytest.raises(MarkingError) as caught:
        read_marked(written)
    assert caught.value.kind == kind and isinstance(caught.value, GTSError)


@pytest.mark.parametrize(
    ("structure", "kind"),
    [
        (Structure((Span(0, 5), Span(3, 8))), "crossing"),
        (Structure((Span(0, 50),)), "outside"),
        (Structure((Span(2, 2),)), "outside"),
        (Structure((Span(-2, 2),)), "outside"),
        (Structure((Span(0, 2, " a"),)), "name"),
        (Structure(events=(Event("", Span(0, 2)),)), "name"),
        (Structure(events=(Event("x", Span(0, 2), (Argument("y ", 0, 2),)),)), "name"),
    ],
)
def test_what_cannot_be_written_is_said(structure: Structure, kind: str) -> None:
    with pytest.raises(MarkingError) as caught:
        write_marked("a text of some length", structure)
    assert caught.value.kind == kind and caught.value.mend


def test_without_crossing_leaves_out_what_depends_on_the_crossing_part() -> None:
    a, b, c = Span(0, 5, "x"), Span(3, 8, "x"), Span(8, 9, "x")
    crossing = Structure(
        (a, b, c),
        (Relation("r", a, b), Relation("r", a, c)),
        (Event("e", Span(3, 8)), Event("e", Span(8, 9), (Argument("p", 3, 8), Argument("p", 0, 5)))),
    )
    assert without_crossing(crossing) == Structure(
        (a, c), (Relation("r", a, c),), (Event("e", Span(8, 9), (Argument("p", 0, 5),)),)
    )


@pytest.mark.parametrize("text", ["[" * 50_000, "[a: " * 20_000, "]" * 9, "[" + " " * 50_000, "\\" * 50_000])
def test_no_text_takes_long(text: str) -> None:
    try:
        parse_marked(text, SCHEMA)
    except MarkingError as error:
        assert error.kind in ("unclosed", "unopened")
