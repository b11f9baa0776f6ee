"""Stage ``rows.mine``: pairs made of a similarity task's single texts, for teachers and students to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.stage import Progress
from gts.tasks.rows import load_row_task, save_row_task
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.pairs.mining import mine

_MOST_SENTENCES, _MOST_PAIRS = 4000, 2000


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Pair single texts, those first that look alike by their n-grams, which any language has.

    Args:
        inputs: ``task``, with ``sentences``.
        params: None.
        out: Gets the task, its single texts become unlabelled pairs.
        progress: Progress.

    Returns:
        ``sentences``: texts looked at, and ``pairs``.
    """
    data = load_row_task(inputs["task"])
    rng = np.random.default_rng(data.spec.seed)
    chosen = [data.sentences[i] for i in rng.permutation(len(data.sentences))[:_MOST_SENTENCES]]
    gold = [text for row in data.gold for text in (row.text_a, row.text_b)]
    progress(0.1, "pairing single texts")
    vectors = latent_vectors(ngram_matrix(chosen))
    pairs = mine(chosen, gold, min(_MOST_PAIRS, 2 * len(chosen)), data.spec.seed, vectors)
    picked = data.picked + len(pairs)
    save_row_task(replace(data, pool=(*data.pool, *pairs), sentences=(), picked=picked), out)
    progress(1.0, "paired")
    return {"sentences": len(chosen), "pairs": len(pairs)}
