"""Joining the beginning of one text to the end of another where both share what stands before the seam.

A text's template is its words with every marked part as one slot, named by what it is. Two texts can be joined where the last
slots and words of both are the same and no relation, event or marked part lies on both sides.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gts.generator.carrying import Place, inside, moved
from gts.generator.marked import Gold
from gts.generator.mentions import Uses, uses_of
from gts.generator.tokens import content, is_closed, tokenize
from gts.tasks.structures import Structure

# Words and slots that two texts should share before a seam, then what small data must make do with.
_CONTEXTS = (4, 3, 2)
# So many texts to change over to are tried at one cut; a common context has thousands.
_MAX_TRIED = 16

_Unit = str | Uses


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where a text may be cut, and the template before it."""

    at: int
    before: tuple[_Unit, ...]


class Templates:
    """Finds the texts that can be joined.

    Args:
        gold: The user's texts.
    """

    def __init__(self, gold: Sequence[Gold]) -> None:
        self._gold = gold
        self._cuts = [list(_cuts(text, structure)) for text, structure in gold]
        self._seams: dict[tuple[_Unit, ...], list[tuple[int, int]]] = defaultdict(list)
        for i, cuts in enumerate(self._cuts):
            for cut in cuts:
                for length in _CONTEXTS:
                    if len(cut.before) >= length:
                        self._seams[cut.before[-length:]].append((i, cut.at))

    def joined(self, first: int, rng: random.Random) -> Iterator[tuple[str, Structure, int]]:
        """Ways to go from the beginning of a text to the end of another, those that share most before the seam first.

        Args:
            first: Index of the text that begins.
            rng: Source of chance.

        Yields:
            The new text, what is found in it, and the index of the other text.
        """
        text, structure = self._gold[first]
        cuts = rng.sample(self._cuts[first], len(self._cuts[first]))
        for length in _CONTEXTS:
            for cut in cuts:
                # What is before the seam should be more than what both share.
                if len(cut.before) <= length or (begin := inside(structure, 0, cut.at)) is None:
                    continue
                seams = self._seams[cut.before[-length:]]
                for second, at in rng.sample(seams, min(len(seams), _MAX_TRIED)):
                    made = None if second == first else self._end(text[: cut.at], begin, second, at)
                    if made is not None and made[0] != text:
                        yield *made, second

    def _end(self, text: str, begin: Structure, second: int, at: int) -> tuple[str, Structure] | None:
        other, structure = self._gold[second]
        end = inside(structure, at, len(other))
        if end is None:
            return None
        joined = text + other[at:]
        if joined == other or (not is_closed(joined) and is_closed(other)):
            return None
        end = moved(end, lambda place: place + len(text))
        return joined, Structure(
            begin.entities + end.entities, begin.relations + end.relations, begin.events + end.events
        ).ordered()


def _cuts(text: str, structure: Structure) -> Iterator[_Cut]:
    uses = uses_of(structure)
    at = len(text) - len(text.lstrip())
    before: list[_Unit] = []
    slot: Place | None = None
    for token in tokenize(text):
        if before and not any(start < at < end for start, end in uses):
            yield _Cut(at, tuple(before[-max(_CONTEXTS) - 1 :]))
        first = at + len(token) - len(token.lstrip())
        around = [place for place in uses if place[0] <= first < place[1]]
        outer = min(around, key=lambda place: (place[0], -place[1]), default=None)
        if outer is None:
            before.append(content(token))
        elif outer != slot:
            before.append(uses[outer])
        slot = outer
        at += len(token)
