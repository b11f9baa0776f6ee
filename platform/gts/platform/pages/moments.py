"""The curve of quality over cost: of a plan, and of a job as it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gts.platform.pages.charts import Moment


def planned_moments(plan: Mapping[str, Any]) -> list[Moment]:
    """Where the measure is expected to change."""
    steps = [step for step in plan["steps"] if step["value"] is not None]
    return _changes(
        [Moment(step["spent_s"], step["value"], step["low"], step["high"], step["action"]) for step in steps]
    )


def lived_moments(decisions: Sequence[Mapping[str, Any]]) -> list[Moment]:
    """Where the measure of the student to publish changed, from the decisions of a report."""
    found, spent = [], 0.0
    for decision in decisions:
        spent += decision.get("seconds") or 0.0
        if decision.get("value") is not None:
            interval = (decision["value"], decision["low"], decision["high"])
            found.append(Moment(spent, *interval, str(decision["action"])))
    return _changes(found)


def _changes(moments: Sequence[Moment]) -> list[Moment]:
    """Those that differ from the one before."""
    return [
        moment
        for before, moment in zip([None, *moments], moments, strict=False)
        if before is None
        or (moment.value, moment.low, moment.high) != (before.value, before.low, before.high)
    ]
