"""Long texts for a transformer: token ids in windows of equal length, each between the special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens before a text, and those after it."""
    encoding = tokenizer.encode("a")
    special = encoding.special_tokens_mask
    first = special.index(0) if 0 in special else 0
    last = len(special) - special[::-1].index(0) if 0 in special else 0
    return encoding.ids[:first], encoding.ids[last:]


def windows(ids: Sequence[int], most: int) -> list[Sequence[int]]:
    """Consecutive parts of at most ``most`` tokens, as few and as alike in length as can be; at least one.

    Example:
        >>> windows([1, 2, 3, 4, 5], 4)
        [[1, 2, 3], [4, 5]]
        >>> windows([], 4)
        [[]]
    """
    number = max(1, -(-len(ids) // most))
    length = max(1, -(-len(ids) // number))
    return [ids[start : start + length] for start in range(0, max(1, len(ids)), length)]
