from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.generator.tokens import detokenize, is_closed, is_unspaced, tokenize


@given(st.text())
def test_joined_tokens_give_the_text_back(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(tokens) == text.strip()
    assert detokenize(tokens) == text.strip()
    assert all(token.strip() for token in tokens)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello,  world!\n\nBye", ["Hello", ",", "  world", "!", "\n\nBye"]),
        ("it's 3.5 km, 1,000 e-mails", ["it's", " 3.5", " km", ",", " 1,000", " e-mails"]),
        ("物流很快，5G手机", ["物", "流", "很", "快", "，", "5G", "手", "机"]),
        ("नमस्ते दुनिया", ["नमस्ते", " दुनिया"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("مرحبا بالعالم", ["مرحبا", " بالعالم"]),
        ("e\u0301te\u0301 x", ["e\u0301te\u0301", " x"]),
        ("👩‍👩‍👧👍🏽 ok", ["👩‍👩‍👧", "👍🏽", " ok"]),
        ("(a) -- 'b'", ["(", "a", ")", " -", "-", " '", "b", "'"]),
        ("   ", []),
    ],
)
def test_words_characters_marks_and_emoji(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_scripts_without_spaces_are_found_by_majority() -> None:
    assert is_unspaced(tokenize("我买的 iPhone 很好"))
    assert not is_unspaced(tokenize("The city of 北京 is large and old"))
    assert not is_unspaced(tokenize("!!! ???"))


def test_brackets_and_quotes_close() -> None:
    assert is_closed('a (b) "c" 《d》')
    assert not is_closed('a "b')
    assert not is_closed("他说（不")
