"""Stage ``rows.teach``: fit the teachers of one fold, and ask them about its held-out rows and the pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Opinions
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import part
from gts.orchestrator.stages.rows import HELDOUT, POOL, load_scene, write_beliefs
from gts.tasks.rows import load_row_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Fit and ask.

    Args:
        inputs: ``task``; ``begin``, that of a transformer that stays as it is.
        params: ``fold``, ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`), ``weights`` (its identity),
            ``teachers`` (names, or None for all).
        out: Gets for each teacher a folder with ``heldout.jsonl`` and ``pool.jsonl``.
        progress: Progress.

    Returns:
        ``teachers``: their names.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, params)
    teachers = params["teachers"]
    if teachers is None:
        teachers = craft.teachers(scene.task, params["encoder"] is not None)
    for i, name in enumerate(teachers):
        start, end = i / len(teachers), (i + 1) / len(teachers)
        report = part(progress, start, end, f"fitting teacher {name}")
        is_asked = bool(scene.heldout or scene.pool)
        opinions = craft.teach(name, scene, report) if is_asked else Opinions((), ())
        write_beliefs(out / name / HELDOUT, craft, opinions.heldout)
        write_beliefs(out / name / POOL, craft, opinions.pool)
    (out / "teachers").write_text("\n".join(teachers), "utf-8")
    progress(1.0, "taught")
    return {"teachers": list(teachers)}
