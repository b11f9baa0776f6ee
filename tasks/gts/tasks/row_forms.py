"""Rows as a person would give them: the JSON that files, forms and REST take."""

from __future__ import annotations

from typing import Any

from gts.tasks.rows import MarkedRow, PairRow, Row, SummaryRow

_FIELD = {"ner": "entities", "relation": "relations", "event": "events"}


def as_given(row: Row, task_type: str) -> dict[str, Any]:
    """A row as a JSON object; reading it gives the row again.

    Args:
        row: The row.
        task_type: Task type, which says what an unmarked text was looked through for.

    Example:
        >>> as_given(PairRow("one", "two", 1.0), "similarity")
        {'text_a': 'one', 'text_b': 'two', 'label': 1.0}
    """
    if isinstance(row, PairRow):
        label = {} if row.score is None else {"label": row.score}
        return {"text_a": row.text_a, "text_b": row.text_b, **label}
    if isinstance(row, SummaryRow):
        return {"text": row.text, **({} if row.summary is None else {"summary": row.summary})}
    return _marked(row, task_type)


def _marked(row: MarkedRow, task_type: str) -> dict[str, Any]:
    given = {"entities": [span.to_json() for span in row.given]} if row.given else {}
    if row.found is None:
        return {"text": row.text, **given}
    return {"text": row.text, _FIELD[task_type]: [], **row.found.to_json(), **given}
