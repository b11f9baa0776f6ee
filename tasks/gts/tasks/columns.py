"""Which columns hold the text and the label: by explicit name, or found by name in several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gts.core.errors import DataError
from gts.tasks.wording import listing, nearest, quote

# In order of preference: the first name that a file has is taken.
_TEXT_NAMES = (
    *(
        "text",
        "sentence",
        "utterance",
        "content",
        "question",
        "query",
        "review",
        "message",
        "comment",
        "body",
    ),
    *(
        "tweet",
        "post",
        "document",
        "description",
        "abstract",
        "summary",
        "input",
        "prompt",
        "headline",
        "title",
    ),
    *(
        "文本",
        "内容",
        "句子",
        "正文",
        "评论",
        "问题",
        "描述",
        "摘要",
        "标题",
        "texte",
        "texto",
        "testo",
        "tekst",
    ),
)
# Names beside numbers win over the numbers: data sets often hold both `label` and `label_text`.
_LABEL_NAMES = (
    *("label_text", "label_name", "label", "labels", "category", "categories", "intent", "intents", "class"),
    *("classes", "target", "targets", "topic", "topics", "sentiment", "tag", "tags", "y"),
    *(
        "标签",
        "类别",
        "分类",
        "类型",
        "意图",
        "情感",
        "主题",
        "kategorie",
        "catégorie",
        "categoría",
        "étiquette",
    ),
)
_TITLE_NAMES = ("title", "headline", "subject", "标题")
_BODY_NAMES = ("description", "content", "body", "abstract", "summary", "正文", "内容", "摘要", "描述")


@dataclass(frozen=True)
class Columns:
    """What the person said about columns; ``None``: found by name.

    Attributes:
        text: Name of the text column, or several joined by ``+``.
        label: Name of the label column.
        separator: What separates several labels in one cell.
    """

    text: str | None = None
    label: str | None = None
    separator: str | None = None


@dataclass(frozen=True)
class Mapping:
    """The columns of one file.

    Attributes:
        text: Column or columns whose values make the text.
        label: The label column; ``None`` in an unlabelled file.
        notes: What was decided where there was a choice.
    """

    text: tuple[str, ...]
    label: str | None
    notes: tuple[str, ...] = ()


def plain_name(name: str) -> str:
    """A column name as it is compared: case, spaces, hyphens and width do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold().strip("\ufeff \t\r\n")
    return re.sub(r"[\s-]+", "_", folded)


def is_known_name(name: str) -> bool:
    """Whether a first line with this cell is taken for a header."""
    return plain_name(name) in _TEXT_NAMES or plain_name(name) in _LABEL_NAMES


def map_columns(names: Sequence[str], wanted: Columns, *, labelled: bool) -> Mapping:
    """Find the text column and, for labelled data, the label column.

    Args:
        names: Column names of the file, or keys of a JSON row.
        wanted: Names given by the person; they win.
        labelled: Whether labels are needed.

    Raises:
        DataError: No column fits; the message lists the columns there are.

    Example:
        >>> map_columns(["id", "Review", "Category"], Columns(), labelled=True)
        Mapping(text=('Review',), label='Category', notes=())
    """
    by_plain = {plain_name(name): name for name in reversed(names) if name.strip()}
    notes: list[str] = []
    label = _explicit(wanted.label, names, by_plain, "label") if labelled and wanted.label else None
    if labelled and label is None:
        label = _first(
            _LABEL_NAMES, by_plain, notes, "labels", set(wanted.text.split("+")) if wanted.text else set()
        )
        if label is None:
            raise _not_found("label", names)
    if wanted.text:
        try:
            return Mapping(_explicit_text(wanted.text, names, by_plain), label)
        except DataError:
            if labelled:
                raise
            notes.append(f"there is no column {quote(wanted.text)}; it was found by name")
    free = {plain: name for plain, name in by_plain.items() if name != label}
    pair = _title_and_body(free)
    if pair:
        notes.append(f"columns {quote(pair[0])} and {quote(pair[1])} were joined to one text")
        return Mapping(pair, label, tuple(notes))
    text = _first(_TEXT_NAMES, free, notes, "text", set())
    if text is None and len(free) == 1 and len(by_plain) == 1 + labelled:
        text = next(iter(free.values()))
    if text is None:
        raise _not_found("text", names)
    return Mapping((text,), label, tuple(notes))


def _explicit(wanted: str, names: Sequence[str], by_plain: dict[str, str], what: str) -> str:
    if wanted in names:
        return wanted
    if plain_name(wanted) in by_plain:
        return by_plain[plain_name(wanted)]
    like = nearest(wanted, names)
    raise DataError(
        f"there is no {what} column {quote(wanted)}; the columns are {listing(names)}",
        mend=f"did you mean {quote(like)}?" if like else f"give one of them as {what}_column",
    )


def _explicit_text(wanted: str, names: Sequence[str], by_plain: dict[str, str]) -> tuple[str, ...]:
    if "+" in wanted and wanted not in names:
        return tuple(_explicit(part.strip(), names, by_plain, "text") for part in wanted.split("+"))
    return (_explicit(wanted, names, by_plain, "text"),)


def _first(
    known: Sequence[str], by_plain: dict[str, str], notes: list[str], what: str, taken: set[str]
) -> str | None:
    found = [by_plain[name] for name in known if name in by_plain and by_plain[name] not in taken]
    if len(found) > 1:
        notes.append(f"column {quote(found[0])} was read as the {what}, not {listing(found[1:])}")
    return found[0] if found else None


def _title_and_body(by_plain: dict[str, str]) -> tuple[str, str] | None:
    if "text" in by_plain or "文本" in by_plain:
        return None
    title = next((by_plain[name] for name in _TITLE_NAMES if name in by_plain), None)
    body = next((by_plain[name] for name in _BODY_NAMES if name in by_plain), None)
    return (title, body) if title is not None and body is not None else None


def _not_found(what: str, names: Sequence[str]) -> DataError:
    expected = "'text', 'sentence', 'content', …" if what == "text" else "'label', 'category', 'intent', …"
    return DataError(
        f"no {what} column was found; the columns are {listing(names)}, expected was one called {expected}",
        mend=f"name it: {what}_column in the task file, or --{what}-column",
    )


def headerless_names(records: Sequence[Sequence[str]], declared: Sequence[str]) -> tuple[str, str] | None:
    """Names for a two-column table whose first line is already data, or ``None`` if it looks like a header.

    It is data if one of its two cells is a label: a declared one, or a value that comes again in its column
    while the other column holds mostly different values.

    Example:
        >>> headerless_names([["good film", "pos"], ["bad film", "neg"], ["fine", "pos"]], [])
        ('text', 'label')
    """
    if not records or any(len(record) != 2 for record in records[:1]):
        return None
    rows = [(record[0].strip(), record[1].strip()) for record in records if len(record) == 2]
    for label, names in ((1, ("text", "label")), (0, ("label", "text"))):
        first = rows[0][label]
        if declared and first in declared:
            return names
        values, texts = [row[label] for row in rows], [row[1 - label] for row in rows]
        if not declared and values.count(first) > 1 and len(set(texts)) > len(set(values)):
            return names
    return None
