"""What a person wants of a job and may change while it is there: its budget and its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gts.core.errors import InvalidInput
from gts.orchestrator.planner import DEFAULT_BUDGET_S
from gts.tasks.document import spec_of
from gts.tasks.spec import Budget, Goal

PARTS = ("budget", "goal")
"""Parts of a task that can be changed after it was submitted."""


@dataclass(frozen=True)
class Wishes:
    """Budget and goal of a job.

    Attributes:
        budget: What an attempt may spend, from its start or since it was continued.
        goal: When its student is good enough.
    """

    budget: Budget
    goal: Goal

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """The wishes in a task specification.

        Example:
            >>> Wishes.of({"name": "t", "budget": {"seconds": 60}}).budget.seconds
            60.0
        """
        return cls(Budget.model_validate(spec.get("budget", {})), Goal.model_validate(spec.get("goal", {})))


def first_forecast(spec: Mapping[str, Any]) -> float:
    """Seconds that an attempt is expected to take before anybody has looked at its data: its budget.

    Example:
        >>> first_forecast({"budget": {"seconds": 600}})
        600.0
    """
    return Wishes.of(spec).budget.seconds or DEFAULT_BUDGET_S


def with_changes(spec: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A task specification with some limits changed.

    Args:
        spec: The whole specification as JSON.
        changes: ``{"budget": {...}, "goal": {...}}``, each with the fields that change; ``None`` takes a limit away.

    Raises:
        InvalidInput: A field is unknown, or its value does not fit.

    Example:
        >>> with_changes({"name": "t", "budget": {"seconds": 60}}, {"budget": {"seconds": 90}})["budget"]["seconds"]
        90.0
        >>> with_changes({"name": "t", "goal": {"target": 0.9}}, {"goal": {"target": None}})["goal"]
        {'metric': None, 'target': None}
    """
    for part, fields in changes.items():
        if part not in PARTS:
            raise InvalidInput(
                f"{str(part)[:100]!r} cannot be changed in a job; budget and goal can",
                mend="submit a new job for anything else; finished stages are found again where they fit",
                field=str(part)[:100],
            )
        if not isinstance(fields, Mapping):
            raise InvalidInput(
                f"{part} is {str(fields)[:100]!r}, expected: the fields that change",
                mend='send {"budget": {"seconds": 600}}, for example',
                field=part,
            )
    changed = {part: {**(spec.get(part) or {}), **fields} for part, fields in changes.items()}
    return spec_of({**spec, **changed}).model_dump(mode="json")
