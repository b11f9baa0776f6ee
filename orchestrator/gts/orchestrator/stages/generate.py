"""Stage ``generate``: amplify one fold's texts and keep what passes the filters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder, unit
from gts.generator.filters import FilterContext, acceptance, judge
from gts.generator.protocol import Judged, PoolWeights, Request
from gts.generator.wishes import edits, read_reviews, respect
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.beliefs import ensemble_beliefs
from gts.orchestrator.stages.common import (
    MOST_TOKENS,
    Floats,
    load_split,
    part,
    save_arrays,
)
from gts.orchestrator.stages.opinions import Opinions
from gts.orchestrator.stages.writers import Corpus, make_writer
from gts.tasks.dataset import Example, TaskData
from gts.teacher.lexical import hashed_vectors, latent_vectors, ngram_matrix

_BALANCE = 2.0


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Generate texts for each label.

    New texts are labelled by the teachers; see :class:`Opinions`.

    Args:
        inputs: ``task``, ``teach``, ``audit``; ``reviews`` where people vetoed or edited texts.
        params: ``fold``, ``folds``, ``pool`` (see :func:`load_split`), ``encoder``, ``count`` (texts wanted for each label, on
            average), ``aim`` (label to share of the texts; empty: all alike), and those of :func:`make_writer`.
        out: Gets ``judged.jsonl`` (every text with provenance, verdict and reason), ``kept.jsonl`` and
            ``beliefs.safetensors`` (soft labels of the kept texts).
        progress: Progress.

    Returns:
        ``accepted``, ``drafts``, ``acceptance`` (see :func:`acceptance`), and ``asked``: what calls of language models took.
    """
    split = load_split(inputs, params)
    data = split.data
    gold = [data.gold[i] for i in split.train]
    beliefs = np.zeros((0, len(data.labels)), np.float32)
    if len(split.pool):
        beliefs = ensemble_beliefs(inputs, data.multi_label)
    progress(0.05, "writing")
    pool_weights = (
        PoolWeights(data.labels, np.clip(beliefs, 0, 1).astype(np.float64)) if len(split.pool) else None
    )
    writer = make_writer(
        data,
        params,
        Corpus(gold, split.pool_texts, pool_weights),
        _space(inputs, params),
        part(progress, 0.05, 0.5, "writing"),
    )
    requests = requests_for(gold, params["count"] * len(data.labels), params["aim"])
    drafts = list(writer.generator.generate(gold, split.pool_texts, requests, data.spec.seed, pool_weights))
    progress(0.5, "judging the new texts")
    known = np.concatenate([split.train_targets, beliefs])
    texts = [*split.train_texts, *split.pool_texts, *(draft.text for draft in drafts)]
    opinions = Opinions(
        split,
        known,
        texts,
        _vectors(texts, inputs, params),
        inputs,
        {**params, **_left(params, writer.accounts())},
        part(progress, 0.5, 0.95, "asking about the new texts"),
    )
    context = FilterContext(
        gold=gold,
        pool=split.pool_texts,
        held_out=split.heldout_texts,
        labels=data.labels,
        multi_label=data.multi_label,
        embed=opinions.vectors,
        label_probabilities=opinions,
        balance=_BALANCE * _unevenness(requests),
        teacher_threshold=0.5 if data.multi_label or len(data.labels) == 2 else 1.5 / len(data.labels),
    )
    wishes = read_reviews(inputs)
    judged = [respect(verdict, wishes) for verdict in judge(drafts, context)]
    edited = edits(wishes, context)
    beliefs = np.concatenate([opinions([v.text.text for v in judged if v.kept]), _certain(edited, data)])
    judged += edited
    kept = [i for i, verdict in enumerate(judged) if verdict.kept]
    rows = [json.dumps(verdict.as_json(), ensure_ascii=False) for verdict in judged]
    (out / "judged.jsonl").write_text("".join(row + "\n" for row in rows), "utf-8")
    (out / "kept.jsonl").write_text("".join(rows[i] + "\n" for i in kept), "utf-8")
    save_arrays(out / "beliefs.safetensors", {"beliefs": beliefs})
    progress(1.0, "generated")
    counts = acceptance(judged)
    return {
        "accepted": len(kept),
        "drafts": len(drafts),
        "acceptance": counts,
        "asked": [*writer.accounts(), *opinions.accounts()],
    }


def _left(params: Mapping[str, Any], accounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``tokens`` and ``money`` that the writer has left of what the stage may spend."""
    return {
        key: max(0, params[key] - sum(account[key] for account in accounts))
        for key in ("tokens", "money")
        if params.get(key) is not None
    }


def _certain(edited: Sequence[Judged], data: TaskData) -> Floats:
    """Label indicators of the kept ones among texts that a person labelled."""
    rows = [
        [float(label in verdict.text.labels) for label in data.labels] for verdict in edited if verdict.kept
    ]
    return np.array(rows, np.float32).reshape(len(rows), len(data.labels))


def requests_for(gold: Sequence[Example], total: int, aim: Mapping[str, float]) -> list[Request]:
    """The texts wanted, shared out over the sets of labels that occur, the frequent ones first.

    Args:
        gold: The examples.
        total: Most texts that are wanted.
        aim: Share of each label, where rows have one label; empty: all sets alike.

    Returns:
        Requests in the order of their labels, without those that would come to nothing.
    """
    sets = Counter(tuple(sorted(example.labels)) for example in gold)
    chosen = sorted(labels for labels, _ in sets.most_common(total))
    share = {labels: aim[labels[0]] if aim else 1.0 for labels in chosen}
    whole = sum(share.values())
    # A number of texts that is whole but for rounding is not to lose one.
    wanted = {labels: int(total * share[labels] / whole + 1e-6) for labels in chosen}
    return [Request(labels, count) for labels, count in wanted.items() if count]


def _unevenness(requests: Sequence[Request]) -> float:
    """The most texts wanted for a set of labels, as a multiple of the median: so much more may be kept of it."""
    counts = [request.count for request in requests]
    return max(counts) / float(np.median(counts))


def _vectors(texts: Sequence[str], inputs: Mapping[str, Path], params: Mapping[str, Any]) -> Floats:
    if params["encoder"] is None:
        return latent_vectors(ngram_matrix(texts))
    return _space(inputs, params)(texts)


def _space(inputs: Mapping[str, Path], params: Mapping[str, Any]) -> Callable[[Sequence[str]], Floats]:
    """The teachers' space: texts to unit vectors, whatever other texts there are."""
    if params["encoder"] is None:
        return hashed_vectors
    folders = (inputs["teach"] / "trunk", catalogue.locate(params["encoder"]))
    encoder = lru_cache(maxsize=None)(lambda folder: Encoder(folder, MOST_TOKENS))

    def embed(texts: Sequence[str]) -> Floats:
        return unit(np.concatenate([encoder(folder).embed(texts) for folder in folders], axis=1))

    return embed
