"""Half surrogates, which Python strings may hold and no tokenizer takes: they count as U+FFFD."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def replaced(text: str) -> str:
    r"""The text with every half replaced, one character for one, so that places in it stay what they are.

    Example:
        >>> replaced("a\ud83d\ude00")
        'a��'
    """
    return _HALF.sub("\ufffd", text)


def joined(text: str) -> str:
    r"""The text with halves that belong together made one character, and all others replaced.

    Example:
        >>> joined("a\ud83d\ude00\ud83d")
        'a😀�'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
