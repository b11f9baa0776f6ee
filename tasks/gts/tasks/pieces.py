"""The pieces of a text of which an extract can be made: lines (the turns of a dialogue), sentences, clauses.

A clause is what stands between two commas, semicolons or dashes of a sentence: short enough to be a title,
which a whole sentence seldom is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gts.tasks.sentences import Bounds, sentences

Unit = Literal["line", "sentence", "clause"]

UNITS: tuple[Unit, ...] = get_args(Unit)
"""From the longest to the shortest."""

# A comma or hyphen inside a number or word ("1,000", "well-known") parts nothing.
_PAUSE = re.compile(r"[，；]+|(?<![,;])[,;]+(?=\s)|(?<=[^\x00-\x7f])[,;]+(?!\d)|[—–]+|\s-+\s")
_CONTENT = re.compile(r"\w")


@dataclass(frozen=True)
class Cut:
    """A text cut into pieces.

    Attributes:
        text: The text.
        places: Start and end of every piece of every kind, each once, by start and then by end.
        units: By kind the numbers of its pieces in ``places``, in order; those of one kind never overlap.
        sentences: How many sentences each piece has; a clause counts as one.
    """

    text: str
    places: tuple[Bounds, ...]
    units: Mapping[Unit, tuple[int, ...]]
    sentences: tuple[int, ...]

    def piece(self, number: int) -> str:
        """The words of a piece."""
        start, end = self.places[number]
        return self.text[start:end]


def cut(text: str) -> Cut:
    """Cut a text; one without any letter or digit is a piece all the same, an empty one has none.

    Example:
        >>> found = cut("本文研究草坪，分析原因。结果很好。")
        >>> [found.piece(number) for number in found.units["clause"]]
        ['本文研究草坪', '分析原因。', '结果很好。']
        >>> [found.piece(number) for number in found.units["sentence"]]
        ['本文研究草坪，分析原因。', '结果很好。']
        >>> len(found.places), found.sentences
        (5, (1, 1, 2, 1, 1))
    """
    whole = sentences(text)
    kinds: dict[Unit, list[Bounds]] = {
        "line": sentences(text, turns=True),
        "sentence": whole,
        "clause": [clause for start, end in whole for clause in _clauses(text, start, end)] or whole,
    }
    places = tuple(sorted({place for kind in kinds.values() for place in kind}))
    number = {place: i for i, place in enumerate(places)}
    units: dict[Unit, tuple[int, ...]] = {
        unit: tuple(number[place] for place in kind) for unit, kind in kinds.items()
    }
    counts = [1] * len(places)
    sentence = 0
    for i in units["line"]:
        first = sentence
        while sentence < len(whole) and whole[sentence][1] <= places[i][1]:
            sentence += 1
        counts[i] = max(1, sentence - first)
    return Cut(text, places, units, tuple(counts))


def _clauses(text: str, start: int, end: int) -> Iterator[Bounds]:
    searched = start  # nothing is said between here and where the clause begins
    for found in _PAUSE.finditer(text, start, end):
        is_said = _CONTENT.search(text, searched, found.start())
        searched = found.end()
        # Marks before anything is said belong to what follows.
        if is_said:
            yield _bare(text, start, found.start())
            start = found.end()
    if _CONTENT.search(text, searched, end):
        yield _bare(text, start, end)


def _bare(text: str, start: int, end: int) -> Bounds:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
