from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.generator import wording as wording_module
from gts.generator.deck import Deck
from gts.generator.neighbours import confusions, nearest
from gts.generator.protocol import PoolWeights
from gts.generator.topics import find_topics
from gts.generator.variation import length_bands
from gts.generator.wording import read_wording
from gts.generator.writing import Brief, Length, Wishes, chat_prompt, continuation_prompt
from gts.tasks.dataset import Example

SHIPPED = Path(wording_module.__file__).parent / "prompts"
BRIEF = Brief("tickets", {"billing": "charges and refunds", "urgent": ""}, "en", multi_label=True)
ALL = Wishes("calm", "a child", ("lamp", "blue shirt"), Length(3, 9), "urgent")


def prompt(
    brief: Brief = BRIEF,
    labels: tuple[str, ...] = ("billing",),
    examples: list[Example] | None = None,
    wishes: Wishes = ALL,
    others: tuple[str, ...] = ("urgent",),
) -> str:
    examples = [Example("why was I charged?", ("billing",))] if examples is None else examples
    (message,) = chat_prompt(read_wording(brief.language), brief, labels, others, examples, wishes, 7)
    assert message.role == "user"
    return message.content


def test_the_prompt_says_what_is_wanted() -> None:
    said = prompt()
    for part in (
        '"tickets"',
        '"billing": charges and refunds',
        '"why was I charged?"',
        "7 new texts",
        "English",
        "3 to 9 words",
        "calm",
        "a child",
        '"lamp", "blue shirt"',
        'taken for "urgent" at first sight, but is "billing"',
        '{"texts": [',
    ):
        assert part in said
    assert "$" not in said


def test_what_is_not_wished_is_not_said() -> None:
    said = prompt(brief=Brief("tickets", {"billing": ""}), wishes=Wishes(), others=())
    for part in ("Write in", "words each", "Style", "Writer", "Subjects", "at first sight", "Other labels"):
        assert part not in said


@given(st.text(min_size=1, max_size=200))
def test_the_users_texts_come_through_untouched(text: str) -> None:
    said = prompt(examples=[Example(text, ("billing",))])
    assert f"- {json.dumps(text, ensure_ascii=False)}" in said


def test_dollars_and_braces_are_no_placeholders() -> None:
    text = "$count {count} ${labels} $$ {} {{x}} %s costs $5"
    brief = Brief("$task {task}", {text: text})
    said = prompt(brief, (text,), [Example(text, (text,))], Wishes(topics=(text,), other=text))
    assert said.count(text) == 6 and "$task {task}" in said
    (message,) = continuation_prompt(read_wording(None), brief, (text,), [Example(text, (text,))])
    assert f"{text}: {text}\n{text}:" in message.content


def test_a_set_of_labels_is_described_whole_and_no_label_as_none() -> None:
    both = prompt(labels=("billing", "urgent"), others=())
    assert "all of these labels" in both and '"billing": charges' in both and '- "urgent"' in both
    none = prompt(labels=(), others=("billing", "urgent"), examples=[])
    assert "none of these labels" in none and '- "urgent"' in none
    assert 'taken for "urgent" at first sight, but is not' in none
    assert "no other" in prompt()
    assert "no other" not in prompt(brief=Brief("tickets", dict(BRIEF.labels)))


def test_an_example_of_other_labels_shows_them() -> None:
    said = prompt(labels=("billing", "urgent"), examples=[Example("pay", ("billing",)), Example("hi")])
    assert '"pay" (labels of this one: "billing")' in said
    assert '"hi" (labels of this one: none)' in said


def test_chinese_texts_are_asked_for_in_chinese() -> None:
    said = prompt(brief=Brief("评论", {"billing": ""}, "zh"))
    assert "用中文写" in said and "Write" not in said
    assert prompt(brief=Brief("评论", {"billing": ""}, "zh-TW")) == said
    assert "German" in prompt(brief=Brief("t", {"billing": ""}, "de"))
    assert "ISO code xh" in prompt(brief=Brief("t", {"billing": ""}, "xh"))
    assert "Write in" not in prompt(brief=Brief("t", {"billing": ""}, "und"))


def test_a_continuation_ends_where_the_next_text_begins() -> None:
    examples = [Example("one\n two", ("billing",)), Example("three", ("billing",))]
    (message,) = continuation_prompt(read_wording("en"), BRIEF, ("billing",), examples)
    assert message.content.endswith("\n\nbilling: one two\nbilling: three\nbilling:")
    (message,) = continuation_prompt(read_wording("en"), BRIEF, (), [Example("hi")])
    assert message.content.endswith("\n\nnone: hi\nnone:")


