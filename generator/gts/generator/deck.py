"""Dealing things out by turns in random order, so that each comes up about equally often."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deck(Generic[T]):
    """Cards that are shuffled, dealt to the last, and shuffled again.

    Args:
        cards: What is dealt; may be empty.
        rng: Source of chance.

    Example:
        >>> deck = Deck("abc", random.Random(0))
        >>> sorted(deck.deal(3)), len(deck.deal(5))
        (['a', 'b', 'c'], 3)
    """

    def __init__(self, cards: Iterable[T], rng: random.Random) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[int] = []

    def deal(self, count: int) -> list[T]:
        """So many different cards, fewer where the deck has fewer."""
        hand: list[int] = []
        while len(hand) < min(count, len(self._cards)):
            if not self._left:
                self._left = list(range(len(self._cards)))
                self._rng.shuffle(self._left)
                # What is in the hand already comes last: it is dealt once more before the others are dealt twice.
                self._left.sort(key=lambda card: card not in hand)
            hand.append(self._left.pop())
        return [self._cards[card] for card in hand]

    def one(self) -> T | None:
        """The next card; ``None`` from an empty deck."""
        return next(iter(self.deal(1)), None)
