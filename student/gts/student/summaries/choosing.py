"""Choosing the pieces that make an extract, by their scores and by how long it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gts.tasks.pieces import UNITS, Cut, Unit
from gts.tasks.rouge import extract, tokens
from gts.tasks.spec import SummaryLength

REDUNDANCY = 0.1
"""Score that a piece loses if all its words are in a piece that is chosen already."""


@dataclass(frozen=True)
class Choice:
    """How scores become an extract.

    Attributes:
        unit: Of which kind its pieces are.
        sentences: Most sentences it has; a clause counts as one.
        characters: Most characters its pieces have together.
        lead: Whether the first pieces are taken, whatever their scores: where no student has learnt more.
    """

    unit: Unit = "sentence"
    sentences: int = 1
    characters: int = 100_000
    lead: bool = False

    def to_json(self) -> dict[str, float]:
        """The choice as the numbers that ``gts.json`` holds."""
        return {
            "unit": float(UNITS.index(self.unit)),
            "sentences": float(self.sentences),
            "characters": float(self.characters),
            "lead": float(self.lead),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, float]) -> Choice:
        """What :meth:`to_json` gave."""
        unit = UNITS[int(value["unit"])]
        return cls(unit, int(value["sentences"]), int(value["characters"]), bool(value["lead"]))

    def within(self, length: SummaryLength) -> Choice:
        """The same with other limits; what ``length`` leaves open stays."""
        return Choice(
            self.unit, length.sentences or self.sentences, length.characters or self.characters, self.lead
        )


def choose(cut: Cut, scores: Sequence[float], choice: Choice) -> tuple[int, ...]:
    """Numbers of the pieces of the extract, in the order of the text; at least one where the text has any.

    The piece with the highest score, less what it repeats, is added until nothing fits any more (Carbonell
    and Goldstein, The Use of MMR, 1998). Where no piece of the wished kind fits, the best one that does of
    any kind is the extract; where none does at all, the shortest.

    Args:
        cut: The text, cut.
        scores: One for each of its pieces.
        choice: How to choose.

    Example:
        >>> from gts.tasks.pieces import cut
        >>> found = cut("It rained. The cat sat, and ate.")
        >>> found.units["sentence"], found.units["clause"]
        ((0, 3), (0, 2, 4))
        >>> choose(found, [0.1, 0.0, 0.7, 0.6, 0.4], Choice())
        (3,)
        >>> choose(found, [0.1, 0.0, 0.7, 0.6, 0.4], Choice("clause", 2))
        (2, 4)
    """
    lengths = [end - start for start, end in cut.places]
    fit = [i for i in cut.units[choice.unit] if _fits(lengths[i], cut.sentences[i], choice)]
    if not fit:
        shorter = [i for i, length in enumerate(lengths) if _fits(length, cut.sentences[i], choice)]
        if shorter:
            return (shorter[0] if choice.lead else max(shorter, key=lambda i: (scores[i], -i)),)
        return (min(range(len(lengths)), key=lambda i: (lengths[i], i)),) if lengths else ()
    if choice.lead:
        return _first(cut, fit, lengths, choice)
    return _best(cut, fit, lengths, scores, choice)


def summary(cut: Cut, chosen: Sequence[int]) -> str:
    """The chosen pieces as one text.

    Pieces of one kind keep what parts them in the text.
    """
    for unit in UNITS:
        numbers = cut.units[unit]
        if set(chosen) <= set(numbers):
            places = [cut.places[i] for i in numbers]
            return extract(cut.text, places, [numbers.index(i) for i in chosen])
    raise ValueError("pieces of several kinds may overlap, and make no extract")


def _fits(characters: int, sentences: int, choice: Choice) -> bool:
    return characters <= choice.characters and sentences <= choice.sentences


def _first(cut: Cut, fit: Sequence[int], lengths: Sequence[int], choice: Choice) -> tuple[int, ...]:
    chosen: list[int] = []
    characters = sentences = 0
    for i in fit:
        characters, sentences = characters + lengths[i], sentences + cut.sentences[i]
        if not _fits(characters, sentences, choice):
            break
        chosen.append(i)
    return tuple(chosen)


def _best(
    cut: Cut, fit: list[int], lengths: Sequence[int], scores: Sequence[float], choice: Choice
) -> tuple[int, ...]:
    chosen: list[int] = []
    values = {i: scores[i] for i in fit}
    repeated = dict.fromkeys(fit, 0.0)
    words: dict[int, set[str]] = {}
    characters = sentences = 0
    left = fit
    while left:
        best = max(left, key=lambda i: (values[i] - REDUNDANCY * repeated[i], -i))
        chosen.append(best)
        characters, sentences = characters + lengths[best], sentences + cut.sentences[best]
        # What no longer fits never will again.
        left = [
            i
            for i in left
            if i != best and _fits(characters + lengths[i], sentences + cut.sentences[i], choice)
        ]
        if sentences < choice.sentences:
            words = words or {i: set(tokens(cut.piece(i))) for i in fit}
            for i in left:
                shared = len(words[i] & words[best]) / max(1, len(words[i]))
                repeated[i] = max(repeated[i], shared)
    return tuple(sorted(chosen))
