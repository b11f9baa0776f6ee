"""Chance that can be repeated: whatever a generator draws, it draws from here."""

from __future__ import annotations

import random


def seeded(seed: int | str) -> random.Random:
    """A source of chance; equal seeds give equal draws. Nothing drawn from it is a secret.

    Example:
        >>> seeded(1).random() == seeded(1).random()
        True
    """
    return random.Random(seed)  # noqa: S311 - the rule is about secrets; these draws are to be repeated
