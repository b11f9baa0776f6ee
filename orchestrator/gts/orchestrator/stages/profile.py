"""Stage ``profile``: what there is to work with, and how fast this machine is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.orchestrator.experience import Experience, learn
from gts.orchestrator.history import history_of
from gts.orchestrator.priors import shipped_gains
from gts.orchestrator.stage import Progress, current_store
from gts.orchestrator.stages.common import MOST_TOKENS, write_json
from gts.tasks.dataset import load_task

_BATCH = 64
_PROBE_S = 2.0


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Count the data and time the encoder.

    Args:
        inputs: ``task``.
        params: ``machine``: a name for the machine, so that another one is measured anew; ``encoder`` (catalogue id
            or None), ``weights`` (its identity).
        out: Gets ``profile.json``.
        progress: Progress.

    Returns:
        ``gold``, ``pool``, ``labels``, ``smallest_label`` (counts), ``language``, ``encoder`` (its id
        or None), ``encode_s`` (seconds one of the user's texts takes to encode in a batch of like length), ``chars`` (median),
        ``experience`` (what past jobs say about forecasts).
    """
    data = load_task(inputs["task"])
    texts = [example.text for example in data.gold] + list(data.pool[:1000])
    counts = [sum(label in example.labels for example in data.gold) for label in data.labels]
    language = data.spec.language or "und"
    encode_s = None
    if params["encoder"] is not None:
        progress(0.2, f"loading {params['encoder']}")
        encode_s = time_encoder(params["encoder"], texts)
    summary = {
        "gold": len(data.gold),
        "pool": len(data.pool),
        "labels": len(data.labels),
        "smallest_label": min(counts),
        "language": language,
        "encoder": params["encoder"],
        "encode_s": encode_s,
        "weights": params["weights"],
        "experience": experience_on(params["machine"]).as_json(),
        "chars": float(np.median([len(text) for text in texts])),
    }
    write_json(out / "profile.json", summary)
    progress(1.0, "profiled")
    return summary


def experience_on(machine: str) -> Experience:
    """What past jobs of this store say about forecasts. It is read once a job, so that a job that begins anew plans alike."""
    return learn(history_of(current_store()).read(), machine, shipped_gains())


def time_encoder(encoder_id: str, texts: Sequence[str]) -> float:
    """Seconds one of the texts takes to encode in a batch of like length."""
    encoder = Encoder(catalogue.locate(encoder_id), MOST_TOKENS)
    batches = typical_batches(texts)
    # The first pass pays for set-up of each shape. Then the least of as many as fit: a busy neighbour can only add.
    _seconds(encoder, batches)
    passes = [_seconds(encoder, batches)]
    while sum(passes) < _PROBE_S:
        passes.append(_seconds(encoder, batches))
    return min(passes) / sum(map(len, batches))


def typical_batches(texts: Sequence[str]) -> list[list[str]]:
    """A short, a middling and a long batch of texts of like length, as the stages make them of thousands of texts.

    A few texts drawn at random and batched would need up to three times the padding.
    """
    by_length = sorted(texts, key=len)
    starts = (int(share * len(by_length)) for share in (1 / 6, 1 / 2, 5 / 6))
    half = _BATCH // 2
    return [by_length[max(0, start - half) : start + half] for start in starts]


def _seconds(encoder: Encoder, batches: Sequence[Sequence[str]]) -> float:
    started = time.perf_counter()
    for batch in batches:
        encoder.embed(batch, _BATCH)
    return time.perf_counter() - started
