"""Where in a text the mentions stand that a language model named by their words alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.structures import Span

_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
        **dict.fromkeys("“”„‟″«»「」『』〝〞＂", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_JOINER = "\u200d"  # holds emoji sequences together
# Korean sets particles behind a name without a space.
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF))


@dataclass(frozen=True, slots=True)
class Mention:
    """A part of a text, as somebody named it.

    Attributes:
        text: Its words.
        type: Its type; empty where there is none.
    """

    text: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """Where mentions stand.

    Attributes:
        spans: Place of each mention, with its type; ``None`` where it has none.
        hallucinated: Mentions that stand nowhere in the text.
        surplus: Mentions that stand in it less often than they were named.
    """

    spans: tuple[Span | None, ...]
    hallucinated: int
    surplus: int


def locate(text: str, mentions: Sequence[Mention]) -> Located:
    """Places for mentions named in the order in which they stand.

    A mention that is named again goes to the next place of its words. Spans of one type never overlap; longer mentions choose
    first, so that "Bank of China" is found whatever becomes of "China".

    Args:
        text: The text.
        mentions: The mentions.

    Example:
        >>> named = [Mention("Ada", "name"), Mention("babbage", "name"), Mention("Ada", "name"), Mention("Bob", "name")]
        >>> found = locate("Ada met Babbage; Ada wrote.", named)
        >>> [span and span.start for span in found.spans], found.hallucinated
        ([0, 8, 17, None], 1)
    """
    places = Places(text)
    found = {words: places.of(words) for words in {mention.text for mention in mentions}}
    # What was not free for one mention is free for no later one.
    waiting = {mention: iter(found[mention.text]) for mention in mentions}
    taken: dict[str, bytearray] = {}
    spans: list[Span | None] = [None] * len(mentions)
    for i in sorted(range(len(mentions)), key=lambda i: -len(folded(mentions[i].text))):
        mention = mentions[i]
        covered = taken.setdefault(mention.type, bytearray(len(text)))
        place = next((place for place in waiting[mention] if not any(covered[place.start : place.end])), None)
        if place is not None:
            covered[place.start : place.end] = b"\1" * (place.end - place.start)
            spans[i] = Span(place.start, place.end, mention.type)
    lost = [mention for mention, span in zip(mentions, spans, strict=True) if span is None]
    hallucinated = sum(not found[mention.text] for mention in lost)
    return Located(tuple(spans), hallucinated, len(lost) - hallucinated)


def nearest(places: Iterable[Span], other: Span) -> Span | None:
    """The place with the fewest characters between it and another; of equally near ones the first.

    Example:
        >>> nearest([Span(0, 2), Span(9, 11)], Span(6, 8))
        Span(start=9, end=11, type='')
    """
    return min(places, key=lambda place: (gap(place, other), place), default=None)


def gap(one: Span, other: Span) -> int:
    """Characters between two places; negative where they overlap."""
    return max(one.start, other.start) - min(one.end, other.end)


@lru_cache(maxsize=16384)
def folded(text: str) -> str:
    """What two mentions have in common that count as the same: case, width, quotes and white space do not matter.

    Example:
        >>> folded("U.S .") == folded("u.s."), folded("New  York") == folded("NewYork")
        (True, False)
    """
    return Places(text).folded


class Places:
    """Finds words in one text.

    Args:
        text: The text.

    Attributes:
        folded: The text as it is compared.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        pieces: list[str] = []
        self._origins: list[int] = []  # where each character of the folded text comes from
        self._first: list[bool] = []  # whether it is the first that its origin became
        space: int | None = None
        is_after_word = False
        for i, char in enumerate(text):
            if char.isspace():
                space = i if space is None else space
                continue
            piece = _folded(char)
            if not piece:
                continue
            # Between words white space matters; beside signs, as in "U.S ." and "$ 5", it is set in many ways.
            if space is not None and is_after_word and _is_spaced(piece[0]):
                self._add(" ", space, pieces)
            space = None
            self._add(piece, i, pieces)
            if not _is_attached(char):
                is_after_word = _is_spaced(piece[0])
        self.folded = "".join(pieces)

    def _add(self, piece: str, origin: int, pieces: list[str]) -> None:
        pieces.append(piece)
        self._origins += [origin] * len(piece)
        self._first += [True] + [False] * (len(piece) - 1)

    def of(self, words: str) -> list[Span]:
        """All places of some words: first those that are written alike, then those that differ in case, width, or white space.

        Alphabetic words are found as whole words only: no "art" in "party".
        """
        words, wanted = words.strip(), folded(words)
        if not wanted:
            return []
        exact = (Span(at, at + len(words)) for at in _all(self._text, words))
        alike = (self._span(at, at + len(wanted)) for at in _all(self.folded, wanted))
        return [place for place in dict.fromkeys((*exact, *alike)) if place and self._is_whole(place)]

    def _span(self, start: int, end: int) -> Span | None:
        """The part of the raw text that became a part of the folded one; ``None`` where a character would be cut."""
        is_cut = not self._first[start] or (end < len(self._first) and not self._first[end])
        if is_cut:
            return None
        stop = self._origins[end - 1] + 1
        while stop < len(self._text) and _is_selector(self._text[stop]):
            stop += 1
        return Span(self._origins[start], stop)

    def _is_whole(self, place: Span) -> bool:
        text, start, end = self._text, place.start, place.end
        after = text[end] if end < len(text) else ""
        if _is_attached(text[start]) or _is_attached(after) or text[max(start - 1, 0)] == _JOINER:
            return False
        before = _base(text, start - 1)
        last = _base(text, end - 1)
        begins_inside = _is_spaced(before) and _is_spaced(text[start])
        return not begins_inside and not (_is_spaced(last) and _is_spaced(after))


def _all(text: str, part: str) -> Iterable[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _base(text: str, at: int) -> str:
    """The character at a place, or the one whose marks stand there; empty before the text."""
    while at > 0 and _is_attached(text[at]):
        at -= 1
    return text[at] if at >= 0 else ""


@lru_cache(maxsize=65536)
def _folded(char: str) -> str:
    if unicodedata.category(char) == "Cf" or _is_selector(char):
        return ""
    decomposed = unicodedata.normalize("NFKD", char.translate(_SAME)).casefold()
    return unicodedata.normalize("NFKD", decomposed).translate(_SAME).replace(" ", "")


@lru_cache(maxsize=65536)
def _is_attached(char: str) -> bool:
    """Whether a character is part of the one before it."""
    if not char:
        return False
    return unicodedata.category(char)[0] == "M" or char == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_selector(char: str) -> bool:
    """Whether a character only chooses how the one before it is drawn."""
    return "\ufe00" <= char <= "\ufe0f"


@lru_cache(maxsize=65536)
def _is_spaced(char: str) -> bool:
    """Whether a character belongs to words between which spaces are written."""
    if not char.isalnum() or is_of_unspaced_script(char):
        return False
    return not any(low <= ord(char) <= high for low, high in _HANGUL)
