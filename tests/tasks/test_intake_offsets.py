"""Offsets: what is refused and how it is explained, what is mended, and that nothing ever shifts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.tasks.intake.faults import Fault, around
from gts.tasks.intake.graphemes import is_boundary, whole
from gts.tasks.intake.offsets import Mark, settled

# A reader sees one character in each of these.
CHARACTERS = [
    "a",
    "Z",
    " ",
    "中",
    "，",
    "Ａ",
    "é",
    "e\u0301",
    "ä̤",
    "👩‍🚀",
    "👍🏽",
    "❤️",
    "🇩🇪",
    "한",
    "\u1112\u1161\u11ab",
    "กำ",
    "نّ",
]


def places(characters):
    ends = [0]
    for character in characters:
        ends.append(ends[-1] + len(character))
    return ends


def refused(text, *marks):
    with pytest.raises(Fault) as caught:
        settled(text, [Mark(f"entity {n}", *mark) for n, mark in enumerate(marks, start=1)])
    return caught.value


@given(st.lists(st.sampled_from(CHARACTERS), max_size=12))
def test_a_text_may_be_cut_between_visible_characters_only(characters):
    text, ends = "".join(characters), places(characters)
    joined = {index for index in range(len(text) + 1) if is_boundary(text, index)}
    # Two flags and a letter before a mark may join further; never may a cut fall inside a character.
    assert joined <= set(ends)
    for start, end in pairwise(ends):
        found = whole(text, start, end)
        assert found[0] <= start < end <= found[1] and found[0] in joined and found[1] in joined


@given(st.lists(st.sampled_from(CHARACTERS), min_size=1, max_size=12), st.data())
def test_right_offsets_never_shift(characters, data):
    text, ends = "".join(characters), places(characters)
    first = data.draw(st.integers(0, len(characters) - 1))
    last = data.draw(st.integers(first, len(characters) - 1))
    start, end = whole(text, ends[first], ends[last + 1])
    surface = text[start:end]
    if not surface.strip() or surface != surface.strip():
        return
    (mark,), changes = settled(text, [Mark("entity 1", start, end, "x", surface)])
    assert (text[mark.start : mark.end], changes) == (surface, [])


@pytest.mark.parametrize(
    ("text", "mark", "message", "mend"),
    [
        ("Ada wrote", (0, 30), "outside the text of 9 characters '[Ada wrote]'", "from 0"),
        ("Ada wrote", (-1, 3), "is -1-3, outside the text", "from 0"),
        ("Ada wrote", (3, 3), "is 3-3, which is empty, in 'Ada[] wrote'", "one past the last"),
        ("Ada wrote", (5, 3), "ends before it begins", "one past the last"),
        ("Ada wrote", (3, 4), "holds only white space, in 'Ada[ ]wrote'", "mark the words"),
        ("Cafe\u0301 here", (0, 4), "ends at 4, inside one visible character", "0-5"),
        ("Cafe\u0301s here", (4, 6), "begins at 4, inside", "3-6"),
        ("👩‍🚀 Ada", (0, 1), "ends at 1, inside one visible character", "0-3"),
        ("👍🏽!", (1, 3), "begins at 1, inside", "0-3"),
        ("🇩🇪🇫🇷", (1, 3), "begins at 1, inside", "0-4"),
        (
            "😀 Bob is here",
            (3, 6),
            "as if they count UTF-16 units, as JavaScript and Java do: then it is 'Bob'",
            "2-5",
        ),
        ("世界，Robert is here", (9, 15), "as if they count UTF-8 bytes: then it is 'Robert'", "3-9"),
        ("éé Robin Robinson here", (5, 10), "as if they count UTF-8 bytes: then it is 'Robin'", "3-8"),
        ("Ada wrote", (0, 3, "", "Max"), "said to be 'Max', but there it is '[Ada] wrote'", "was changed"),
        ("Ada met Max", (0, 3, "", "Max"), "said to be 'Max'", "the words stand at 8-11"),
    ],
)
def test_a_wrong_span_is_explained(text, mark, message, mend):
    fault = refused(text, mark)
    assert message in fault.message
    assert mend in fault.mend


def test_white_space_at_the_ends_is_cut_off():
    found, changes = settled(" Ada  wrote", [Mark("entity 1", 0, 5), Mark("entity 2", 6, 11)])
    assert [(mark.start, mark.end) for mark in found] == [(1, 4), (6, 11)]
    assert changes == ["white space cut off the ends of a span"]


@pytest.mark.parametrize("unit", ["utf-16-le", "utf-8"])
@settings(max_examples=60)
@given(
    before=st.text(st.sampled_from("a é中😀𝒜"), max_size=8),
    after=st.text(st.sampled_from(" é中😀"), max_size=5),
)
def test_other_units_are_converted_where_the_words_prove_it(unit, before, after):
    text = f"{before} Bob {after}"
    width = 2 if unit == "utf-16-le" else 1
    start = len(text[: len(before) + 1].encode(unit)) // width
    (mark,), _ = settled(text, [Mark("entity 1", start, start + 3, "person", "Bob")])
    assert text[mark.start : mark.end] == "Bob"


def test_a_hint_at_other_units_needs_every_span_of_the_row():
    # Counted in UTF-16 units the second span would hold only a part of a word.
    text = "😀 Bob met Ada"
    found, _ = settled(text, [Mark("entity 1", 2, 6), Mark("entity 2", 10, 13)])
    assert [text[mark.start : mark.end] for mark in found] == ["Bob", "Ada"]
    # One end inside a word is no proof.
    assert settled("世界 Bob here", [Mark("entity 1", 7, 10)])[0][0].start == 7


@given(st.text(max_size=30), st.integers(-5, 40), st.integers(-5, 40))
def test_the_surroundings_of_any_span_can_be_shown(text, start, end):
    shown = around(text, start, end)
    assert shown.isprintable()
    assert "[" in shown
