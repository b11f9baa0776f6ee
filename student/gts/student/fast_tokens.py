"""Token ids of texts at many times the tokenizer's speed, by remembering every piece between blanks.

A tokenizer of BERT's form cuts a text at whitespace before anything else, so the ids of a text are the ids of its
whitespace-separated chunks, one after the other. Chunks repeat (Zipf), so most are tokenised only once. Whether a given tokenizer
is of that form is found out by :func:`chunk_rules`; for any other there is no short cut.
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from gts.student.surrogates import joined

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MEMO_CHUNK_CHARS = 64
_ENTRY_BYTES = 100
"""A short string and a number, beside their place in the dictionary."""

_PRE_TOKENIZERS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
_NORMALIZERS = {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Strip"}
_MODELS = {"WordPiece", "WordLevel", "BPE"}
# Two blocks that every BERT normaliser sets apart by blanks; rarer ideographs just stay inside their chunk.
_CJK = "\u3400-\u4dbf\u4e00-\u9fff"
_CJK_CHAR = re.compile(f"[{_CJK}]")
_CJK_CHUNKS = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_LAST_WHITESPACE = 0x3000
_PIECES = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]")
_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class ChunkRules:
    """How texts may be cut for one tokenizer.

    Attributes:
        unsafe: Characters at which Python's ``str.split`` cuts and the tokenizer does not.
        split_cjk: Whether the tokenizer sets each Chinese character apart.
        plain: For BERT's own pre-tokenizer: the printable ASCII characters of which chunks can be cut further, into
            runs of letters and digits and single marks; empty elsewhere.
        lowercase: Whether it lowers ASCII letters.
        words: Id of every word or mark of plain characters that is one token of the vocabulary.
    """

    unsafe: tuple[str, ...]
    split_cjk: bool
    plain: frozenset[str] = frozenset()
    lowercase: bool = False
    words: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def chunks(self, text: str) -> list[str] | None:
        """Cut a text into chunks that can be tokenised one by one, or None where only the whole text will do."""
        for char in self.unsafe:
            if char in text:
                return None
        if self.split_cjk and not text.isascii() and _CJK_CHAR.search(text):
            return _CJK_CHUNKS.findall(text)
        return text.split()

    def pieces(self, chunk: str) -> list[str] | None:
        """Cut a chunk of plain characters into words and marks; None: it holds others."""
        if not self.plain.issuperset(chunk):
            return None
        return _PIECES.findall(chunk.lower() if self.lowercase else chunk)


def encode(tokenizer: Tokenizer, text: str, *, special: bool = False) -> list[int]:
    """Ids of a text. Half surrogates, which no tokenizer takes, count as U+FFFD.

    One text at a time on purpose: the tokenizer's batch methods take every core of the machine.
    """
    try:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=special).ids
    except (TypeError, UnicodeEncodeError):
        ids = tokenizer.encode(joined(text), add_special_tokens=special).ids
    return ids


def chunk_rules(tokenizer: Tokenizer) -> ChunkRules | None:
    """Rules for cutting texts before this tokenizer sees them, or None if it is not of a form that allows it.

    The form is read from the tokenizer's own description; where Python and the tokenizer disagree about
    whitespace is found by trying every whitespace character.

    Args:
        tokenizer: A tokenizer with truncation and padding switched off.
    """
    form = json.loads(tokenizer.to_str())
    if not _is_cut_at_whitespace(form):
        return None
    normalizer = form["normalizer"]
    bert = normalizer is not None and normalizer["type"] == "BertNormalizer"
    plain, words = _plain_pieces(form) if bert else (frozenset(), {})
    return ChunkRules(
        unsafe=tuple(char for char in _whitespace() if not _cuts(tokenizer, char)),
        split_cjk=bert and bool(normalizer["handle_chinese_chars"]),
        plain=plain,
        lowercase=bert and bool(normalizer["lowercase"]),
        words=words,
    )


def _is_cut_at_whitespace(form: dict[str, Any]) -> bool:
    normalizers = _steps(form["normalizer"], "normalizers")
    splitters = _steps(form["pre_tokenizer"], "pretokenizers")
    model = form["model"]
    return (
        all(step["type"] in _NORMALIZERS for step in normalizers)
        and bool(splitters)
        and all(step["type"] in _PRE_TOKENIZERS for step in splitters)
        and model.get("type") in _MODELS
        and not model.get("dropout")
        and all(_stays_in_chunk(token) for token in form["added_tokens"])
    )


def _steps(part: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    if part is None:
        return []
    return (
        [step for inner in part[key] for step in _steps(inner, key)] if part["type"] == "Sequence" else [part]
    )


def _stays_in_chunk(token: dict[str, Any]) -> bool:
    """Whether an added token can only match within one chunk, and then matches there in any surroundings."""
    plain = not (token["single_word"] or token["lstrip"] or token["rstrip"] or token["normalized"])
    content = token["content"]
    return plain and not _CJK_CHAR.search(content) and not any(char.isspace() for char in content)


def _plain_pieces(form: dict[str, Any]) -> tuple[frozenset[str], dict[str, tuple[int, ...]]]:
    """Characters that are safe to cut at, and the words whose ids follow from the vocabulary.

    WordPiece takes the longest match first, so a word in the vocabulary is one token. Marks that occur in added
    tokens are left out: an added token is looked for before anything is cut.
    """
    model = form["model"]
    splitters = [step["type"] for step in _steps(form["pre_tokenizer"], "pretokenizers")]
    added = [set(token["content"]) - _ALPHANUMERIC for token in form["added_tokens"]]
    if model["type"] != "WordPiece" or splitters != ["BertPreTokenizer"] or not all(added):
        return frozenset(), {}
    plain = frozenset(map(chr, range(0x21, 0x7F))).difference(*added)
    prefix, limit = model["continuing_subword_prefix"], model["max_input_chars_per_word"]
    words: dict[str, tuple[int, ...]] = {
        token: (number,)
        for token, number in model["vocab"].items()
        if len(token) <= limit
        and (not prefix or not token.startswith(prefix))
        and plain.issuperset(token)
        and _PIECES.fullmatch(token)
    }
    return plain, words


@cache
def _whitespace() -> tuple[str, ...]:
    return tuple(char for char in map(chr, range(_LAST_WHITESPACE + 1)) if char.isspace())


def _cuts(tokenizer: Tokenizer, char: str) -> bool:
    return encode(tokenizer, f"a{char}b") == encode(tokenizer, "a") + encode(tokenizer, "b")


class ChunkMemo(dict[str, int]):
    """Chunk to row number of a table that grows with it; a chunk never seen gets the next number.

    Looking up through ``memo[chunk]`` registers unknown chunks; :meth:`new_ids` hands out the token ids of those registered
    since the last call, in the order of their numbers, so that their rows can be added to the table.

    Args:
        tokenizer: Tokenises what the rules cannot tell.
        rules: The tokenizer's rules.
        capacity: Rows, or learnt words, from which :meth:`make_room` starts afresh. Very long chunks get a row and
            are not kept.
    """

    def __init__(self, tokenizer: Tokenizer, rules: ChunkRules, capacity: int) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._rules = rules
        self._capacity = capacity
        self._learnt: dict[str, tuple[int, ...]] = {}
        self._new: list[str] = []
        self.rows = 0

    def __missing__(self, chunk: str) -> int:
        number = self.rows
        self.rows += 1
        self._new.append(chunk)
        if len(chunk) <= MEMO_CHUNK_CHARS:
            self[chunk] = number
        return number

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        return (
            sys.getsizeof(self) + sys.getsizeof(self._learnt) + _ENTRY_BYTES * (len(self) + len(self._learnt))
        )

    def new_ids(self) -> list[Sequence[int]]:
        """Token ids of the chunks whose rows are still missing; they count as added from now on."""
        new, self._new = self._new, []
        return [self._ids(chunk) for chunk in new]

    def _ids(self, chunk: str) -> Sequence[int]:
        pieces = self._rules.pieces(chunk)
        if pieces is None or len(chunk) > MEMO_CHUNK_CHARS:
            return encode(self._tokenizer, chunk)
        words, learnt = self._rules.words, self._learnt
        ids: list[int] = []
        for piece in pieces:
            known = words.get(piece) or learnt.get(piece)
            if known is None:
                known = learnt[piece] = tuple(encode(self._tokenizer, piece))
            ids += known
        return ids

    def make_room(self) -> bool:
        """Forget everything if the memo is full; says whether it was."""
        # A chunk of marks between letters brings dozens of words, so these are counted by themselves.
        full = self.rows >= self._capacity or len(self._learnt) >= self._capacity
        if full:
            self.forget()
        return full

    def forget(self) -> None:
        """Forget everything that was not known from the start."""
        self.clear()
        self._learnt = {}
        self._new = []
        self.rows = 0
