"""How alike texts are by their words and runs of characters: for any language, with numpy alone."""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.text import same_text_key

Floats = NDArray[np.float32]

MOST_TEXTS = 800
"""Texts that are compared with each other."""
SAME = 0.8
"""Cosine from which two texts count as nearly the same."""
_MOST_CHARS = 300
_MOST_GRAMS = 5_000
_SEED = 0
_RUNS = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")


def words_of(text: str) -> list[str]:
    """The words of a text without case and width; of scripts without spaces the characters.

    Example:
        >>> words_of("Refund, please! 退款")
        ['refund', 'please', '退', '款']
    """
    words: list[str] = []
    for run in _RUNS.findall(same_text_key(text)):
        if any(map(is_of_unspaced_script, run)):
            words += re.findall(r"[a-z0-9]+|.", run)
        else:
            words.append(run)
    return words


def grams(text: str) -> Counter[str]:
    """Words, pairs of words, and runs of three characters with how often they come; all numbers count as one.

    Example:
        >>> sorted(grams("No 7"))
        [' 0 ', ' no', '0', 'no', 'no ', 'no 0']
    """
    words = words_of(_DIGIT.sub("0", text[:_MOST_CHARS]))
    found = Counter(words)
    found.update(f"{a} {b}" for a, b in pairwise(words))
    for word in words:
        edged = f" {word} "
        if len(word) > 1 or word.isascii():
            found.update(edged[i : i + 3] for i in range(len(edged) - 2))
    return found


@dataclass(frozen=True, eq=False)
class Likeness:
    """Texts that are compared with each other.

    Attributes:
        texts: The texts.
    """

    texts: tuple[str, ...]

    @cached_property
    def table(self) -> Floats:
        """Cosines between the texts' TF-IDF vectors [texts, texts], 0 to 1; 0 between a text and itself.

        Example:
            >>> table = Likeness(("a red car", "a red bus", "the moon")).table
            >>> bool(table[0, 1] > table[0, 2]), float(table[0, 0])
            (True, 0.0)
        """
        vectors = _vectors([grams(text) for text in self.texts])
        table: Floats = np.clip(vectors @ vectors.T, 0.0, 1.0)
        np.fill_diagonal(table, 0.0)
        return table

    def pairs(self, least: float) -> list[tuple[int, int]]:
        """Pairs of texts that are at least so much alike, the likest first."""
        rows, columns = np.nonzero(np.triu(self.table >= least, 1))
        order = np.argsort(-self.table[rows, columns], kind="stable")
        return [(int(rows[k]), int(columns[k])) for k in order]


def _vectors(counts: Sequence[Counter[str]]) -> Floats:
    """Rows of length 1 over the grams that two texts share at least; what a text has alone only makes it longer."""
    frequency = Counter(gram for count in counts for gram in count)
    inverse = {gram: math.log((1 + len(counts)) / (1 + n)) + 1 for gram, n in frequency.items()}
    shared = sorted((gram for gram, n in frequency.items() if n > 1), key=lambda gram: -frequency[gram])
    column = {gram: place for place, gram in enumerate(shared[:_MOST_GRAMS])}
    table = np.zeros((len(counts), len(column)), np.float32)
    for row, count in enumerate(counts):
        weights = {gram: (1 + math.log(n)) * inverse[gram] for gram, n in count.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        places = [(column[gram], weight) for gram, weight in weights.items() if gram in column]
        if places:
            columns, values = zip(*places, strict=True)
            table[row, list(columns)] = np.array(values, np.float32) / length
    return table


def drawn(keys: Sequence[Hashable], most: int = MOST_TEXTS) -> list[int]:
    """Places of at most so many rows in their order, drawn with a fixed seed and equally from each key.

    Args:
        keys: A row's label, or whatever else is to be drawn equally.
        most: How many.

    Example:
        >>> keys = ["a"] * 90 + ["b"] * 10
        >>> chosen = drawn(keys, 20)
        >>> sum(keys[place] == "b" for place in chosen), chosen == sorted(chosen), drawn("ab")
        (10, True, [0, 1])
    """
    if len(keys) <= most:
        return list(range(len(keys)))
    order = random.Random(_SEED).sample(range(len(keys)), len(keys))  # noqa: S311 - no secret
    seen: defaultdict[Any, int] = defaultdict(int)
    turns = []
    for place in order:
        turns.append((seen[keys[place]], place))
        seen[keys[place]] += 1
    turns.sort(key=lambda turn: turn[0])
    return sorted(place for _, place in turns[:most])


def at_least(successes: int, trials: int, chance: float) -> float:
    """How likely so many successes or more are by chance (the upper tail of the binomial distribution).

    Example:
        >>> round(at_least(5, 6, 0.25), 4), at_least(0, 3, 0.5), at_least(3, 3, 1.0)
        (0.0046, 1.0, 1.0)
    """
    if successes <= 0 or chance >= 1:
        return 1.0
    if chance <= 0:
        return 0.0
    terms = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(chance)
        + (trials - k) * math.log1p(-chance)
        for k in range(successes, trials + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))
