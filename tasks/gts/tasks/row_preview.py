"""What was understood of a task of any type but classification, in the form of :mod:`gts.tasks.preview`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gts.tasks.rows import MarkedRow, PairRow, Row, RowTask, SummaryRow, texts_of
from gts.tasks.structures import Structure

_ROWS = 5
ROW_CHARS = 300
_QUANTILES = (("min", 0.0), ("median", 0.5), ("p90", 0.9), ("max", 1.0))

Counted = tuple[str, str]
"""Kind and name of something that examples are counted by."""


def row_preview(data: RowTask) -> dict[str, Any]:
    """A JSON account of checked data.

    Returns:
        ``name``, ``type``, ``language``, ``counts`` (gold, pool, test, sentences), ``labels`` (the types of
        extraction, or 0 and 1 of pairs that are decided: each with ``name``, ``description``, ``kind``, and in
        how many rows of ``gold`` and ``test`` it is), ``scale``, ``entities_given``, ``length``, ``text_chars``
        (quantiles of text lengths in characters, over gold and pool), ``examples``, ``unlabeled`` (the first
        rows, texts cut to 300 characters and marks behind the cut left out) and ``notes``. ``multi_label`` is
        always false.
    """
    spec = data.spec
    gold, test = _counts(data.gold), _counts(data.test)
    lengths = sorted(len(text) for row in (*data.gold, *data.pool) for text in texts_of(row))
    return {
        "name": spec.name,
        "type": spec.type,
        "language": spec.language,
        "multi_label": False,
        "counts": {
            "gold": len(data.gold),
            "pool": len(data.pool),
            "test": len(data.test),
            "sentences": len(data.sentences),
        },
        "labels": [
            {
                "kind": kind,
                "name": name,
                "description": text,
                "gold": gold[(kind, name)],
                "test": test[(kind, name)],
            }
            for (kind, name), text in _described(data).items()
        ],
        "scale": None if spec.scale is None else list(spec.scale),
        "entities_given": spec.entities_given,
        "length": spec.length.model_dump() if spec.type == "summarization" else None,
        "text_chars": {name: lengths[round(share * (len(lengths) - 1))] for name, share in _QUANTILES},
        "examples": [_shown(row) for row in data.gold[:_ROWS]],
        "unlabeled": [_shown(row) for row in data.pool[:_ROWS]]
        or [{"text": cut(text)} for text in data.sentences[:_ROWS]],
        "notes": list(data.notes),
    }


def cut(text: str) -> str:
    """A text as a preview shows it."""
    return text if len(text) <= ROW_CHARS else text[: ROW_CHARS - 1] + "…"


def _described(data: RowTask) -> Mapping[Counted, str]:
    """What examples are counted by, in the order of the task, with its description."""
    spec = data.spec
    if spec.type == "similarity":
        return {("label", "1"): "alike", ("label", "0"): "not alike"} if spec.scale is None else {}
    types = [
        *(("entity", name, kind.description) for name, kind in spec.entities.items()),
        *(("relation", name, kind.description) for name, kind in spec.relations.items()),
        *(("event", name, kind.description) for name, kind in spec.events.items()),
    ]
    return {(kind, name): description for kind, name, description in types}


def _counts(rows: Iterable[Row]) -> Counter[Counted]:
    return Counter(counted for row in rows for counted in set(_counted(row)))


def _counted(row: Row) -> Iterator[Counted]:
    if isinstance(row, PairRow) and row.score is not None:
        yield "label", f"{row.score:g}"
    if isinstance(row, MarkedRow) and row.found is not None:
        yield from (("entity", span.type) for span in (*row.found.entities, *row.given))
        yield from (("relation", found.type) for found in row.found.relations)
        yield from (("event", found.type) for found in row.found.events)


def _shown(row: Row) -> dict[str, Any]:
    if isinstance(row, PairRow):
        scored = {} if row.score is None else {"score": row.score}
        return {"text_a": cut(row.text_a), "text_b": cut(row.text_b), **scored}
    if isinstance(row, SummaryRow):
        return {"text": cut(row.text)} | ({} if row.summary is None else {"summary": cut(row.summary)})
    end = ROW_CHARS - 1 if len(row.text) > ROW_CHARS else len(row.text)
    shown = {"text": cut(row.text)} | _within(row.found or Structure(), end).to_json()
    given = [span.to_json() for span in row.given if span.end <= end]
    return shown | ({"given": given} if given else {})


def _within(found: Structure, end: int) -> Structure:
    """What is found before a place, whole."""
    return Structure(
        tuple(span for span in found.entities if span.end <= end),
        tuple(one for one in found.relations if max(one.head.end, one.tail.end) <= end),
        tuple(
            one
            for one in found.events
            if max([one.trigger.end, *(part.end for part in one.arguments)]) <= end
        ),
    )