def own(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    monkeypatch.setenv("GTS_PROMPTS", str(folder))
    for stem, text in files.items():
        (folder / f"{stem}.txt").write_text(text, "utf-8")


def test_a_persons_own_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, monkeypatch, write="$labels|$examples|$count for $$5 {x}", styles="one\n# no\n\ntwo\n")
    assert prompt().endswith("|7 for $5 {x}")
    assert read_wording("en").styles == ("one", "two")
    assert read_wording("en").personas
    (tmp_path / "write.fr.txt").write_text("En français: $labels $examples $count", "utf-8")
    assert prompt(brief=Brief("t", {"billing": ""}, "fr")).startswith("En français")


@pytest.mark.parametrize(
    ("stem", "change", "named"),
    [
        ("write", ("$count", "many"), "$count"),
        ("write", ("$count", "$number"), "number"),
        ("write", ("$count", "$ 5"), "$"),
        ("continue", ("$next", ""), "$next"),
        ("phrases", ("topics: ", "topic: "), "'topic'"),
        ("phrases", ("$topics", ""), "$topics"),
        ("phrases", ("style: - Style: $style", "style: - Style: $style $persona"), "$persona"),
    ],
)
def test_a_wrong_file_is_named_with_its_placeholder(
    stem: str, change: tuple[str, str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = (SHIPPED / f"{stem}.txt").read_text("utf-8")
    assert change[0] in shipped
    own(tmp_path, monkeypatch, **{stem: shipped.replace(*change)})
    with pytest.raises(InvalidInput) as caught:
        read_wording("en")
    assert str(tmp_path / f"{stem}.txt") in caught.value.message and named in caught.value.message


def test_a_phrase_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, monkeypatch, phrases="one: x")
    with pytest.raises(InvalidInput, match=r"phrases\.txt has no line for 'only'"):
        read_wording("en")


def test_every_shipped_language_is_whole() -> None:
    languages = {path.name.split(".")[1] for path in SHIPPED.glob("*.*.txt")}
    assert languages == {"zh"}
    for language in languages:
        words = read_wording(language)
        assert len(words.styles) == len(read_wording("en").styles) and words.personas


def test_a_deck_deals_each_card_about_equally_often() -> None:
    deck = Deck(range(7), random.Random(0))
    hands = [deck.deal(3) for _ in range(20)]
    assert all(len(set(hand)) == 3 for hand in hands)
    counts = Counter(card for hand in hands for card in hand)
    assert len(counts) == 7 and max(counts.values()) - min(counts.values()) <= 1
    assert Deck([], random.Random(0)).one() is None


def test_topics_come_from_the_texts_they_are_about() -> None:
    tea = [f"the {word} tea was cold and bitter" for word in ("green", "black", "white")] * 2
    cars = [f"the {word} engine would not start at all" for word in ("diesel", "petrol", "hybrid")] * 2
    found = find_topics([*tea, *cars, *["the weather is nice"] * 60], tea, cars, 20)
    assert {"bitter", "green"} <= set(found)
    assert not {"engine", "diesel", "weather", "the"} & set(found)
    assert find_topics([], [], [], 5) == []
    chinese = ["手机很好", "手机坏了", "屏幕坏了", "屏幕很亮"] + ["天气"] * 40
    assert find_topics(chinese, chinese[:4], [], 3) == ["坏了", "屏幕", "手机"]


def test_lengths_are_those_of_the_users_texts() -> None:
    bands = length_bands([" ".join(["w"] * n) for n in range(1, 101)])
    assert [(band.low, band.high) for band in bands] == [(6, 36), (36, 65), (65, 95)]
    assert length_bands(["物流很快", "物流很快"]) == [Length(4, 4, in_characters=True)]


def test_the_neighbour_is_the_label_most_confused_by_the_teacher_else_by_words() -> None:
    labels = ("a", "b", "c")
    gold = [Example("red car", ("a",)), Example("red bus", ("b",)), Example("green tea", ("c",))]
    by_words = confusions(labels, gold, None)
    assert nearest(labels, ("a",), by_words)[0] == "b"
    weights = PoolWeights(("c", "b", "a"), np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.9, 0.1]]))
    by_teacher = confusions(labels, gold, weights)
    assert nearest(labels, ("a",), by_teacher) == ["c", "b"]
    assert nearest(labels, (), by_teacher) == ["a", "b", "c"]
    assert nearest(labels, ("a", "c"), by_teacher) == ["b"]
