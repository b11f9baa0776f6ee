"""Stage ``rows.evaluate``: the person's test rows, which no other stage has seen, put to a student and its seed-only twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Craft, Decision
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.rows import STUDENT
from gts.tasks.rows import RowTask, load_row_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Evaluate on the test rows.

    Args:
        inputs: ``test`` (the task with its test rows), ``package`` (the student as it is served), ``seed_only`` (a fit on
            all gold of ``rows.distil``).
        params: ``tier``; ``decision`` and ``seed_only_decision``: their thresholds, found on held-out gold.
        out: Gets nothing.
        progress: Progress.

    Returns:
        ``student`` and ``seed_only``: their measures.
    """
    task = load_row_task(inputs["test"])
    craft = craft_of(task.spec.type)
    progress(0.0, "predicting the test rows")
    served = craft.serve(inputs["package"])(task.test)
    progress(0.5, "predicting the test rows with the seed-only student")
    twin = craft.predict(params["tier"], inputs["seed_only"] / STUDENT, task.test, task)
    return {
        "student": _measures(craft, task, served, params["decision"]),
        "seed_only": _measures(craft, task, twin, params["seed_only_decision"]),
    }


def _measures(craft: Craft, task: RowTask, beliefs: Sequence[Belief], decision: Decision) -> dict[str, float]:
    return dict(craft.judge(task, task.test, beliefs, [decision] * len(task.test)).measures)
