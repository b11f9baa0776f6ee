"""What two texts share on the surface: characters, words, numbers; for any language, without weights."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "words_dice",
    "words_contained",
    "word_pairs_dice",
    "words_in_order",
    "char_pairs_dice",
    "char_triples_dice",
    "chars_in_order",
    "length_ratio",
    "numbers_differ",
    "numbers_shared",
    "names_differ",
    "same_start",
    "same_end",
    "equal",
)
"""What each column of :func:`overlap_features` measures."""

_MOST_CHARS = 2_000
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
_NAMES = re.compile(r"(?<=\w\s)[^\W\d_a-z]\w+")


def overlap_features(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Features of pairs of texts [pairs, features], each from 0 to 1 and the same for both orders of a pair.

    Words are runs of letters and digits, in scripts without spaces single characters. Only the first 2,000 characters
    of a text are read.

    Example:
        >>> row = overlap_features([("He paid 3 dollars.", "he paid 4 dollars")])[0]
        >>> float(row[NAMES.index("words_dice")]), float(row[NAMES.index("numbers_differ")])
        (0.75, 1.0)
    """
    rows = [_features(_surface(a[:_MOST_CHARS]), _surface(b[:_MOST_CHARS])) for a, b in pairs]
    return np.asarray(rows, np.float32).reshape(len(pairs), len(NAMES))


@dataclass(frozen=True)
class _Surface:
    words: list[str]
    distinct: set[str]
    word_pairs: set[tuple[str, str]]
    chars: str
    char_pairs: set[str]
    char_triples: set[str]
    numbers: set[str]
    names: set[str]


@lru_cache(maxsize=128)  # one text is often compared with many
def _surface(text: str) -> _Surface:
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = _WORDS.findall(plain)
    chars = "".join(words)
    return _Surface(
        words,
        set(words),
        set(pairwise(words)),
        chars,
        _grams(chars, 2),
        _grams(chars, 3),
        set(_NUMBERS.findall(plain)),
        set(_NAMES.findall(text)),
    )


def _features(a: _Surface, b: _Surface) -> tuple[float, ...]:
    shared = a.distinct & b.distinct
    unshared = [name for name in a.names ^ b.names if name.casefold() not in shared]
    return (
        _dice(a.distinct, b.distinct),
        len(shared) / max(1, min(len(a.distinct), len(b.distinct))),
        _dice(a.word_pairs, b.word_pairs),
        2 * _common_subsequence(a.words, b.words) / max(1, len(a.words) + len(b.words)),
        _dice(a.char_pairs, b.char_pairs),
        _dice(a.char_triples, b.char_triples),
        2 * _common_subsequence(a.chars, b.chars) / max(1, len(a.chars) + len(b.chars)),
        min(len(a.chars), len(b.chars)) / max(1, len(a.chars), len(b.chars)),
        float(a.numbers != b.numbers),
        float(bool(a.numbers & b.numbers)),
        len(unshared) / max(1, len(a.names | b.names)),
        float(a.words[:1] == b.words[:1]),
        float(a.words[-1:] == b.words[-1:]),
        float(a.words == b.words),
    )


def _grams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(len(text) - n + 1)}


def _dice(a: set[Any], b: set[Any]) -> float:
    """Share of the members of two sets that are in both, each counted once a set."""
    return 2 * len(a & b) / max(1, len(a) + len(b))


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, a whole row of the table in one integer.

    References:
        Hyyrö, Bit-Parallel LCS-length Computation Revisited, 2004.
    """
    places: dict[str, int] = {}
    for i, item in enumerate(a):
        places[item] = places.get(item, 0) | 1 << i
    ones = (1 << len(a)) - 1
    row = ones
    for item in b:
        matches = row & places.get(item, 0)
        row = ((row + matches) | (row - matches)) & ones
    return len(a) - row.bit_count()
