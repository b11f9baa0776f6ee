"""Which tokens of a text belong to which of its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.surrogates import replaced
from gts.tasks.sentences import Bounds

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = NDArray[np.int64]


def read(tokenizer: Tokenizer, text: str) -> tuple[Ints, Ints]:
    """Ids [tokens] and offsets [tokens, 2], without special tokens; half surrogates count as U+FFFD."""
    encoding = tokenizer.encode(replaced(text), add_special_tokens=False)
    return np.array(encoding.ids, np.int64), np.array(encoding.offsets, np.int64).reshape(-1, 2)


def token_ranges(offsets: Ints, places: Sequence[Bounds]) -> Ints:
    """First token of each piece and the one after its last [pieces, 2]; equal where a piece has no token.

    Example:
        >>> token_ranges(np.array([[0, 3], [4, 7], [7, 8]]), [(0, 3), (4, 8)]).tolist()
        [[0, 1], [1, 3]]
    """
    bounds = np.array(places, np.int64).reshape(-1, 2)
    first = np.searchsorted(offsets[:, 1], bounds[:, 0], side="right")
    stop = np.searchsorted(offsets[:, 0], bounds[:, 1], side="left")
    return np.stack([first, np.maximum(first, stop)], axis=1)


def sums(values: NDArray[Any], ranges: Ints) -> NDArray[np.float64]:
    """Sums of the values [tokens, d] of each range [pieces, d]."""
    totals = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=totals[1:])
    found: NDArray[np.float64] = totals[ranges[:, 1]] - totals[ranges[:, 0]]
    return found


def means(values: NDArray[Any], ranges: Ints) -> NDArray[np.float64]:
    """Means of the values [tokens, d] of each range [pieces, d]; zeros where it is empty."""
    lengths = np.maximum(1, ranges[:, 1] - ranges[:, 0])
    return np.asarray(sums(values, ranges) / lengths[:, None], np.float64)


def starts(ranges: Ints, most: int) -> Ints:
    """The first tokens of each range, ``most`` at most [pieces, 2]."""
    return np.stack([ranges[:, 0], np.minimum(ranges[:, 1], ranges[:, 0] + most)], axis=1)


def ends(ranges: Ints, most: int) -> Ints:
    """The last tokens of each range, ``most`` at most [pieces, 2]."""
    return np.stack([np.maximum(ranges[:, 0], ranges[:, 1] - most), ranges[:, 1]], axis=1)
