"""ROUGE of summaries, and the two extracts they are held against: the first sentences, and an oracle.

A token is a run of letters, digits and their accents, in lower case, or a single Chinese or Japanese
character; everything else separates. So a text in English has its words, one in Chinese its characters, one
in both has both, and the language need not be known. On ASCII text these are the tokens of the package
``rouge-score`` without stemming, which drops letters beyond ASCII. Full-width and half-width forms count as
the same (NFKC). Other scripts without spaces between words (Thai, Khmer) are not served well: a phrase is one token.

References:
    Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004. ROUGE-L takes the whole summary as one
    sentence.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.sentences import EAST_ASIAN, Bounds

_Gram = TypeVar("_Gram", str, tuple[str, str])
_ASCII_TOKEN = re.compile(r"[a-z0-9]+")


class Rouge(NamedTuple):
    """F1 of single tokens, of pairs of neighbours, and of the longest common subsequence; from 0 to 1."""

    rouge1: float
    rouge2: float
    rougeL: float


@functools.cache
def _token_pattern() -> re.Pattern[str]:
    # Accents and vowel signs are no word characters to `re`, which would cut words of Hindi or Tamil in
    # pieces. Those beyond the basic plane belong to historic scripts, or choose a glyph for the character
    # before them.
    marks = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.category(char)[0] == "M")
    return re.compile(rf"[{EAST_ASIAN}]|(?:[^\W_{EAST_ASIAN}]+[{marks}]*)+")


def tokens(text: str) -> list[str]:
    """The tokens that are compared.

    Example:
        >>> tokens("The café's 2nd floor")
        ['the', 'café', 's', '2nd', 'floor']
        >>> tokens("用BERT做摘要。")
        ['用', 'bert', '做', '摘', '要']
    """
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower())
    return _token_pattern().findall(unicodedata.normalize("NFKC", text).lower())


def rouge(reference: str, summary: str) -> Rouge:
    """The F-measures of a summary; 0 where one of the two has no token (for ``rouge2``: no pair of tokens).

    Example:
        >>> rouge("the cat sat on the mat", "the cat lay on the mat")
        Rouge(rouge1=0.8333333333333334, rouge2=0.6, rougeL=0.8333333333333334)
    """
    wanted, found = tokens(reference), tokens(summary)
    pairs = _hits(Counter(pairwise(wanted)), pairwise(found))
    return Rouge(
        _f1(_hits(Counter(wanted), found), len(wanted), len(found)),
        _f1(pairs, len(wanted) - 1, len(found) - 1),
        _f1(_common_length(wanted, found), len(wanted), len(found)),
    )


def _hits(wanted: Mapping[_Gram, int], found: Iterable[_Gram]) -> int:
    """How many n-grams stand in both; one counts as often as it does."""
    left = dict(wanted)
    hits = 0
    for gram in found:
        if left.get(gram):
            left[gram] -= 1
            hits += 1
    return hits


def _f1(hits: int, wanted: int, found: int) -> float:
    return 2 * hits / (wanted + found) if hits else 0.0


def _common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row of the table at a time in the bits of one integer.

    References:
        Hyyrö, Bit-Parallel LCS-length Computation Revisited, 2004.
    """
    places: dict[str, int] = {}
    for number, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << number
    everything = (1 << len(first)) - 1
    row = everything  # a zero bit stands where the length grows
    for word in second:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(first) - row.bit_count()


