"""Which key of a row holds what: by the name the person gave, else by the names that data sets use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from gts.tasks.columns import plain_name
from gts.tasks.intake.faults import ColumnFault
from gts.tasks.wording import listing, nearest, quote

TEXT_NAMES = (
    *(
        "text",
        "sentence",
        "content",
        "document",
        "article",
        "dialogue",
        "dialog",
        "passage",
        "body",
        "source",
        "input",
    ),
    *(
        "query",
        "question",
        "utterance",
        "abstract",
        "title",
        "文本",
        "正文",
        "内容",
        "原文",
        "文章",
        "句子",
        "对话",
        "标题",
    ),
)
SUMMARY_NAMES = (
    *(
        "summary",
        "highlights",
        "abstract",
        "headline",
        "title",
        "target",
        "tldr",
        "摘要",
        "总结",
        "概要",
        "标题",
    ),
)
SCORE_NAMES = (
    *(
        "label",
        "score",
        "similarity",
        "similarity_score",
        "is_duplicate",
        "relatedness_score",
        "gold_label",
        "grade",
    ),
    *("quality", "rating", "target", "gold", "y", "标签", "相似度", "分数", "得分", "评分"),
)
_PAIRS = (
    ("premise", "hypothesis"),
    ("anchor", "positive"),
    ("query", "document"),
    ("query", "passage"),
    ("question", "answer"),
    ("source", "target"),
    ("first", "second"),
    ("left", "right"),
)
_COMPARED = 50
_KEPT_CHARS = 2_000  # a file made to exhaust memory has long keys, other ones in every row
_NUMBERED = ({"1", "2"}, {"a", "b"}, {"一", "二"})
_NUMBER_OF_A_ROW = re.compile(r"(^|[_\d])q?id([_\d]|$)")


def find_key(keys: tuple[str, ...], names: tuple[str, ...], wanted: str | None, what: str) -> str | None:
    """The key of a row under which something stands; ``None`` where no name fits.

    Args:
        keys: The keys of the row.
        names: Names it may have, the likeliest first.
        wanted: The name the person gave; it wins.
        what: What is looked for, for messages.

    Raises:
        ColumnFault: The row has no key of the name the person gave.

    Example:
        >>> find_key(("id", "Article"), TEXT_NAMES, None, "text")
        'Article'
    """
    by_plain = _by_plain_name(keys)
    if wanted is not None:
        found = wanted if wanted in keys else by_plain.get(plain_name(wanted))
        if found is None:
            raise _no_such(wanted, keys, what)
        return found
    return next((by_plain[name] for name in names if name in by_plain), None)


def find_pair(keys: tuple[str, ...], wanted: str | None) -> tuple[str, str] | None:
    """The two keys of a row that hold the texts of a pair; ``None`` where there are none.

    They are the two names joined by ``+`` that the person gave, else two names that differ in one ``1`` and
    ``2`` or ``a`` and ``b``, else a customary pair of names.

    Raises:
        ColumnFault: The row has not the names the person gave, or they are not two.

    Example:
        >>> find_pair(("id", "Sentence1", "Sentence2"), None), find_pair(("q", "r", "y"), "r+q")
        (('Sentence1', 'Sentence2'), ('r', 'q'))
    """
    if wanted is not None:
        parts = [part.strip() for part in wanted.split("+")]
        if len(parts) != 2:
            raise ColumnFault(
                f"text_column is {quote(wanted)}; in a similarity task two names were expected",
                "write both columns with a plus sign between them, such as question1+question2",
            )
        first, second = (find_key(keys, (), part, "text") for part in parts)
        return (first, second) if first is not None and second is not None else None
    by_plain = _by_plain_name(keys)
    names = list(by_plain)[::-1][:_COMPARED]
    for one in names:
        for other in names:
            if _numbered(one, other):
                return by_plain[one], by_plain[other]
    return next(
        ((by_plain[one], by_plain[two]) for one, two in _PAIRS if {one, two} <= by_plain.keys()), None
    )


def _by_plain_name(keys: tuple[str, ...]) -> Mapping[str, str]:
    """The keys by the names that are compared; rows of a file have mostly the same."""
    return _kept(keys) if sum(map(len, keys)) <= _KEPT_CHARS else _kept.__wrapped__(keys)


@lru_cache(maxsize=256)
def _kept(keys: tuple[str, ...]) -> Mapping[str, str]:
    return {plain_name(key): key for key in reversed(keys)}


def _numbered(one: str, other: str) -> bool:
    """Whether two names differ in one character, which is 1 and 2, or a and b."""
    if len(one) != len(other) or one >= other or _NUMBER_OF_A_ROW.search(one):
        return False
    different = [(first, second) for first, second in zip(one, other, strict=True) if first != second]
    return len(different) == 1 and set(different[0]) in _NUMBERED


def _no_such(wanted: str, keys: tuple[str, ...], what: str) -> ColumnFault:
    like = nearest(wanted, keys)
    return ColumnFault(
        f"there is no {what} column {quote(wanted)}; the columns are {listing(keys)}",
        f"did you mean {quote(like)}?" if like else f"give one of them as {what}_column",
    )
