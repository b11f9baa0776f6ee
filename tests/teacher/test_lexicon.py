from __future__ import annotations

from gts.tasks.items import ARGUMENT, Item
from gts.tasks.rows import MarkedRow
from gts.tasks.structures import Argument, Event, Span, Structure
from gts.teacher.lexicon import Lexicon


def marked(text: str, *words: tuple[str, str]) -> MarkedRow:
    spans = tuple(Span(text.index(word), text.index(word) + len(word), name) for word, name in words)
    return MarkedRow(text, Structure(spans))


def found(lexicon: Lexicon, text: str) -> dict[tuple[str, str], float]:
    return {(item.type, text[slice(*item.place)]): belief for item, belief in lexicon.find(text).items()}


def test_words_are_found_whole_and_the_longest_first() -> None:
    lexicon = Lexicon(
        [marked("Bank of China pays.", ("Bank of China", "firm")), marked("In China.", ("China", "place"))]
    )

    assert set(found(lexicon, "The Bank of China left China; Chinatown stays.")) == {
        ("firm", "Bank of China"),
        ("place", "China"),
    }


def test_words_that_are_seldom_marked_are_hardly_believed() -> None:
    rows = [marked("May came.", ("May", "person"))] + [MarkedRow("May I go?", Structure())] * 8

    belief = found(Lexicon(rows), "And May left.")["person", "May"]

    assert belief < 0.25


def test_chinese_needs_no_spaces() -> None:
    lexicon = Lexicon([marked("我在北京工作", ("北京", "地点"))])

    assert set(found(lexicon, "他从北京大学来")) == {("地点", "北京")}


def test_triggers_are_learnt_and_arguments_are_not() -> None:
    event = Event("attack", Span(4, 10), (Argument("agent", 0, 3),))
    lexicon = Lexicon([MarkedRow("Ann raided the shop.", Structure(events=(event,)))])

    said = lexicon.find("Ann raided it again.")

    assert list(said) == [Item("trigger", "attack", (4, 10))]
    assert all(item.kind != ARGUMENT for item in said)


def test_nothing_is_found_by_a_lexicon_without_words() -> None:
    assert Lexicon([MarkedRow("Nothing here.", Structure())]).find("Nothing there.") == {}
