"""The special tokens that a tokenizer sets around a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids of the special tokens before a text, and of those after it.

    Args:
        tokenizer: A tokenizer that neither cuts nor pads.
    """
    sample = tokenizer.encode("a")
    own = np.flatnonzero(np.asarray(sample.special_tokens_mask) == 0)
    if not len(own):
        return [], []
    return list(sample.ids[: own[0]]), list(sample.ids[own[-1] + 1 :])
