"""Texts as sets of overlapping pieces, for telling copies (Broder 1997, "On the resemblance and containment of documents")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gts.generator.tokens import content, is_unspaced, tokenize

_WORDS = 3
_CHARACTERS = 5


def shingles(text: str) -> frozenset[str]:
    """Pieces of three words, or of five characters in scripts written without spaces; case, spacing and signs do not count.

    A text shorter than one piece is one piece as a whole; a text of signs alone is taken with its signs.

    Example:
        >>> sorted(shingles("The cat, the cat sat."))
        ['cat the cat', 'the cat sat', 'the cat the']
    """
    tokens = tokenize(text)
    words = [content(token) for token in tokens]
    words = [word for word in words if any(char.isalnum() for char in word)] or words
    parts, size, glue = ("".join(words), _CHARACTERS, "") if is_unspaced(tokens) else (words, _WORDS, " ")
    if not parts:
        return frozenset()
    return frozenset(glue.join(parts[i : i + size]) for i in range(max(len(parts) - size + 1, 1)))


@dataclass(frozen=True, slots=True)
class Overlap:
    """The source that shares most with a text.

    Attributes:
        source: Place of the source among those given.
        share: Share of the text's pieces that stand in the source.
        share_of_source: Share of the source's pieces that stand in the text.
    """

    source: int
    share: float
    share_of_source: float


def best_overlaps(
    texts: Sequence[frozenset[str]], sources: Iterable[str]
) -> tuple[list[Overlap], list[Overlap]]:
    """For each text the source that holds most of it, and the source most of which it holds.

    Only the texts' pieces are held in memory: the sources may be many.

    Returns:
        Two lists, one entry per text; share 0 where nothing is shared.
    """
    holders: dict[str, list[int]] = {}
    for i, pieces in enumerate(texts):
        for piece in pieces:
            holders.setdefault(piece, []).append(i)
    by_text = [Overlap(-1, 0.0, 0.0)] * len(texts)
    by_source = list(by_text)
    for j, source in enumerate(sources):
        pieces = shingles(source)
        shared = Counter(i for piece in pieces for i in holders.get(piece, ()))
        for i, count in shared.items():
            overlap = Overlap(j, count / len(texts[i]), count / len(pieces))
            if overlap.share > by_text[i].share:
                by_text[i] = overlap
            if overlap.share_of_source > by_source[i].share_of_source:
                by_source[i] = overlap
    return by_text, by_source
