"""What was understood of a task, for the web form and ``gts submit --dry-run``, before anything is spent."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gts.tasks.dataset import TaskData
from gts.tasks.diagnosis import diagnose
from gts.tasks.row_preview import cut, row_preview
from gts.tasks.rows import RowTask
from gts.tasks.saving import AnyTask

_ROWS = 5


def preview(data: AnyTask) -> dict[str, Any]:
    """A JSON account of checked data, of any type (see :func:`gts.tasks.row_preview.row_preview`).

    Returns:
        ``name``, ``type``, ``language``, ``multi_label``, ``counts`` (gold, pool, test), ``labels`` (each with
        ``name``, ``description``, ``gold``, ``test``), ``text_chars`` (quantiles of text lengths in characters,
        over gold and pool), ``examples`` and ``unlabeled`` (the first rows, cut to 300 characters), ``notes``, and
        ``findings`` (what :func:`gts.tasks.diagnosis.diagnose` says of the labels).
    """
    understood = row_preview(data) if isinstance(data, RowTask) else _preview(data)
    return understood | {"findings": [finding.as_json() for finding in diagnose(data)]}


def _preview(data: TaskData) -> dict[str, Any]:
    gold = Counter(label for example in data.gold for label in example.labels)
    test = Counter(label for example in data.test for label in example.labels)
    lengths = sorted([len(example.text) for example in data.gold] + [len(text) for text in data.pool])
    return {
        "name": data.spec.name,
        "type": data.spec.type,
        "language": data.spec.language,
        "multi_label": data.multi_label,
        "counts": {"gold": len(data.gold), "pool": len(data.pool), "test": len(data.test)},
        "labels": [
            {"name": label, "description": text, "gold": gold[label], "test": test[label]}
            for label, text in data.spec.labels.items()
        ],
        "text_chars": {
            name: lengths[round(share * (len(lengths) - 1))]
            for name, share in (("min", 0.0), ("median", 0.5), ("p90", 0.9), ("max", 1.0))
        },
        "examples": [
            {"text": cut(example.text), "labels": list(example.labels)} for example in data.gold[:_ROWS]
        ],
        "unlabeled": [cut(text) for text in data.pool[:_ROWS]],
        "notes": list(data.notes),
    }
