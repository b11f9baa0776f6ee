"""Stage ``audit``: decide from held-out gold which teachers to believe, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import fold_of_gold, indicators, load_arrays, write_json
from gts.tasks.dataset import load_task
from gts.teacher.ensemble import audit


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Audit the teachers over all folds.

    Args:
        inputs: ``task``, and ``fold0`` .. of stage ``teach``.
        params: ``folds``.
        out: Gets ``audit.json``: weight, accuracy and loss of each teacher, and the ensemble's.
        progress: Progress.
    """
    data = load_task(inputs["task"])
    targets = indicators(data)
    fold = fold_of_gold(targets, params["folds"], data.spec.seed)
    answers = [load_arrays(inputs[f"fold{k}"] / "heldout.safetensors") for k in range(params["folds"])]
    pooled = {}
    for name in answers[0]:
        pooled[name] = np.zeros_like(targets)
        for k, answer in enumerate(answers):
            pooled[name][fold == k] = answer[name]
    result = audit(pooled, targets, data.multi_label)
    summary = {
        "weights": result.weights,
        "accuracy": result.accuracy,
        "loss": result.loss,
        "ensemble_accuracy": result.ensemble_accuracy,
        "ensemble_loss": result.ensemble_loss,
        "exponent": result.exponent,
    }
    write_json(out / "audit.json", summary)
    progress(1.0, "audited")
    return summary
