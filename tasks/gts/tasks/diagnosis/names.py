"""Names of labels and types that say nothing of what is meant, or nearly coincide with another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from gts.tasks.diagnosis.finding import Finding
from gts.tasks.scripts import is_of_unspaced_script
from gts.tasks.text import same_text_key
from gts.tasks.wording import listing, quote

_GENERIC = "label|class|category|cat|type|kind|topic|cluster|group|tag|intent|code|c|l|标签|类别|类型|分类|类"
_CODE = re.compile(rf"(?:(?:{_GENERIC})[\s_\-.#]*)?[a-z]?[\s_\-.#]*\d+(?:\.\d+)?")
_CATCH_ALL = frozenset(
    {
        "other",
        "others",
        "misc",
        "miscellaneous",
        "rest",
        "else",
        "etc",
        "general",
        "various",
        "unknown",
        "none",
    }
    | {"其他", "其它", "其余", "杂项", "未知", "综合"}
)
_NEGATIONS = frozenset(("not", "non", "no", "un", "anti", "without", "never", "in"))
_CHINESE_NEGATIONS = "不非无未没反否"
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_NAMES = 300
_LEAST_LETTERS = 5


def name_findings(described: Mapping[str, str], field: str) -> Iterator[Finding]:
    """What is to be said of names alone.

    Args:
        described: Name to description.
        field: The key of the task file under which they are described.
    """
    noun = "label" if field == "labels" else "type"
    for one, other, how in coinciding(described):
        yield Finding(
            "names",
            (one, other),
            f"the names {quote(one)} and {quote(other)} are easily taken for each other: {how}",
            f"make them one {noun}, or describe under `{field}` what belongs to the one and not to the other",
        )
    if unclear := [name for name, text in described.items() if not text.strip() and is_unclear(name)]:
        verb = "says" if len(unclear) == 1 else "say"
        yield Finding(
            "unclear",
            tuple(unclear),
            f"{listing(unclear)} {verb} nothing of what is meant, and there is no description",
            f"add a description: `{field}: {{{unclear[0]}: what belongs to it}}`; people and language models "
            "who are asked about texts read it",
        )


def is_unclear(name: str) -> bool:
    """Whether a name is a number, a single letter, or a code such as ``LABEL_0`` or ``c12``.

    Example:
        >>> [name for name in ("3", "LABEL_0", "c12", "x", "类别2", "spam", "covid19", "正") if is_unclear(name)]
        ['3', 'LABEL_0', 'c12', 'x', '类别2']
    """
    key = same_text_key(name)
    return (len(key) == 1 and not is_of_unspaced_script(key)) or _CODE.fullmatch(key.lstrip("+-")) is not None


def is_catch_all(name: str) -> bool:
    """Whether a name takes what belongs nowhere else, such as ``other`` or ``其他``."""
    return "".join(_WORD.findall(same_text_key(name))) in _CATCH_ALL


def coinciding(described: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Pairs of names that differ in next to nothing, with what that is; those that differ in case or width only are
    told when a task is read. Of very many names the first few hundred are compared.

    Example:
        >>> [how for *_, how in coinciding(dict.fromkeys(("refund", "refunds", "refund request", "退款", "退款问题"), ""))]
        ['one letter makes the difference', 'one is part of the other', 'one is part of the other']
        >>> list(coinciding(dict.fromkeys(("legal", "illegal", "happy", "not happy", "满意", "不满意", "s1", "s2"), "")))
        []
    """
    names = list(described)[:_MOST_NAMES]
    words = {name: _words(name) for name in names}
    keys, letters = (
        {name: same_text_key(name) for name in names},
        {name: "".join(words[name]) for name in names},
    )
    for one, other in combinations(names, 2):
        if keys[one] == keys[other]:
            continue
        a, b = letters[one], letters[other]
        if a == b and a:
            yield one, other, "their letters are the same"
        elif _one_letter_apart(*sorted((a, b), key=len)):
            yield one, other, "one letter makes the difference"
        elif not (described[one] and described[other]) and _contains(words[one], words[other]):
            yield one, other, "one is part of the other"


def _words(name: str) -> list[str]:
    return _WORD.findall(same_text_key(_CAMEL.sub(" ", name)))


def _one_letter_apart(short: str, long: str) -> bool:
    """Whether a slip of the pen, or an ``s``, makes one name of the other; digits are no slips."""
    if len(short) < _LEAST_LETTERS or len(long) - len(short) > 1 or short[0] != long[0]:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) < len(long):
        return short[start:] == long[start + 1 :] and not long[start].isdigit()
    if short[start].isdigit() or long[start].isdigit():
        return False
    swapped = short[start + 1 : start + 2] + short[start] + short[start + 2 :] == long[start:]
    return swapped or short[start + 1 :] == long[start + 1 :]


def _contains(one: Sequence[str], other: Sequence[str]) -> bool:
    short, long = sorted((one, other), key=lambda words: len("".join(words)))
    if len(short) == len(long) == 1 and any(map(is_of_unspaced_script, short[0])):
        rest = _beside(short[0], long[0])
        return len(short[0]) > 1 and rest is not None and not any(char in _CHINESE_NEGATIONS for char in rest)
    size = len(short)
    for start in range(len(long) - size + 1) if 0 < size < len(long) <= 2 * size else ():
        if list(long[start : start + size]) == list(short):
            rest_words = [*long[:start], *long[start + size :]]
            return not _NEGATIONS & set(rest_words) and not any(word.isdigit() for word in rest_words)
    return False


def _beside(short: str, long: str) -> str | None:
    """What a longer Chinese name has before or behind the shorter one."""
    if long.startswith(short):
        return long[len(short) :]
    return long[: -len(short)] if long.endswith(short) else None
