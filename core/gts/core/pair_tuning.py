"""Tuning a model end to end on soft labels of text pairs, whatever stands between its trunk and one logit a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import TRAINING_CHUNK, TokenizedTexts, training, warmup_decay

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PairTuning:
    """How a model is tuned on pairs.

    Attributes:
        steps: Optimizer steps.
        batch_size: Pairs a step.
        gold_share: Share of each batch drawn from the gold pairs, where there are others.
        learning_rate: Peak rate of the trunk (linear warm-up over a tenth of the steps, then linear decay).
        head_factor: How much faster the head learns.
        max_length: Longest sequence in tuning, in tokens.
        seed: Seed of batches and dropout.
    """

    steps: int = 100
    batch_size: int = 32
    gold_share: float = 0.2
    learning_rate: float = 5e-5
    head_factor: float = 20.0
    max_length: int = 96
    seed: int = 0


class TokenizedPairs(TokenizedTexts):
    """Pairs as one sequence each, ``[CLS] a [SEP] b [SEP]``, without segment ids; the longer text is cut first.

    Args:
        tokenizer: A transformers tokenizer.
        pairs: The pairs.
        max_length: Longest sequence kept, in tokens, special ones included.
    """

    def __init__(self, tokenizer: Any, pairs: Sequence[tuple[str, str]], max_length: int) -> None:
        super().__init__(tokenizer, [], max_length)
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        if pairs:
            self.ids = tokenizer(first, second, truncation=True, max_length=max_length)["input_ids"]


def both_orders(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, then the same pairs turned round.

    Example:
        >>> both_orders([("a", "b")])
        [('a', 'b'), ('b', 'a')]
    """
    return [*pairs, *((b, a) for a, b in pairs)]


def tune_on_pairs(
    model: Any,
    logits: Callable[[Rows], Any],
    parameters: Mapping[str, Sequence[Any]],
    lengths: Sequence[int],
    targets: Floats,
    weights: Floats,
    n_gold: int,
    config: PairTuning,
    on_step: Callable[[float], None] | None = None,
) -> None:
    """Minimise the binary cross-entropy between soft labels and one logit a pair, in place.

    A step goes through the model in chunks of pairs of like length. A grade counts as a share of its scale, for which
    the cross-entropy is least where the probability equals it.

    Args:
        model: The transformers model inside, put into training mode.
        logits: Gives the logits [rows] of some pairs, with gradients.
        parameters: ``trunk`` and ``head``: what is tuned, each at its own rate.
        lengths: Tokens of each pair, to sort by.
        targets: Soft labels in [0, 1], [pairs].
        weights: Pairs that are not gold are drawn in proportion to these; the loss of gold pairs is weighed by them.
        n_gold: How many pairs at the front are gold.
        config: How to tune.
        on_step: Called with the fraction done after each step.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(config.seed)
    groups: list[dict[str, Any]] = [
        {"params": list(parameters["trunk"]), "lr": config.learning_rate},
        {"params": list(parameters["head"]), "lr": config.head_factor * config.learning_rate},
    ]
    tuned = [parameter for group in groups for parameter in group["params"]]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, config.steps))
    sizes = np.asarray(lengths)
    importance = np.where(np.arange(len(weights)) < n_gold, weights, 1.0).astype(np.float32)
    with training(model):
        for step, batch in zip(range(config.steps), _batches(weights, n_gold, config), strict=False):
            order = batch[np.argsort(sizes[batch], kind="stable")]
            total = float(importance[order].sum())
            optimizer.zero_grad()
            # A backward pass a chunk: the loss is a sum over pairs, and memory is that of one chunk.
            for start in range(0, len(order), TRAINING_CHUNK):
                rows = order[start : start + TRAINING_CHUNK]
                found = logits(rows).float()
                wanted, weight = (torch.from_numpy(a[rows]).to(found.device) for a in (targets, importance))
                loss = functional.binary_cross_entropy_with_logits(found, wanted, weight, reduction="sum")
                torch.autograd.backward(loss / max(total, 1e-9))
            torch.nn.utils.clip_grad_norm_(tuned, 1.0)
            optimizer.step()
            scheduler.step()
            if on_step is not None:
                on_step((step + 1) / config.steps)


def _batches(weights: Floats, n_gold: int, config: PairTuning) -> Iterator[Rows]:
    """Endless batches: gold pairs in rounds without repetition, others drawn by weight."""
    rng = np.random.default_rng(config.seed)
    others = np.arange(n_gold, len(weights))
    chances = weights[n_gold:].astype(np.float64)
    chances /= max(1e-9, float(chances.sum()))
    drawable = int((chances > 0).sum())
    of_gold = config.batch_size if not drawable else max(1, round(config.gold_share * config.batch_size))
    left = np.zeros(0, np.int64)
    while True:
        if len(left) < of_gold:
            left = np.concatenate([left, rng.permutation(n_gold)])
        batch, left = left[:of_gold], left[of_gold:]
        if drawable:
            size = min(config.batch_size - len(batch), drawable)
            batch = np.concatenate([batch, rng.choice(others, size, replace=False, p=chances)])
        yield batch
