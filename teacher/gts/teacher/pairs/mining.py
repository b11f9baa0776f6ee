"""Pairs made of single unlabelled sentences: likely ones by their nearness, and random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.tasks.dataset import Origin
from gts.tasks.rows import PairRow
from gts.teacher.spreading import nearest

Floats = NDArray[np.float32]

_NEIGHBOURS = 8
_RANDOM_SHARE = 0.3


def mine(
    sentences: Sequence[str], gold_texts: Sequence[str], count: int, seed: int, vectors: Floats
) -> list[PairRow]:
    """Unlabelled pairs that a teacher can learn something about.

    Two random sentences are hardly ever alike, so most pairs are drawn from the nearest neighbours: among them are
    both the alike ones and those that only look it. Random pairs are the easy ones that a student must not get wrong either.
    Neighbours come rank by rank: first every sentence's nearest, then every sentence's second.

    Args:
        sentences: The sentences; one that comes again counts once.
        gold_texts: Texts of labelled pairs. No pair of two of them is made, since it may be a labelled pair.
        count: Pairs wanted; fewer come where there are fewer.
        seed: Seed of the random pairs and of which sentences come first.
        vectors: Unit vectors of the sentences [sentences, d], of an encoder or of their n-grams.

    Returns:
        Pairs of two different sentences in random order, each pair once, whichever text stands first.

    Raises:
        InvalidInput: There are not as many vectors as sentences.

    Example:
        >>> sentences = ["open the door", "open that door", "it rains", "it is raining"]
        >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
        >>> rows = mine(sentences, ["open the door", "open that door"], 6, 0, vectors)
        >>> len(rows), rows[0].score is None
        (5, True)
    """
    if len(vectors) != len(sentences):
        raise InvalidInput(
            f"{len(vectors)} vectors for {len(sentences)} sentences", mend="give a vector for each sentence"
        )
    rng = np.random.default_rng(seed)
    kept = np.asarray(
        sorted({text: i for i, text in reversed(list(enumerate(sentences)))}.values()), np.int64
    )
    if len(kept) < 2 or count < 1:
        return []
    gold = set(gold_texts)
    is_gold = np.array([sentences[i] in gold for i in kept])
    most = len(kept) * (len(kept) - 1) // 2
    wanted, found = min(count, most), dict[tuple[int, int], None]()
    easy = round(_RANDOM_SHARE * wanted)
    sources = ((_neighbours(vectors[kept], rng), wanted - easy), (_random(len(kept), rng), wanted))
    for source, limit in sources:
        for a, b in source:
            if len(found) >= limit:
                break
            if not (is_gold[a] and is_gold[b]):
                found[min(a, b), max(a, b)] = None
    pairs = list(found)
    rows = []
    for i in rng.permutation(len(pairs)):
        a, b = (sentences[kept[side]] for side in pairs[i])
        rows.append(PairRow(a, b, None, Origin.POOL))
    return rows


def _neighbours(vectors: Floats, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Sentences with their nearest, then with their second nearest, and so on."""
    indices, cosines = nearest(vectors, vectors, _NEIGHBOURS, skip_self=True)
    ranked = np.take_along_axis(indices, np.argsort(-cosines, axis=1, kind="stable"), axis=1)
    for column in ranked.T:
        for row in rng.permutation(len(vectors)):
            yield int(row), int(column[row])


def _random(n: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Pairs of different numbers below ``n``; so many that where few pairs remain they are found all the same."""
    for _ in range(20 * n):
        for a, b in rng.integers(0, n, (n, 2)).tolist():
            if a != b:
                yield a, b
