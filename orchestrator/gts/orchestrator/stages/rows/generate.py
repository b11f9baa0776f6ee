"""Stage ``rows.generate``: new rows made of one fold's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.rows import load_scene
from gts.tasks.rows import load_row_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Generate.

    Args:
        inputs: ``task``.
        params: ``fold``, ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`), ``count``.
        out: Gets ``lessons.jsonl``.
        progress: Progress.

    Returns:
        ``accepted``: rows made.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, params)
    progress(0.1, "making new rows of the user's own")
    lessons = craft.generate(scene, params["count"], scene.spec.seed)
    with (out / "lessons.jsonl").open("w", encoding="utf-8") as handle:
        for lesson in lessons:
            value = {
                "row": lesson.row.to_json(),
                "belief": craft.dump(lesson.belief),
                "weight": lesson.weight,
            }
            handle.write(json.dumps(value, ensure_ascii=False) + "\n")
    progress(1.0, "generated")
    return {
        "accepted": len(lessons),
        "drafts": len(lessons),
        "acceptance": {"kept": len(lessons), "rejected": {}},
    }
