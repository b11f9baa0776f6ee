"""Texts as tokens that know their characters: ids, offsets and traits, cut into windows that a trunk can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gts.student.frames import frame
from gts.student.surrogates import replaced

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = NDArray[np.int64]
Place = tuple[int, int]

SHAPES = 10
"""Kinds of look: 0 none, 1 lower case, 2 capitalised, 3 all capitals, 4 one capital, 5 mixed, 6 letters and digits,
7 digits, 8 letters without case, 9 anything else."""
MARKS = 3
"""0 in no given entity, 1 the first token of one, 2 a further token of one."""
TRAITS = SHAPES * MARKS
"""A token's trait is ``shape + SHAPES * mark``."""

_REMEMBERED_CHARS = 32


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text's tokens between the special ones, as a trunk reads it.

    Attributes:
        ids: Token ids [tokens].
        traits: Traits [tokens].
        starts: First character of each token [tokens].
        ends: One past the last; the same as ``starts`` for tokens that stand for no character, such as special ones.
        cut_left: Whether the text has tokens before it.
        cut_right: Whether the text has tokens after it.
    """

    ids: Ints
    traits: Ints
    starts: Ints
    ends: Ints
    cut_left: bool = False
    cut_right: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def tokens_of(self, place: Place) -> Place | None:
        """First and last token of a stretch of characters, widened to whole tokens.

        Returns:
            Both inclusive; None where the window does not hold all of it, or no token stands for it.
        """
        real = self.starts < self.ends
        inside = np.flatnonzero(real & (self.ends > place[0]) & (self.starts < place[1]))
        if not len(inside):
            return None
        first, last = int(inside[0]), int(inside[-1])
        held = np.flatnonzero(real)
        if (self.cut_left and first == held[0] and self.starts[first] > place[0]) or (
            self.cut_right and last == held[-1] and self.ends[last] < place[1]
        ):
            return None
        return first, last

    def cuts(self, place: Place) -> bool:
        """Whether a stretch that :meth:`tokens_of` finds begins or ends inside a token."""
        found = self.tokens_of(place)
        return found is not None and bool(self.starts[found[0]] < place[0] or self.ends[found[1]] > place[1])


class Cutter:
    """Cuts texts into windows; the same for training, torch and the runtime without torch.

    Args:
        tokenizer: Its truncation and padding are switched off.
        length: Most tokens of a window, special ones included.
        overlap: Tokens that neighbouring windows share.
    """

    def __init__(self, tokenizer: Tokenizer, length: int, overlap: int) -> None:
        if tokenizer.truncation is not None:  # one that is fine as it is may be in use by others
            tokenizer.no_truncation()
        if tokenizer.padding is not None:
            tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._before, self._after = frame(tokenizer)
        self._room = max(1, length - len(self._before) - len(self._after))
        self._step = max(1, self._room - overlap)

    def windows(self, text: str, given: Sequence[Place] = ()) -> list[Window]:
        """The windows of a text, from left to right; one at least.

        Args:
            text: The text.
            given: Places of the entities that come with it.
        """
        encoding = self._tokenizer.encode(replaced(text), add_special_tokens=False)
        ids = np.asarray(encoding.ids, np.int64)
        offsets = np.asarray(encoding.offsets, np.int64).reshape(-1, 2)
        starts, ends = _trimmed(text, offsets[:, 0], offsets[:, 1])
        traits = _traits(text, starts, ends, given)
        return [
            self._window(ids, traits, starts, ends, begin, min(len(ids), begin + self._room))
            for begin in _begins(len(ids), self._room, self._step)
        ]

    def _window(self, ids: Ints, traits: Ints, starts: Ints, ends: Ints, begin: int, end: int) -> Window:
        before, after = np.asarray(self._before, np.int64), np.asarray(self._after, np.int64)
        own = np.concatenate([before, ids[begin:end], after])
        none, nothing = np.zeros_like(before), np.zeros_like(after)
        seen, first, last = (
            np.concatenate([none, part[begin:end], nothing]) for part in (traits, starts, ends)
        )
        return Window(own, seen, first, last, cut_left=begin > 0, cut_right=end < len(ids))


def _begins(n: int, room: int, step: int) -> Iterator[int]:
    begin = 0
    while begin + room < n:
        yield begin
        begin += step
    # The last window is full too, so that its tokens see as much of the text as any.
    yield max(0, min(begin, n - room))


def _trimmed(text: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Offsets without white space at either end, as some tokenizers count the blank before a word to it."""
    starts, ends = starts.copy(), ends.copy()
    for token, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        starts[token], ends[token] = start, end
    return starts, ends


def _traits(text: str, starts: Ints, ends: Ints, given: Sequence[Place]) -> Ints:
    marks = np.zeros(len(starts), np.int64)
    for begin, stop in given:
        inside = np.flatnonzero((ends > begin) & (starts < stop) & (starts < ends))
        marks[inside[:1]] = 1
        marks[inside[1:]] = 2
    shapes = [shape(text[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return np.asarray(shapes, np.int64) + SHAPES * marks


def shape(token: str) -> int:
    """What kind of look a token has, see :data:`SHAPES`.

    Example:
        >>> [shape(token) for token in ("", "word", "Word", "WORD", "W", "wOrd", "B2", "22", "字", "!")]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    # An unknown word of any length may be one token: remembered, a few thousand of them would fill the memory.
    return _known_shape(token) if len(token) <= _REMEMBERED_CHARS else _shape(token)


def _shape(token: str) -> int:
    if not token:
        return 0
    letters = [character for character in token if character.isalpha()]
    if any(character.isdigit() for character in token):
        return 6 if letters else 7
    if not letters:
        return 9
    upper = [character.isupper() for character in letters]
    if not any(upper):
        return 1 if any(character.islower() for character in letters) else 8
    if all(upper):
        return 3 if len(upper) > 1 else 4
    return 2 if upper[0] and not any(upper[1:]) else 5


_known_shape = lru_cache(1 << 16)(_shape)
