"""Words that all of some texts begin or end with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.text import same_text_key

_MOST = 5
_CHARS = 100
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]")


def edge(text: str, *, at_end: bool = False) -> tuple[str, ...]:
    """The first words and marks of a text, or the last ones, the outermost first; of Chinese single characters.

    Example:
        >>> edge("Re: refund"), edge("退款吗？", at_end=True)
        (('re', ':', 'refund'), ('?', '吗', '款', '退'))
    """
    tokens: list[str] = []
    for token in _TOKEN.findall(same_text_key(text[-_CHARS:] if at_end else text[:_CHARS])):
        tokens += list(token) if any(map(is_of_unspaced_script, token)) else [token]
    return tuple(tokens[::-1][:_MOST] if at_end else tokens[:_MOST])


def shared(edges: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What all edges begin with, if it is enough to be a giveaway: two words, three characters of Chinese, or a word with
    a mark such as a colon.

    Example:
        >>> shared([edge("Dear team, help"), edge("Dear team, my card")]), shared([edge("I paid"), edge("I lost it")])
        (('dear', 'team', ','), ())
    """
    found: list[str] = []
    for tokens in zip(*edges, strict=False):
        if len(set(tokens)) > 1:
            break
        found.append(tokens[0])
    words = [token for token in found if token[0].isalnum()]
    least = 3 if any(is_of_unspaced_script(word[0]) for word in words) else 2
    is_marked = len(words) == 1 and len(found) > 1 and least == 2
    return tuple(found) if len(words) >= least or is_marked else ()


def joined(edges: Sequence[str], *, at_end: bool = False) -> str:
    """Words of an edge as they are read.

    Example:
        >>> joined(edge("my parcel?", at_end=True), at_end=True), joined(edge("请问"))
        ('my parcel ?', '请问')
    """
    tokens = edges[::-1] if at_end else edges
    return ("" if any(is_of_unspaced_script(token[0]) for token in tokens) else " ").join(tokens)
