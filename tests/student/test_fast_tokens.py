"""The short cut gives the very ids the tokenizer gives, for any text, or is not taken."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from gts.student.fast_tokens import ChunkMemo, chunk_rules, encode

# Text near the corners: every whitespace, controls, combining marks, Chinese, special tokens, known words.
CORNERS = st.sampled_from(
    [
        *"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000\u200b\u180e\ufeff\x00\ufffd",
        *"\u0301\u0308\u0345aAbzZßÀéİıKÅσςΣ中再豈見\U00020000，。ｱかカ한กา😀👩\u200d🚀.,!'-_$[]()`^~",
        "[UNK]",
        "[SEP]",
        "[sep]",
        "[PA",
        "parcel",
        "Parcels",
        "LOST!",
        "(refund.)",
        "naïve",
        "re-charge",
    ]
)
TEXTS = st.one_of(
    st.text(), st.lists(CORNERS, max_size=25).map("".join), st.text(st.characters(codec="ascii"))
)


def ids_by_memo(tokenizer: Tokenizer, text: str) -> list[int] | None:
    rules = chunk_rules(tokenizer)
    assert rules is not None
    chunks = rules.chunks(text)
    if chunks is None:
        return None
    memo = ChunkMemo(tokenizer, rules, capacity=100)
    numbers = [memo[chunk] for chunk in chunks]
    rows = memo.new_ids()
    return [token for number in numbers for token in rows[number]]


def bert(lowercase: bool, strip_accents: bool | None = None, chinese: bool = True) -> Tokenizer:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'()-$[]中再ßé"
    pieces = [
        "[UNK]",
        "[PAD]",
        "[SEP]",
        *letters,
        *["##" + c for c in letters],
        "parcel",
        "lost",
        "refund",
        "naïve",
    ]
    tokenizer = Tokenizer(
        models.WordPiece({p: i for i, p in enumerate(dict.fromkeys(pieces))}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=strip_accents, handle_chinese_chars=chinese
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("[UNK]", "[PAD]", "[SEP]")]
    )
    return tokenizer


def words_only() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "ab": 3, ".": 4}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


TOKENIZERS = {
    "uncased": bert(True),
    "cased": bert(False),
    "accents kept": bert(True, strip_accents=False),
    "cased, no Chinese": bert(False, chinese=False),
    "words": words_only(),
}


@pytest.mark.parametrize("name", list(TOKENIZERS))
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
@example("a\x0bb")
@example("a\x1cb \x1c c")
@example("中\u0301文 \u0301")
@example("lost[SEP]parcel [SEP]. a.[")
@example("\ud800 lost \ud83d\ude00")
def test_ids_are_those_of_the_tokenizer(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    fast = ids_by_memo(tokenizer, text)
    assert fast is None or fast == encode(tokenizer, text)


@pytest.mark.parametrize(
    "text", ["Where is my parcel?", "naïve  \u3000 café", "再见，parcel 中文", "İstanbul [SEP] x"]
)
def test_ordinary_text_takes_the_short_cut(text: str) -> None:
    assert ids_by_memo(TOKENIZERS["uncased"], text) is not None


def test_python_knows_no_whitespace_beyond_those_that_are_tried() -> None:
    assert max(code for code in range(sys.maxunicode + 1) if chr(code).isspace()) == 0x3000


def changed(**parts: object) -> Tokenizer:
    tokenizer = bert(True)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


def with_added(token: AddedToken) -> Tokenizer:
    tokenizer = bert(True)
    tokenizer.add_tokens([token])
    return tokenizer


@pytest.mark.parametrize(
    "tokenizer",
    [
        changed(pre_tokenizer=pre_tokenizers.ByteLevel()),
        changed(pre_tokenizer=pre_tokenizers.Metaspace()),
        changed(pre_tokenizer=pre_tokenizers.Split(" ", "isolated")),
        changed(normalizer=normalizers.Replace(" ", "_")),
        with_added(AddedToken("new york", normalized=False)),
        with_added(AddedToken("gts", normalized=True)),
        with_added(AddedToken("<x>", normalized=False, lstrip=True)),
        Tokenizer(models.WordLevel({"a": 0}, unk_token="a")),
    ],
    ids=[
        "byte-level",
        "metaspace",
        "split",
        "replace",
        "added with blank",
        "added normalised",
        "added lstrip",
        "no cut",
    ],
)
def test_other_tokenizers_are_left_alone(tokenizer: Tokenizer) -> None:
    assert chunk_rules(tokenizer) is None


def test_memo_is_bounded_and_long_chunks_are_not_kept() -> None:
    tokenizer = TOKENIZERS["uncased"]
    rules = chunk_rules(tokenizer)
    assert rules is not None
    memo = ChunkMemo(tokenizer, rules, capacity=3)
    _ = memo["parcel"], memo["x" * 1000]
    memo.new_ids()
    assert list(memo) == ["parcel"] and memo.rows == 2
    _ = memo["lost"]
    memo.make_room()
    assert not memo and memo.rows == 0


def test_words_within_chunks_are_bounded_too() -> None:
    tokenizer = TOKENIZERS["uncased"]
    rules = chunk_rules(tokenizer)
    assert rules is not None
    memo = ChunkMemo(tokenizer, rules, capacity=10)
    _ = memo["-".join(f"q{number}" for number in range(15))]
    memo.new_ids()
    assert memo.rows == 1
    memo.make_room()

    assert memo.rows == 0 and not memo
