"""Stage ``label``: a mini student labels pool texts that no teacher has seen, for the static student to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS, part, pool_rows, save_arrays
from gts.student.mini import load_classifier, mini_logits
from gts.student.runtime import sigmoid, softmax
from gts.tasks.dataset import load_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Label the rest of a larger draw of the pool.

    One pass of the encoder a text; teaching takes two and a neighbour graph.

    Args:
        inputs: ``task``, ``student`` (a mini fit on all gold of stage ``distil``).
        params: ``pool`` (most pool rows, with those taught), ``taught`` (how many the teachers labelled).
        out: Gets ``beliefs.safetensors``: ``rows`` of the pool and ``beliefs`` [rows, labels].
        progress: Progress.

    Returns:
        ``texts``: how many were labelled.
    """
    data = load_task(inputs["task"])
    n, seed = len(data.pool), data.spec.seed
    rows = np.setdiff1d(pool_rows(n, params["pool"], seed), pool_rows(n, params["taught"], seed))
    texts = [data.pool[row] for row in rows]
    report = part(progress, 0.1, 1.0, "labelling more of the pool with the mini student")
    logits = mini_logits(*load_classifier(inputs["student"] / "model"), texts, MOST_TOKENS, report)
    beliefs = sigmoid(logits) if data.multi_label else softmax(logits)
    save_arrays(out / "beliefs.safetensors", {"rows": rows, "beliefs": beliefs})
    return {"texts": len(texts)}
