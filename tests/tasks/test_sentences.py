"""Sentences end where readers see them end, in English and Chinese, and no character is lost between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.tasks.sentences import sentences


def split(text: str, **options: bool) -> list[str]:
    return [text[start:end] for start, end in sentences(text, **options)]


# Marks and words that the rules look at, and anything else.
WORDS = ". ! ? … ; 。 ！ ？ ； ， “ ” \" ' ( ) 「 」 Dr No U.S Inc etc 3 5 a I The he 我 走了 カ é \u0301 😀 \ufe0f"
SPACES = " |  |\n|\r\n|\t|\u3000|\u2028|\x1f"
PIECES = st.sampled_from(WORDS.split(" ") + SPACES.split("|"))
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=40)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, turns=st.booleans())
def test_no_character_is_lost(text, turns):
    places = sentences(text, turns=turns)
    end, parts = 0, []
    for begin, after in places:
        assert end <= begin < after <= len(text)
        assert not text[end:begin].strip()
        assert text[begin:after] == text[begin:after].strip()
        parts += text[end:begin], text[begin:after]
        end = after
    assert not text[end:].strip()
    assert "".join(parts) + text[end:] == text


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_no_sentence_reaches_over_a_line_and_turns_are_lines(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert split(text, turns=True) == lines
    assert all(len(sentence.splitlines()) == 1 for sentence in split(text))


@pytest.mark.parametrize(
    "expected",
    [
        ["It cost $3.50.", "Not 1,000.75!", "Version 2.0.", "Done."],
        ["Dr. Lee met Mrs. Smith, i.e. The Boss.", "They left."],
        ["He met J. K. Rowling at 5 p.m.", "She smiled."],
        ["The U.S. Senate met.", "She lives in the U.S.", "They moved."],
        ["Apple Inc. Chief Tim Cook spoke.", "It belongs to Apple Inc.", "The firm grew."],
        ["See Fig. 3 and No. 5.", "No.", "I said no.", "Never."],
        ["You and I.", "Then nobody."],
        ['"Really?" he asked.', '"Yes!"', 'She said: "Go."', "He went."],
        ["He said ‘no.’", "“Fine.”", "(It was not.)", "We left."],
        ["Wait... what?", "Wait...", "What?!", "Oh."],
        ["1. Wash it.", "2. Dry it.", "In 2005.", "Then it ended."],
        ["Visit www.example.com or a.b@c.org.", "Thanks."],
        ["She didn't; he did."],
    ],
)
def test_english(expected):
    assert split(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["他走了。", "她问：“去哪里？”", "没有人知道！", "真的吗？！", "好吧……算了。"],
        ["天黑了；", "灯亮了。"],
        ["“你好！”，他说。", "（真的。）", "「好。」", "“他来了！”。", "走吧"],
        ["他说。", '"你好。"', "她笑了。"],
        ["增长了3.5%。", "见图1.2。", "共３．５万。"],
        ["目的:了解应用.", "方法:回顾性分析;", "结果:达88.46%.", "结论:有效!", "为7.56.", "可行."],
        ["见文件.txt或 A.选项。", "维生素C.", "它有用。", "第一步：1.清洗 2.晾干。"],
        ["用BERT模型。", "Hello there。", "再见"],
        ["私は行く。", "「行かない。」", "そう？"],
    ],
)
def test_chinese_and_japanese_without_spaces(expected):
    assert split("".join(expected)) == expected


def test_texts_in_two_languages():
    assert split("你好! Hello there. 我是 Dr. Lee。 Bye.") == [
        "你好!",
        "Hello there.",
        "我是 Dr. Lee。",
        "Bye.",
    ]


def test_all_small_letters_end_sentences_too():
    assert split("ok. see you. bye") == ["ok.", "see you.", "bye"]
    assert split("Ok. see you. bye") == ["Ok. see you. bye"]


def test_dialogues():
    text = "#Person1#: Hi, Mr. Lee. How are you?\n#Person2#: Fine!\r\n\r\n#Person1#: Bye"
    assert split(text, turns=True) == [
        "#Person1#: Hi, Mr. Lee. How are you?",
        "#Person2#: Fine!",
        "#Person1#: Bye",
    ]
    assert split(text)[:2] == ["#Person1#: Hi, Mr. Lee.", "How are you?"]


def test_a_mark_keeps_what_is_written_over_it():
    assert split("太好了！\ufe0f走吧") == ["太好了！\ufe0f", "走吧"]


@pytest.mark.parametrize("text", ["", " \n\t ", "\u3000"])
def test_nothing_to_split(text):
    assert sentences(text) == []


def test_marks_alone():
    assert split("...") == ["..."]
    assert split("。") == ["。"]
