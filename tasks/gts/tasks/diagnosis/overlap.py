"""Labels that their examples do not tell apart: a test on nearest neighbours that small samples do not mislead.

Two labels overlap where

1. their texts have their nearest neighbour (another text than themselves) among the texts of the two more often than
   chance would have it, and half of them at least, so that the words do tell these two from the other labels (binomial,
   at 1% shared by all pairs of labels), and
2. of the two labels the nearest text is under the other one more often than one time in four, the rate at which
   neighbours still tell labels apart well (binomial, at 1%), about as often as not, and from both sides.

The first hardly ever holds of random texts, and cannot hold where there are two labels only: nearest neighbours by
words do not tell labels that overlap from labels, such as those of sentiment, that words on the surface do not show.
With fewer than three examples a label nothing is ever said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.tasks.diagnosis.likeness import Floats, Likeness, at_least

Ints = NDArray[np.int64]

_ALPHA = 0.01
_APART = 0.25
"""Share of texts that may be nearer to another label while the two are still told apart."""
_LEAST_SHARE = 0.45
_LEAST_NEAR = 0.5
_LEAST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two labels whose examples are each other's nearest.

    Attributes:
        labels: The two.
        crossing: Texts that are nearer to one of the other label than to any of their own, each with that one, as
            places; the likest first.
        crosses: How many such texts there are.
        texts: How many texts the two have.
    """

    labels: tuple[str, str]
    crossing: tuple[tuple[int, int], ...]
    crosses: int
    texts: int


def overlapping(likeness: Likeness, labels: Sequence[str]) -> list[Overlap]:
    """The pairs of labels that overlap, those with most evidence first.

    Args:
        likeness: The texts.
        labels: The label of each.

    Example:
        >>> texts = [f"{word} {end}" for word in ("send my refund", "lost my parcel") for end in ("now", "again", "!")]
        >>> overlapping(Likeness(tuple(texts)), ["a"] * 3 + ["b"] * 3)
        []
    """
    names = sorted(set(labels))
    if len(names) < 3:
        return []
    own = np.array([names.index(label) for label in labels], np.int64)
    nearest = _nearest_of_labels(likeness.table, own, len(names))
    best = nearest.argmax(axis=1)
    rows = np.arange(len(own))
    candidates = {
        (min(a, b), max(a, b))
        for a, b, near in zip(own.tolist(), best.tolist(), nearest[rows, best], strict=True)
        if a != b and near > 0
    }
    number = len(names) * (len(names) - 1) / 2
    found = []
    for a, b in sorted(candidates):
        members = np.flatnonzero((own == a) | (own == b))
        is_b = own[members] == b
        to_a, to_b = nearest[members, a], nearest[members, b]
        crosses = np.where(is_b, to_a > to_b, to_b > to_a)
        doubt = at_least(int(crosses.sum()), len(members), _APART)
        both_ways = crosses[is_b].any() and crosses[~is_b].any()
        is_little = min(is_b.sum(), (~is_b).sum()) < _LEAST_EXAMPLES
        if is_little or not both_ways or doubt > _ALPHA or crosses.mean() < _LEAST_SHARE:
            continue
        rest = np.delete(nearest[members], [a, b], axis=1).max(axis=1, initial=0.0)
        inside = members[np.maximum(to_a, to_b) > rest]
        # Two texts that are nearest to each other are one piece of evidence, not two.
        links = {frozenset((int(i), int(likeness.table[i].argmax()))) for i in inside}
        trials = len(members) - len(inside) + len(links)
        chance = (len(members) - 1) / max(1, len(own) - 1)
        is_near = len(inside) >= _LEAST_NEAR * len(members)
        if is_near and at_least(len(links), trials, chance) <= _ALPHA / number:
            pairs = _pairs(likeness.table, members[crosses], own, (a, b))
            found.append((doubt, Overlap((names[a], names[b]), pairs, int(crosses.sum()), len(members))))
    return [overlap for _, overlap in sorted(found, key=lambda item: (item[0], item[1].labels))]


def _nearest_of_labels(table: Floats, own: Ints, number: int) -> Floats:
    """How near the nearest text of each label is to each text [texts, labels]; no text is near to itself."""
    return np.stack([table[:, own == label].max(axis=1) for label in range(number)], axis=1)


def _pairs(
    table: Floats,
    crossing: Ints,
    own: Ints,
    labels: tuple[int, int],
) -> tuple[tuple[int, int], ...]:
    found = {}
    for place in crossing.tolist():
        others = np.flatnonzero(own == (labels[0] if own[place] == labels[1] else labels[1]))
        other = int(others[table[place, others].argmax()])
        found[(min(place, other), max(place, other))] = float(table[place, other])
    return tuple(sorted(found, key=lambda pair: (-found[pair], pair)))
