"""What is expected before anything has been measured for a task.

The numbers come from the recorded benchmarks (``benchmarks/priors.py`` writes them, with ``jobs`` 0 where one is a guess); a platform's own jobs correct them
(:mod:`gts.orchestrator.experience`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from gts.orchestrator.gains import Gain

ASSIST = "assist"
"""What a larger student adds to a smaller one that it helps to teach."""
UNKNOWN_GAIN = Gain(0.0, 0.01)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("priors.json").read_text("utf-8"))
    return table


def shipped_gains() -> Mapping[str, Gain]:
    """What actions add to a student on the average of tasks, by ``distil classification mini``; ``more text for`` of a doubling."""
    return {name: Gain(row["mean"], row["sd"]) for name, row in _table()["gains"].items()}


def prior_value(task_type: str, tier: str) -> Gain:
    """The measure of a student of the labels alone, on the average of tasks."""
    row = _table()["values"][f"{task_type} {tier}"]
    return Gain(row["mean"], row["sd"])
