"""Teachers that tune an encoder on labelled pairs: one reads both texts at once, one compares two vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder
from gts.core.pair_tuning import PairTuning, TokenizedPairs, both_orders, tune_on_pairs
from gts.tasks.rows import PairRow
from gts.teacher.pairs.frozen import fit_frozen
from gts.teacher.pairs.rows import Scale, distinct_texts, pairs_of, targets_of

Floats = NDArray[np.float32]

_FIRST_SLOPE = 8.0
"""Slope of the logit over the cosine before tuning: cosines of an encoder differ by tenths."""


def fit_tuned_bi(
    train_rows: Sequence[PairRow],
    pool_rows: Sequence[PairRow],
    query_rows: Sequence[PairRow],
    encoder: Encoder,
    config: PairTuning,
    scale: Scale | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Floats:
    """Pull the vectors of alike texts together and push the others apart, then fit the frozen teacher's head on them.

    Args:
        train_rows: Labelled pairs.
        pool_rows: Unlabelled pairs.
        query_rows: What is asked.
        encoder: A fresh encoder; tuned in place.
        config: How to tune.
        scale: Least and greatest grade, where pairs are graded.
        on_progress: Called with the fraction done.

    Returns:
        Probabilities, or shares of the scale, [query rows].

    Raises:
        InvalidInput: The training rows are not labelled.
    """
    import torch
    from torch.nn import functional

    report = on_progress or (lambda fraction: None)
    targets, n = targets_of(train_rows, scale), len(train_rows)
    pairs = pairs_of(train_rows)
    tokens = encoder.tokenize([*(a for a, _ in pairs), *(b for _, b in pairs)], config.max_length)
    start = float(_cosines(encoder, pairs).mean())
    slope = torch.tensor([_FIRST_SLOPE], device=encoder.model.device, requires_grad=True)
    middle = torch.tensor([start], device=encoder.model.device, requires_grad=True)

    def logits(rows: NDArray[np.int64]) -> Any:
        first, second = (encoder.forward(*tokens.batch(part.tolist())) for part in (rows, rows + n))
        return slope * (functional.cosine_similarity(first, second) - middle)

    lengths = [max(len(tokens.ids[i]), len(tokens.ids[i + n])) for i in range(n)]
    _tune(encoder, logits, [slope, middle], lengths, targets, config, lambda done: report(0.5 * done))
    texts = distinct_texts(train_rows, pool_rows, query_rows)
    vectors = encoder.embed(texts, on_batch=lambda done: report(0.5 + 0.5 * done))
    return fit_frozen(train_rows, pool_rows, query_rows, vectors, scale, with_surface=True, seed=config.seed)


def fit_tuned_cross(
    train_rows: Sequence[PairRow],
    pool_rows: Sequence[PairRow],
    query_rows: Sequence[PairRow],
    encoder: Encoder,
    config: PairTuning,
    scale: Scale | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Floats:
    """Tune the encoder to read both texts at once, with a linear head on the mean of all its last states.

    The answer for a pair is the mean of those for its two orders. It needs some hundreds of labelled pairs; with fewer it
    is the weakest teacher, and the audit says so.

    Args:
        train_rows: Labelled pairs.
        pool_rows: Unlabelled pairs; not used.
        query_rows: What is asked.
        encoder: A fresh encoder; tuned in place.
        config: How to tune.
        scale: Least and greatest grade, where pairs are graded.
        on_progress: Called with the fraction done.

    Returns:
        Probabilities, or shares of the scale, [query rows].

    Raises:
        InvalidInput: The training rows are not labelled.
    """
    import torch

    report = on_progress or (lambda fraction: None)
    targets, n = targets_of(train_rows, scale), len(train_rows)
    tokens = TokenizedPairs(encoder.tokenizer, both_orders(pairs_of(train_rows)), config.max_length)
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    head = torch.nn.Linear(int(encoder.model.config.hidden_size), 1).to(encoder.model.device)
    share = float(np.clip(targets.mean(), 0.05, 0.95))
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(np.log(share / (1 - share)))

    def logits(rows: NDArray[np.int64]) -> Any:
        return head(encoder.forward(*tokens.batch((rows + n * rng.integers(0, 2, len(rows))).tolist())))[:, 0]

    lengths = [len(ids) for ids in tokens.ids[:n]]
    _tune(encoder, logits, list(head.parameters()), lengths, targets, config, lambda done: report(0.5 * done))
    asked = TokenizedPairs(encoder.tokenizer, both_orders(pairs_of(query_rows)), encoder.max_length)
    out, done = np.zeros(len(asked), np.float32), 0
    with torch.inference_mode():
        for rows in asked.by_length(64):
            found = head(encoder.forward(*asked.batch(rows.tolist())))[:, 0]
            out[rows] = torch.sigmoid(found).cpu().numpy()
            done += len(rows)
            report(0.5 + 0.5 * done / len(asked))
    return np.asarray((out[: len(query_rows)] + out[len(query_rows) :]) / 2, np.float32)


def _tune(
    encoder: Encoder,
    logits: Callable[[NDArray[np.int64]], Any],
    head: list[Any],
    lengths: list[int],
    targets: Floats,
    config: PairTuning,
    on_step: Callable[[float], None],
) -> None:
    # The token table of a few pairs' words would drift from that of all others; the pooler is not used.
    trunk = [
        parameter
        for name, parameter in encoder.model.named_parameters()
        if not name.startswith(("embeddings.", "pooler."))
    ]
    weights = np.ones(len(targets), np.float32)
    parts = {"trunk": trunk, "head": head}
    tune_on_pairs(encoder.model, logits, parts, lengths, targets, weights, len(targets), config, on_step)


def _cosines(encoder: Encoder, pairs: Sequence[tuple[str, str]]) -> Floats:
    vectors = encoder.embed([text for pair in pairs for text in pair])
    return np.asarray((vectors[::2] * vectors[1::2]).sum(axis=1), np.float32)
