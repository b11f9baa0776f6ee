"""Stage ``rows.profile``: what there is to work with, and how fast this machine is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import write_json
from gts.orchestrator.stages.profile import experience_on, time_encoder
from gts.tasks.rows import load_row_task

_MOST_ROWS = 1000


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Count the data and time the encoder; parameters and summary are those of stage ``profile``.

    ``labels`` counts the kinds of findings, ``smallest_label`` the gold rows that hold the rarest of them.
    """
    task = load_row_task(inputs["task"])
    craft = craft_of(task.spec.type)
    texts = [text for row in (*task.gold, *task.pool[:_MOST_ROWS]) for text in craft.texts(row)]
    strata = craft.strata(task)
    progress(0.2, "timing this machine")
    summary = {
        "gold": len(task.gold),
        "pool": len(task.pool),
        "labels": strata.shape[1],
        "smallest_label": int(strata.sum(axis=0).min()) if strata.size else len(task.gold),
        "language": task.spec.language or "und",
        "encoder": params["encoder"],
        "encode_s": time_encoder(params["encoder"], texts) if params["encoder"] else None,
        "weights": params["weights"],
        "experience": experience_on(params["machine"]).as_json(),
        "chars": float(np.median([len(text) for text in texts])),
    }
    write_json(out / "profile.json", summary)
    progress(1.0, "profiled")
    return summary