def row_scores(references: Sequence[str], summaries: Sequence[str]) -> NDArray[np.float64]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each summary [n, 3].

    Raises:
        InvalidInput: No text, or unequal lengths.
    """
    if len(references) != len(summaries) or not references:
        raise InvalidInput(
            f"{len(references)} references and {len(summaries)} summaries; as many of each, at least one, "
            "were expected",
            mend="give one summary for each test example",
        )
    return np.array([rouge(*pair) for pair in zip(references, summaries, strict=True)], np.float64)


def evaluate(references: Sequence[str], summaries: Sequence[str]) -> dict[str, Any]:
    """All measures of summaries, ready for JSON: means of ``rouge1``, ``rouge2`` and ``rougeL``, and ``n``.

    Raises:
        InvalidInput: No text, or unequal lengths.
    """
    means = row_scores(references, summaries).mean(axis=0)
    return dict(zip(Rouge._fields, map(float, means), strict=True)) | {"n": len(references)}


def extract(text: str, places: Sequence[Bounds], chosen: Iterable[int]) -> str:
    r"""Some sentences of a text in their order, each parted from the next by what follows it in the text.

    So English sentences keep their spaces, Chinese ones stand close, and turns of a dialogue keep their
    lines.

    Args:
        text: The text.
        places: Its sentences, as :func:`gts.tasks.sentences.sentences` gives them.
        chosen: Numbers of the sentences wanted, from 0 on, in any order.

    Example:
        >>> extract("One. Two.\nThree.", [(0, 4), (5, 9), (10, 16)], [2, 0])
        'One. Three.'
    """
    parts: list[str] = []
    for number in sorted(set(chosen)):
        start, end = places[number]
        following = places[number + 1][0] if number + 1 < len(places) else end
        parts += text[start:end], text[end:following]
    return "".join(parts[:-1])


def lead(text: str, places: Sequence[Bounds], most: int) -> str:
    """The first sentences of a text: the summary that any other should beat.

    Example:
        >>> lead("One. Two. Three.", [(0, 4), (5, 9), (10, 16)], 2)
        'One. Two.'
    """
    return extract(text, places, range(min(most, len(places))))


def oracle(text: str, places: Sequence[Bounds], reference: str, most: int) -> tuple[int, ...]:
    """The sentences nearest to a reference summary, found greedily: targets for an extractive student.

    The sentence that raises ROUGE-1 + ROUGE-2 of the extract most is added, the first of equal ones, until
    none raises it or ``most`` are chosen. The extract is read in the order of the text. Greedy search need
    not find the best set.

    Args:
        text: The text.
        places: Its sentences.
        reference: The summary to come near to.
        most: Most sentences.

    Returns:
        Numbers of the chosen sentences, ascending; none where no sentence shares a token with the reference.

    References:
        Nallapati et al., SummaRuNNer, 2017 (section on extractive training).

    Example:
        >>> text, places = "It rained. The cat sat. The dog ran.", [(0, 10), (11, 23), (24, 36)]
        >>> oracle(text, places, "the dog ran and the cat sat", 3)
        (1, 2)
    """
    wanted = tokens(reference)
    words, pairs = Counter(wanted), Counter(pairwise(wanted))
    said = [_Said.of(tokens(text[start:end]), words, pairs) for start, end in places]
    left = [number for number, sentence in enumerate(said) if sentence.words]
    chosen: list[int] = []
    reached = 0.0
    while left and len(chosen) < most:
        values = [_nearness(words, pairs, [said[one] for one in sorted((*chosen, more))]) for more in left]
        best = max(values)
        if best <= reached:
            break
        reached = best
        chosen.append(left.pop(values.index(best)))
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class _Said:
    """What of a sentence matters to a reference: n-grams that it has too, the ends, the number of tokens."""

    words: list[str]
    pairs: list[tuple[str, str]]
    first: str
    last: str
    length: int

    @classmethod
    def of(
        cls, found: Sequence[str], words: Mapping[str, int], pairs: Mapping[tuple[str, str], int]
    ) -> _Said:
        return cls(
            [word for word in found if word in words],
            [pair for pair in pairwise(found) if pair in pairs],
            found[0] if found else "",
            found[-1] if found else "",
            len(found),
        )


def _nearness(
    words: Mapping[str, int], pairs: Mapping[tuple[str, str], int], extract: Sequence[_Said]
) -> float:
    """ROUGE-1 + ROUGE-2 of an extract, as :func:`rouge` would find them."""
    wanted, found = sum(words.values()), sum(sentence.length for sentence in extract)
    said = chain.from_iterable(sentence.words for sentence in extract)
    inner = chain.from_iterable(sentence.pairs for sentence in extract)
    joints = ((one.last, other.first) for one, other in pairwise(extract))
    hits, pair_hits = _hits(words, said), _hits(pairs, chain(inner, joints))
    return _f1(hits, wanted, found) + _f1(pair_hits, wanted - 1, found - 1)
