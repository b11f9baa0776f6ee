"""Stage ``rows.profile``: what there is to work with, and how fast this machine is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.ranking import Score, pair_order
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import pool_rows, write_json
from gts.orchestrator.stages.profile import MOST_RANKED, Embed, chosen_base, experience_on
from gts.tasks.rows import RowTask, load_row_task

_MOST_ROWS = 1000


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Count the data and choose and time the encoder; parameters and summary are those of stage ``profile``.

    ``labels`` counts the kinds of findings, ``smallest_label`` the gold rows that hold the rarest of them. Of several
    encoders those of pairs are ranked; for spans and summaries, where a vector of the whole text says little, the first is taken.
    """
    task = load_row_task(inputs["task"])
    craft = craft_of(task.spec.type)
    texts = [text for row in (*task.gold, *task.pool[:_MOST_ROWS]) for text in craft.texts(row)]
    strata = craft.strata(task)
    summary = {
        "gold": len(task.gold),
        "pool": len(task.pool),
        "labels": strata.shape[1],
        "smallest_label": int(strata.sum(axis=0).min()) if strata.size else len(task.gold),
        "language": task.spec.language or "und",
        **chosen_base(params, texts, _rating(task), progress),
        "experience": experience_on(params["machine"]).as_json(),
        "chars": float(np.median([len(text) for text in texts])),
    }
    write_json(out / "profile.json", summary)
    progress(1.0, "profiled")
    return summary


def _rating(task: RowTask) -> Callable[[Embed], Score] | None:
    return partial(_rate_pairs, task) if task.spec.type == "similarity" else None


def _rate_pairs(task: RowTask, embed: Embed) -> Score:
    rows = [task.gold[i] for i in pool_rows(len(task.gold), MOST_RANKED, task.spec.seed)]
    vectors = embed([row.text_a for row in rows] + [row.text_b for row in rows])
    cosines = (vectors[: len(rows)] * vectors[len(rows) :]).sum(axis=1)
    return pair_order(cosines, np.array([row.score for row in rows], np.float32))
