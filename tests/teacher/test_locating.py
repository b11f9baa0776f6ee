"""Mentions that a model named by their words are found in the raw text, as they stand there."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gts.tasks.structures import Span
from gts.teacher.locating import Mention, Places, gap, locate, nearest

TEXTS = st.text(
    st.sampled_from("aabB Cé́n1.,'’“\"-–京京大 서울\n\t\u3000Ａ！１\u200b👩‍🔬❤️ض") | st.characters(),
    max_size=40,
)


def found(text: str, *words: str) -> list[str | None]:
    spans = locate(text, [Mention(word, "x") for word in words]).spans
    return [span and span.of(text) for span in spans]


@pytest.mark.parametrize(
    ("text", "named", "surface"),
    [
        ("He came to New\n  York", "New York", "New\n  York"),
        ("the ADA prize", "Ada", "ADA"),
        ("Die Straße ist lang", "STRASSE", "Straße"),
        ("the U.S . and others", "U.S.", "U.S ."),
        ("it cost $ 6.98 million", "$6.98 million", "$ 6.98 million"),
        ("he read “War and Peace” twice", '"War and Peace"', "“War and Peace”"),
        ("O’Neill left", "O'Neill", "O’Neill"),
        ("the Paris–Dakar rally", "Paris-Dakar", "Paris–Dakar"),
        ("ＡＢＣ公司（北京）", "ABC公司(北京)", "ＡＢＣ公司（北京）"),
        ("５G手机", "5G", "５G"),
        ("在 北 京 大 学 读书", "北京大学", "北 京 大 学"),
        ("北京大学", "北 京", "北京"),
        ("caf\u00e9 noir", "cafe\u0301", "caf\u00e9"),
        ("cafe\u0301 noir", "caf\u00e9 noir", "cafe\u0301 noir"),
        ("soft\u00adware here", "software", "soft\u00adware"),
        ("I \u2764\ufe0f it", "\u2764", "\u2764\ufe0f"),
        ("서울에서 왔다", "서울", "서울"),
        ("2018年", "2018", "2018"),
        ("买了iPhone手机", "iphone", "iPhone"),
        (" Ada ", "  Ada\n", "Ada"),
    ],
)
def test_a_mention_is_found_however_it_was_written_and_the_span_is_of_the_raw_text(
    text: str, named: str, surface: str
) -> None:
    assert found(text, named) == [surface]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the party went on", "art"),
        ("part of it", "art"),
        ("smart", "art"),
        ("the therapist", "the rapist"),
        ("New York", "NewYork"),
        ("15 men", "5"),
        ("5G phones", "5"),
        ("éclair", "clair"),
        ("cafe\u0301", "cafe"),
        ("caf\u00e9", "cafe"),
        ("👩\u200d🔬 works", "👩"),
        ("👩\u200d🔬 works", "🔬"),
        ("Straße", "Stras"),
        ("Ada wrote", "Babbage"),
        ("Ada wrote", ""),
        ("Ada wrote", " \u200b"),
        ("", "Ada"),
    ],
)
def test_parts_of_words_and_what_is_not_there_are_dropped(text: str, named: str) -> None:
    located = locate(text, [Mention(named)])
    assert (located.spans, located.hallucinated, located.surplus) == ((None,), 1, 0)


def test_repeated_mentions_go_to_successive_places() -> None:
    text = "Ada met ada; ADA wrote, said Ada."
    starts = [span and span.start for span in locate(text, [Mention("Ada")] * 5).spans]
    assert starts == [0, 29, 8, 13, None]  # those written alike come first
    located = locate(text, [Mention("Ada")] * 5)
    assert (located.hallucinated, located.surplus) == (0, 1)


def test_what_overlaps_is_given_once_for_each_type_the_longest_first() -> None:
    text = "Bank of China left; China stays"
    bank, china = Mention("Bank of China", "firm"), Mention("China", "firm")
    assert locate(text, [china, bank]).spans == (Span(20, 25, "firm"), Span(0, 13, "firm"))
    assert locate(text[:18], [china, bank]).spans == (None, Span(0, 13, "firm"))
    place = Mention("China", "place")
    assert locate(text[:18], [place, bank]).spans == (Span(8, 13, "place"), Span(0, 13, "firm"))


def test_the_nearest_place_is_chosen() -> None:
    spans = [Span(0, 2), Span(10, 12), Span(20, 22)]
    assert nearest(spans, Span(14, 15)) == Span(10, 12)
    assert nearest(spans, Span(0, 22)) == Span(0, 2)
    assert nearest(spans[::-1], Span(5, 7)) == Span(0, 2)
    assert nearest([], Span(0, 1)) is None
    assert gap(Span(0, 2), Span(5, 6)) == gap(Span(5, 6), Span(0, 2)) == 3


@given(TEXTS, st.data())
def test_a_part_of_the_text_that_stands_for_itself_is_found(text: str, data: st.DataObject) -> None:
    words = text.split()
    assume(words)
    word = data.draw(st.sampled_from(words))
    visible = any(unicodedata.category(char)[0] in "LNPS" for char in word)
    attached = unicodedata.category(word[0])[0] == "M" or word[0] in "\u200d🏻🏼🏽🏾🏿"
    assume(visible and not attached)
    places = Places(text).of(word)
    assert places and places[0].of(text) == word


@given(TEXTS, st.lists(st.builds(Mention, TEXTS, st.sampled_from("xy")), max_size=6))
def test_spans_lie_in_the_text_and_those_of_one_type_never_overlap(
    text: str, mentions: list[Mention]
) -> None:
    mentions += [Mention(text[i : i + 3], "x") for i in range(0, len(text), 2)]
    located = locate(text, mentions)
    assert len(located.spans) == len(mentions)
    assert located.hallucinated + located.surplus == located.spans.count(None)
    for mention, span in zip(mentions, located.spans, strict=True):
        if span is not None:
            assert 0 <= span.start < span.end <= len(text) and span.type == mention.type
            assert span.of(text) == span.of(text).strip()
    for type_ in "xy":
        spans = sorted(span for span in located.spans if span is not None and span.type == type_)
        assert all(one.end <= other.start for one, other in pairwise(spans))
    assert locate(text, mentions) == located


WORDS = st.text(st.sampled_from("abcéñßλжｅ京서"), min_size=1, max_size=5)


@given(st.lists(WORDS, min_size=1, max_size=6), st.data())
def test_other_case_and_width_lead_to_the_same_place(words: list[str], data: st.DataObject) -> None:
    text, word = " ".join(words), data.draw(st.sampled_from(words))
    assert set(Places(text).of(word.upper())) >= set(Places(text).of(word)) != set()


def test_a_thousand_mentions_of_a_long_text_are_no_trouble() -> None:
    located = locate("a b " * 5_000, [Mention("a", "x"), Mention("b", "x"), Mention("A", "x")] * 4_000)
    assert located.surplus == 3_000
