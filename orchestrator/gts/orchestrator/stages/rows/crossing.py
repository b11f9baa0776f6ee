"""Judging beliefs about gold rows by decisions that these rows had no part in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gts.orchestrator.crafts.protocol import Belief, Craft, Decision, Judgement
from gts.orchestrator.stages.common import Ints
from gts.tasks.dataset import fair_sample
from gts.tasks.rows import RowTask


def cross_decisions(craft: Craft, task: RowTask, beliefs: Sequence[Belief], fold: Ints) -> list[Decision]:
    """For each gold row, the decision that suits the rows of the other folds (see :func:`cross_judge`)."""
    found: dict[int, Decision] = {}
    for one in np.unique(fold).tolist():
        others = np.flatnonzero(fold != one).tolist()
        found[one] = craft.decide(task, [task.gold[i] for i in others], [beliefs[i] for i in others])
    return [found[int(one)] for one in fold]


def cross_judge(craft: Craft, task: RowTask, beliefs: Sequence[Belief], fold: Ints) -> Judgement:
    """Measure beliefs about the gold rows; those of each fold become answers by the decision that suits the others.

    A decision found on the very rows that it is measured on flatters itself, the more the fewer they are. Rows that the machine
    chose to ask about are not measured on.

    Args:
        craft: The task type.
        task: The task.
        beliefs: One for each gold row, of somebody who had not seen it.
        fold: Which fold each gold row is in [rows].
    """
    decisions = cross_decisions(craft, task, beliefs, fold)
    fair = fair_sample(row.origin for row in task.gold)
    return craft.judge(
        task, [task.gold[i] for i in fair], [beliefs[i] for i in fair], [decisions[i] for i in fair]
    )
