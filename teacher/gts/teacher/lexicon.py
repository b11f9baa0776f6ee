"""The lexicon teacher: words that gold rows mark, found again in other texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from gts.tasks.items import ENTITY, TRIGGER, Item, Place, items_of
from gts.tasks.rows import MarkedRow
from gts.tasks.scripts import is_of_unspaced_script

_PRIOR, _STRENGTH = 0.8, 1.0
"""What is believed of words before they are counted, and for how many occurrences that counts."""
_LEAST = 0.05


class Lexicon:
    """Words and what they were marked as: entities and triggers.

    The belief in a type is the share of the words' occurrences in gold rows that are marked so, smoothed. Words are
    found whole: not inside a longer word of a script with spaces, and not inside longer marked words.

    Args:
        rows: Gold rows.

    Example:
        >>> from gts.tasks.structures import Span, Structure
        >>> lexicon = Lexicon([MarkedRow("Ada met Bob.", Structure((Span(0, 3, "name"),)))])
        >>> lexicon.find("Then Ada slept, and Adam did not.")
        {Item(kind='entity', type='name', place=(5, 8), role='', other=None): 0.9}
    """

    def __init__(self, rows: Sequence[MarkedRow]) -> None:
        self._marked: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for row in rows:
            for item in items_of(row.found) if row.found else ():
                if item.kind in (ENTITY, TRIGGER):
                    self._marked[row.text[slice(*item.place)]][item.kind, item.type] += 1
        self._lengths: dict[str, list[int]] = {}
        for words in self._marked:
            self._lengths.setdefault(words[0], []).append(len(words))
        for first, lengths in self._lengths.items():
            self._lengths[first] = sorted(set(lengths), reverse=True)
        self._seen = Counter(row.text[slice(*place)] for row in rows for place in self._places(row.text))
        for words, marked in self._marked.items():
            # Marked words inside longer ones, or cut out of a word, are not found by looking.
            self._seen[words] = max(self._seen[words], *marked.values())

    def find(self, text: str) -> dict[Item, float]:
        """What the words of a text were marked as elsewhere."""
        found = {}
        for place in self._places(text):
            words = text[slice(*place)]
            for (kind, name), count in self._marked[words].items():
                belief = (count + _PRIOR * _STRENGTH) / (self._seen[words] + _STRENGTH)
                if belief >= _LEAST:
                    found[Item(kind, name, place)] = round(belief, 4)
        return found

    def _places(self, text: str) -> Iterator[Place]:
        """Where known words stand, from left to right, the longest first and none inside another."""
        at = 0
        while at < len(text):
            end = self._end(text, at)
            if end is None:
                at += 1
            else:
                yield at, end
                at = end

    def _end(self, text: str, start: int) -> int | None:
        lengths = self._lengths.get(text[start])
        if lengths is None or _is_inside_word(text, start):
            return None
        for length in lengths:
            end = start + length
            if end <= len(text) and text[start:end] in self._marked and not _is_inside_word(text, end):
                return end
        return None


def _is_inside_word(text: str, at: int) -> bool:
    """Whether a word of a script with spaces goes on across a place."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if is_of_unspaced_script(before) or is_of_unspaced_script(after):
        return False
    return before.isalnum() and after.isalnum()
