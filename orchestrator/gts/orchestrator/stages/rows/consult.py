"""Stage ``rows.consult``: ask a language model about the held-out rows of one fold, and about rows of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import part
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.orchestrator.stages.rows import HELDOUT, POOL, load_scene, write_beliefs
from gts.tasks.rows import load_row_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Ask one model, with the fold's gold rows as examples.

    Args:
        inputs: ``task``.
        params: ``fold``, ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`), ``model``, ``identity`` (of its weights),
            ``schema`` (whether it keeps to one), ``about`` (how many pool rows to ask about), ``tokens`` and ``money`` (what may
            be spent, or None).
        out: Gets ``heldout.jsonl`` and ``pool.jsonl``; null where the model has no opinion.
        progress: Progress.

    Returns:
        ``texts`` asked about, ``abstained``, and ``asked``: what the calls took.

    Raises:
        Unavailable: The model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, params)
    model = open_model(params["model"])
    asking = Asking(model, params["tokens"], params["money"], part(progress, 0.05, 0.95, "asking"))
    asked = [*scene.heldout, *scene.pool[: params["about"]]]
    beliefs = craft.consult(scene, asked, asking, params["schema"]) if asked else []
    heldout, pool = beliefs[: len(scene.heldout)], beliefs[len(scene.heldout) :]
    write_beliefs(out / HELDOUT, craft, heldout)
    write_beliefs(out / POOL, craft, [*pool, *[None] * (len(scene.pool) - len(pool))])
    progress(1.0, "asked")
    return {
        "texts": len(asked),
        "abstained": sum(belief is None for belief in beliefs),
        "asked": [asking.account()],
    }
