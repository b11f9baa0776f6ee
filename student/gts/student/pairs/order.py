"""The order in which a pair is read where order would make a difference."""

from __future__ import annotations


def in_order(pair: tuple[str, str]) -> tuple[str, str]:
    """The pair with its smaller text first, so that both orders get one answer.

    Example:
        >>> in_order(("b", "a"))
        ('a', 'b')
    """
    a, b = pair
    return (a, b) if a <= b else (b, a)
