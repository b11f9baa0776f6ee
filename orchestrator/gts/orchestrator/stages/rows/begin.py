"""Stage ``rows.begin``: what every student of a tier starts from, made of texts alone, once for all folds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import part
from gts.orchestrator.stages.rows import load_scene
from gts.tasks.rows import load_row_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Make it.

    Args:
        inputs: ``task``; of gold rows only the texts are looked at, as of the pool.
        params: ``tier``, ``pool`` and ``encoder`` (see :func:`load_scene`), ``weights`` (its identity).
        out: Gets what the craft writes.
        progress: Progress.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, {**params, "fold": None, "folds": 1})
    craft.begin(params["tier"], scene, out, part(progress, 0.05, 1.0, "making vectors"))
    progress(1.0, "begun")
    return {"texts": sum(len(craft.texts(row)) for row in (*scene.train, *scene.pool))}
