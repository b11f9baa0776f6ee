"""What the user's texts are about: words and pairs of words that tell them apart, in any language."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from gts.generator.tokens import content, is_unspaced, tokenize

# A word in more of the texts than this says little about any of them.
_MAX_SHARE = 0.1
_MIN_LETTERS = 4
# The beginning of a long text says what it is about.
_MAX_CHARACTERS = 1000


def find_topics(texts: Sequence[str], about: Sequence[str], against: Sequence[str], limit: int) -> list[str]:
    """Words and pairs of words that are common in some texts and rare in all, best first.

    Ranked by TF-IDF summed over the texts, each text counting once; of pairs those first whose parts are always together.

    Args:
        texts: All texts of the user, those of the other arguments included.
        about: Those whose topics are wanted.
        against: Texts that are about something else; what stands in them alone is no topic.
        limit: Most topics.

    Example:
        >>> texts = ["the broken lamp again", "a broken lamp", "my blue shirt", "where is the parcel"]
        >>> find_topics(texts, texts, ["where is the parcel"], 3)
        ['broken', 'broken lamp', 'lamp']
    """
    all_counts: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for text in texts:
        all_counts.update(_phrases(text))
    for text in about:
        counts.update(_phrases(text))
    elsewhere = {phrase for text in against for phrase in _phrases(text)}
    most = max(2.0, _MAX_SHARE * len(texts))
    ranked = sorted(
        (-count * _cohesion(phrase, all_counts) * math.log((1 + len(texts)) / all_counts[phrase]), phrase)
        for phrase, count in counts.items()
        if phrase not in elsewhere
        and all_counts[phrase] <= most
        and len(phrase) > 1
        # Seen once, a pair is chance.
        and (count > 1 or len(_parts(phrase)) == 1)
    )
    return [phrase for _, phrase in ranked[:limit]]


def _cohesion(phrase: str, counts: Counter[str]) -> float:
    """How firmly the parts of a pair belong together (Dice's coefficient), 1 for a word."""
    parts = _parts(phrase)
    return len(parts) * counts[phrase] / sum(counts[part] for part in parts)


def _parts(phrase: str) -> list[str]:
    return list(phrase) if is_unspaced(list(phrase)) else phrase.split(" ")


def _phrases(text: str) -> set[str]:
    tokens = [content(token) for token in tokenize(text[:_MAX_CHARACTERS])]
    unspaced = [is_unspaced([token]) for token in tokens]
    found = set()
    for token, is_character in zip(tokens, unspaced, strict=True):
        if is_character or _speaks(token):
            found.add(token)
    for (first, is_first), (second, is_second) in pairwise(zip(tokens, unspaced, strict=True)):
        if is_first and is_second and len(first) == len(second) == 1:
            found.add(first + second)
        elif not is_first and not is_second and _speaks(first) and _speaks(second):
            found.add(f"{first} {second}")
    return found


def _speaks(word: str) -> bool:
    return len(word) >= _MIN_LETTERS and any(char.isalpha() for char in word) and "@" not in word
