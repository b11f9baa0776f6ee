"""Which characters have no spaces beside them."""

from __future__ import annotations

from gts.tasks.scripts import is_of_unspaced_script


def is_closed_up(char: str) -> bool:
    """Whether it is of a script without spaces, East Asian punctuation or full-width.

    Example:
        >>> [is_closed_up(char) for char in "我，Ａa한"]
        [True, True, True, False, False]
    """
    return is_of_unspaced_script(char) or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef"
