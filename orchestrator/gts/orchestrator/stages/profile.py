"""Stage ``profile``: what there is to work with, and how fast this machine is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS, write_json
from gts.tasks.dataset import load_task

_PROBE_TEXTS = 128
_PROBE_S = 2.0


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Count the data and time the encoder.

    Args:
        inputs: ``task``.
        params: ``machine``: a name for the machine, so that another one is measured anew.
        out: Gets ``profile.json``.
        progress: Progress.

    Returns:
        ``gold``, ``pool``, ``labels``, ``smallest_label`` (counts), ``language``, ``encoder`` (its id
        or None), ``encode_s`` (seconds one of the user's texts takes to encode in a batch), ``chars`` (median).
    """
    data = load_task(inputs["task"])
    texts = [example.text for example in data.gold] + list(data.pool[:1000])
    counts = [sum(label in example.labels for example in data.gold) for label in data.labels]
    language = data.spec.language or "und"
    entry = catalogue.encoder_for("en" if language == "und" else language)
    encode_s = None
    if entry is not None:
        from gts.core.encoder import Encoder

        progress(0.2, f"loading {entry.id}")
        encoder = Encoder(catalogue.locate(entry.id), MOST_TOKENS)
        rng = np.random.default_rng(data.spec.seed)
        sample = [texts[i] for i in rng.integers(0, len(texts), _PROBE_TEXTS)]
        # The first pass pays for set-up of each shape. Then the least of as many as fit: a busy neighbour can only add.
        _seconds(encoder, sample)
        passes = [_seconds(encoder, sample)]
        while sum(passes) < _PROBE_S:
            passes.append(_seconds(encoder, sample))
        encode_s = min(passes) / _PROBE_TEXTS
    summary = {
        "gold": len(data.gold),
        "pool": len(data.pool),
        "labels": len(data.labels),
        "smallest_label": min(counts),
        "language": language,
        "encoder": entry.id if entry else None,
        "encode_s": encode_s,
        "chars": float(np.median([len(text) for text in texts])),
    }
    write_json(out / "profile.json", summary)
    progress(1.0, "profiled")
    return summary


def _seconds(encoder: Any, texts: list[str]) -> float:
    started = time.perf_counter()
    encoder.embed(texts)
    return time.perf_counter() - started
