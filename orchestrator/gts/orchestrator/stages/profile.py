"""Stage ``profile``: what there is to work with, and how fast this machine is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.core.features import FeatureStore
from gts.orchestrator.experience import Experience, learn
from gts.orchestrator.history import history_of
from gts.orchestrator.priors import shipped_gains
from gts.orchestrator.ranking import Score, choose, label_evidence
from gts.orchestrator.stage import Progress, current_store
from gts.orchestrator.stages.common import MOST_TOKENS, Floats, indicators, pool_rows, write_json
from gts.tasks.dataset import TaskData, load_task

Embed = Callable[[Sequence[str]], Floats]
"""Texts to unit vectors [texts, d] under a frozen encoder."""

MOST_RANKED = 500
"""Labelled rows that base models are ranked on; of more, the seed draws so many."""
_BATCH = 64
_PROBE_S = 2.0


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Count the data, time the encoder, and where there are several rank them on the labelled texts.

    Examples that were guessed by likeness under one of the encoders do not rank them: the first is taken.

    Args:
        inputs: ``task``.
        params: ``machine``: a name for the machine, so that another one is measured anew; ``encoder`` (catalogue id
            or None), ``weights`` (its identity); ``bases`` where there are several: both of each.
        out: Gets ``profile.json``.
        progress: Progress.

    Returns:
        ``gold``, ``pool``, ``labels``, ``smallest_label`` (counts), ``language``, ``encoder`` (the id of
        the one chosen, or None), ``weights``, ``encode_s`` (seconds one of the user's texts takes to encode in a batch of
        like length), ``bases`` (``encoder``, ``score`` and ``encode_s`` of each; null where it was not measured),
        ``chars`` (median), ``experience`` (what past jobs say about forecasts).
    """
    data = load_task(inputs["task"])
    texts = [example.text for example in data.gold] + list(data.pool[:1000])
    counts = [sum(label in example.labels for example in data.gold) for label in data.labels]
    language = data.spec.language or "und"
    rate = None if data.is_guessed else partial(_rate, data)
    summary = {
        "gold": len(data.gold),
        "pool": len(data.pool),
        "labels": len(data.labels),
        "smallest_label": min(counts),
        "language": language,
        **chosen_base(params, texts, rate, progress),
        "experience": experience_on(params["machine"]).as_json(),
        "chars": float(np.median([len(text) for text in texts])),
    }
    write_json(out / "profile.json", summary)
    progress(1.0, "profiled")
    return summary


def experience_on(machine: str) -> Experience:
    """What past jobs of this store say about forecasts. It is read once a job, so that a job that begins anew plans alike."""
    return learn(history_of(current_store()).read(), machine, shipped_gains())


def chosen_base(
    params: Mapping[str, Any],
    texts: Sequence[str],
    rate: Callable[[Embed], Score] | None,
    progress: Progress,
) -> dict[str, Any]:
    """Choose among the encoders that a stage's parameters name: the best for the task, or else the first.

    Args:
        params: Those of the stage.
        texts: The user's texts, to time encoders on.
        rate: Says what an encoder is worth for the task; ``None``: that is not known, and the first is taken.
        progress: Progress.

    Returns:
        ``encoder``, ``weights``, ``encode_s`` and ``bases`` of the stage's summary.
    """
    if params["encoder"] is None:
        return {"encoder": None, "weights": None, "encode_s": None, "bases": []}
    known = params.get("bases", [{name: params[name] for name in ("encoder", "weights")}])
    tried = known if rate is not None else known[:1]
    features = FeatureStore(current_store().root / "features")
    seconds: list[float] = []
    scores: list[Score] = []
    for number, base in enumerate(tried):
        progress(0.1 + 0.8 * number / len(tried), f"loading {base['encoder']}")
        encoder = Encoder(catalogue.locate(base["encoder"]), MOST_TOKENS)
        seconds.append(time_encoder(encoder, texts))
        if rate is not None and len(known) > 1:
            scores.append(rate(partial(features.embed, encoder, base["weights"])))
    best = choose(scores, seconds) if scores else 0
    values = [round(score.value, 4) for score in scores]
    bases = [
        {"encoder": base["encoder"], "score": value, "encode_s": encode_s}
        for base, value, encode_s in zip_longest(known, values, seconds)
    ]
    return {**known[best], "encode_s": seconds[best], "bases": bases}


def _rate(data: TaskData, embed: Embed) -> Score:
    rows = pool_rows(len(data.gold), MOST_RANKED, data.spec.seed)
    return label_evidence(embed([data.gold[i].text for i in rows]), indicators(data)[rows])


def time_encoder(encoder: Encoder, texts: Sequence[str]) -> float:
    """Seconds one of the texts takes to encode in a batch of like length."""
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
