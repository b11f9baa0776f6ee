"""The names of measures, as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "f1": "F1",
    "spearman": "rank correlation",
    "triple_f1": "triple F1",
    "trigger_f1": "trigger F1",
    "argument_f1": "argument F1",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
}
"""In the order in which they are shown."""

AGREEMENT = "agreement"
"""What is measured of a student where all labels are guessed: how often it says what was guessed."""


def shown(measures: Mapping[str, Any]) -> list[str]:
    """The measures among some facts that are shown, in order.

    Example:
        >>> shown({"n": 5, "macro_f1": 0.5, "accuracy": 0.6})
        ['accuracy', 'macro_f1']
    """
    return [name for name in NAMES if name in measures]


def measured_of(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The published student as a report says it was measured on held-out gold, as its seed-only twin was.

    In reports of early versions the estimate is that.
    """
    found: Mapping[str, Any] = report.get("measured") or report["estimate"]
    return found
