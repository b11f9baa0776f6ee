"""Stage ``embed``: vectors of all texts and tokens under the untuned encoder, computed once for all jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.core.features import FeatureStore
from gts.orchestrator.stage import Progress, current_store
from gts.orchestrator.stages.common import MOST_TOKENS, part, pool_rows, save_arrays
from gts.tasks.dataset import load_task
from gts.teacher.portfolio import with_label_texts


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Encode gold, pool, label texts and the vocabulary.

    Args:
        inputs: ``task``.
        params: ``encoder`` (catalogue id), ``weights`` (its identity), ``pool`` (most pool rows).
        out: Gets ``vectors.safetensors``: ``gold``, ``pool``, ``names`` (unit rows) and ``tokens`` (float16).
        progress: Progress.
    """
    data = load_task(inputs["task"])
    encoder = Encoder(catalogue.locate(params["encoder"]), MOST_TOKENS)
    rows = pool_rows(len(data.pool), params["pool"], data.spec.seed)
    names, _ = with_label_texts((), np.zeros((0, len(data.labels)), np.float32), data.spec.labels)
    gold = [example.text for example in data.gold]
    pool = [data.pool[i] for i in rows]
    features = FeatureStore(current_store().root / "features")
    report = part(progress, 0.0, 0.8, "encoding texts")
    vectors = features.embed(encoder, params["weights"], [*gold, *pool, *names], report)
    progress(0.8, "encoding the vocabulary")
    tokens = features.embed_vocabulary(encoder, params["weights"])
    save_arrays(
        out / "vectors.safetensors",
        {
            "gold": vectors[: len(gold)],
            "pool": vectors[len(gold) : len(gold) + len(pool)],
            "names": vectors[len(gold) + len(pool) :],
            "tokens": tokens,
        },
    )
    progress(1.0, "encoded")
    return {"texts": len(vectors), "tokens": len(tokens)}
