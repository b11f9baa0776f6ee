"""What the surface of a text tells of each piece: place, length, marks, and what it shares with the rest."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from gts.tasks.pieces import UNITS, Cut
from gts.tasks.sentences import EAST_ASIAN

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

PLACE = slice(0, 9)
"""Columns of :func:`surface`: where in the text and in its line a piece stands, and of which kinds it is."""
SIZE = slice(9, 13)
"""How long it is."""
SHARED = slice(13, 20)
"""How much of it comes again elsewhere, and how near it is to the text, its start and its end."""
MARKS = slice(20, 25)
"""Questions, exclamations, digits, capitals within a sentence, quotes."""
WIDTH = 25

_WORD = re.compile(rf"[{EAST_ASIAN}]|[^\W_{EAST_ASIAN}]+")
_MARKS = (
    (re.compile(r"[?？]"), 1.0, 0),
    (re.compile(r"[!！]"), 1.0, 0),
    (re.compile(r"\d"), 0.0, 4),
    (re.compile(r"(?<=[\w,;]\s)[A-ZÀ-ÞА-Я]"), 0.0, 20),
    (re.compile(r"[\"“”「」『』《》]"), 1.0, 0),
)
"""What is looked for, what one of them counts, and what their share of the characters counts; 1 at most."""
_ENDS = 20
"""Words that count as the start, and as the end, of a text."""


def surface(cut: Cut) -> Floats:
    """Features of all pieces [pieces, WIDTH], each about 0 to 1; no weights, any language.

    Example:
        >>> from gts.tasks.pieces import cut
        >>> surface(cut("One. Two?")).shape
        (3, 25)
    """
    out = np.zeros((len(cut.places), WIDTH), np.float32)
    if not cut.places:
        return out
    bounds = np.array(cut.places, np.int64)
    out[:, PLACE] = _places(cut, bounds)
    words = _Words(cut.text, bounds)
    out[:, SIZE] = _sizes(words.lengths, bounds, len(cut.text))
    out[:, SHARED] = words.shared()
    characters = bounds[:, 1] - bounds[:, 0]
    for column, (mark, each, share) in enumerate(_MARKS, MARKS.start):
        places = np.array([found.start() for found in mark.finditer(cut.text)], np.int64)
        count = np.searchsorted(places, bounds[:, 1]) - np.searchsorted(places, bounds[:, 0])
        out[:, column] = np.minimum(1.0, each * count + share * count / characters)
    return out


def _places(cut: Cut, bounds: Ints) -> Floats:
    out = np.zeros((len(bounds), 9), np.float32)
    rank = np.searchsorted(np.unique(bounds[:, 0]), bounds[:, 0])
    out[:, 0:2] = bounds / len(cut.text)
    out[:, 2] = 1 / (1 + rank)
    out[:, 3] = 1 / (1 + rank.max() - rank)
    out[:, 4] = np.log1p(rank) / 5
    for column, unit in enumerate(UNITS):
        out[list(cut.units[unit]), 5 + column] = 1
    out[:, 8] = np.isin(bounds[:, 0], [cut.places[number][0] for number in cut.units["line"]])
    return out


def _sizes(words: Ints, bounds: Ints, whole: int) -> Floats:
    logs = np.log1p(words) / 4
    share = (bounds[:, 1] - bounds[:, 0]) / whole
    return np.stack([logs, logs**2, share, np.exp(-words / 4)], axis=1).astype(np.float32)


class _Folded(dict[int, int]):
    """Case and width do not count, as long as a character stays a single one: places must not shift."""

    def __missing__(self, code: int) -> int:
        folded = unicodedata.normalize("NFKC", chr(code)).lower()
        self[code] = ord(folded) if len(folded) == 1 else code
        return self[code]


_FOLDED = _Folded()


class _Words:
    """The words of a text, numbered by their spelling, and which of them each piece has."""

    def __init__(self, text: str, bounds: Ints) -> None:
        found = list(_WORD.finditer(text.translate(_FOLDED)))
        numbers: dict[str, int] = {}
        self.spelling = np.array([numbers.setdefault(word.group(), len(numbers)) for word in found], np.int64)
        self.long = np.array([word.end() - word.start() > 1 for word in found], bool)
        starts = np.array([word.start() for word in found], np.int64)
        self.first = np.searchsorted(starts, bounds[:, 0])
        stop = np.searchsorted(starts, bounds[:, 1])
        self.lengths = stop - self.first
        # Every piece's words one after the other: which piece, and which word of the text.
        self.piece = np.repeat(np.arange(len(bounds)), self.lengths)
        begin = np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        self.word = np.arange(len(self.piece)) - begin + self.first[self.piece]

    def shared(self) -> Floats:
        """Features of each piece [pieces, 7]; zeros for one without words."""
        out = np.zeros((len(self.lengths), 7), np.float32)
        n = len(self.spelling)
        if not n:
            return out
        count = np.bincount(self.spelling)
        logs = np.log1p(count)[self.spelling]
        order = np.argsort(self.spelling, kind="stable")
        alike = np.append(False, self.spelling[order][1:] == self.spelling[order][:-1])
        before = np.full(n, -1)
        before[order[1:]] = np.where(alike[1:], order[:-1], -1)
        earliest, latest = np.full(len(count), n), np.full(len(count), -1)
        np.minimum.at(earliest, self.spelling, np.arange(n))
        np.maximum.at(latest, self.spelling, np.arange(n))
        word, first = self.word, self.first[self.piece]
        stop = first + self.lengths[self.piece]
        spelled = self.spelling[word]
        elsewhere = (earliest[spelled] < first) | (latest[spelled] >= stop)
        new = before[word] < first
        pairs = self.spelling[:-1] * len(count) + self.spelling[1:]
        _, which, often = np.unique(pairs, return_inverse=True, return_counts=True)
        again = np.append(often[which] > 1, False)[word] & (word + 1 < stop)
        at_start, at_end = earliest[spelled] < _ENDS, latest[spelled] >= n - _ENDS
        total = max(float(np.log1p(count).sum()), 1e-9)
        words = np.maximum(1, self.lengths)
        own = np.maximum(1, self._sum(new))
        out[:, 0] = self._sum(elsewhere) / words
        out[:, 1] = self._sum(again) / np.maximum(1, self.lengths - 1)
        out[:, 2] = self._sum(logs[word] * new) / total
        out[:, 3] = self._sum(logs[word]) / words / 3
        out[:, 4] = self._sum(at_start & new) / own
        out[:, 5] = self._sum(at_end & new) / own
        out[:, 6] = self._sum(self.long[word]) / words
        return out

    def _sum(self, values: NDArray[np.bool_] | NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self.piece, weights=values, minlength=len(self.lengths)), np.float64)
