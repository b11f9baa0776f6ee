"""The static student of text pairs: a token table, and a head that compares two means of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.pairs.head import PairHead, fit_pair_head, pair_features, torch_features, unit_means
from gts.student.pairs.lessons import Pair, PairLessons
from gts.student.runtime import sigmoid
from gts.student.static import initial_table, tokenize
from gts.student.static_runtime import unknown_id
from gts.student.vocabulary import cooccurrence_table, train_tokenizer
from gts.tasks.overlap import overlap_features

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]
Bag = NDArray[np.int64]


@dataclass(frozen=True)
class StaticPairConfig:
    """How a static student of pairs is trained.

    Attributes:
        epochs: Passes over the pairs; 0 fits the head alone.
        batch_size: Pairs a step.
        table_rate: Learning rate of token vectors.
        head_rate: Learning rate of the head.
        head_decay: Weight of the head's squared norm in the loss.
        dimensions: Most dimensions of the table.
        max_length: Tokens of a text that are read.
        seed: Seed of batches.
    """

    epochs: int = 10
    batch_size: int = 64
    table_rate: float = 1e-3
    head_rate: float = 3e-3
    head_decay: float = 1e-3
    dimensions: int = 256
    max_length: int = 256
    seed: int = 0


@dataclass(frozen=True)
class StaticPairStudent:
    """A trained static student of pairs.

    Attributes:
        tokenizer: Its tokenizer; each of its tokens is a row of the table.
        table: Token vectors [vocabulary, d].
        head: Compares two unit vectors of width d.
        max_length: Tokens of a text that are read.
    """

    tokenizer: Tokenizer
    table: Floats
    head: PairHead
    max_length: int

    def predict(self, pairs: Sequence[Pair], on_batch: Callable[[float], None] | None = None) -> Floats:
        """Probabilities, or shares of the scale, [pairs]; the same for both orders of a pair."""
        first, second = (
            unit_means(self.table, bags) for bags in _bags(self.tokenizer, pairs, self.max_length)
        )
        found = sigmoid(self.head.logits(pair_features(first, second, overlap_features(pairs))))
        if on_batch is not None:
            on_batch(1.0)
        return found


def own_start(texts: Sequence[str], config: StaticPairConfig) -> tuple[Tokenizer, Floats]:
    """Tokenizer and token vectors from the user's own text, for languages without an encoder at hand.

    Args:
        texts: All texts there are, gold and pool.
        config: For the width and the seed.
    """
    tokenizer = train_tokenizer(texts)
    bags = tokenize(tokenizer, texts, config.max_length, unknown_id(tokenizer))
    vectors = cooccurrence_table(bags, tokenizer.get_vocab_size(), config.dimensions, config.seed)
    return tokenizer, vectors


def train_static_pairs(
    lessons: PairLessons,
    tokenizer: Tokenizer,
    vectors: Floats,
    config: StaticPairConfig,
    on_epoch: Callable[[float], None] | None = None,
) -> StaticPairStudent:
    """Train table and head on soft labels: first the head alone, which is convex, then both.

    Args:
        lessons: What to learn.
        tokenizer: Its truncation and padding are off.
        vectors: Token vectors to start from [vocabulary, width]: an encoder's (``Encoder.embed_tokens``), or
            those of :func:`own_start`.
        config: How to train.
        on_epoch: Called with the fraction done after each epoch.
    """
    import torch
    from torch.nn import functional

    first, second = _bags(tokenizer, lessons.pairs, config.max_length)
    width = min(config.dimensions, vectors.shape[1])
    table = initial_table(vectors, [*first, *second], width)
    surface = overlap_features(lessons.pairs)
    features = pair_features(unit_means(table, first), unit_means(table, second), surface)
    head = fit_pair_head(features, lessons.targets, lessons.weights, width)
    if not config.epochs:
        return StaticPairStudent(tokenizer, table, head, config.max_length)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    used = np.unique(np.concatenate([np.zeros(1, np.int64), *first, *second]))
    position = np.zeros(len(table), np.int64)
    position[used] = np.arange(len(used))
    # Only rows that a pair holds are handed to the optimizer: it would step through the whole table each time.
    sides = [[position[bag] for bag in bags] for bags in (first, second)]
    rows = torch.nn.Parameter(torch.from_numpy(table[used]))
    mean, scale, shared = (torch.from_numpy(a) for a in (head.mean, head.scale, surface))
    weight, bias = (torch.from_numpy(a.copy()).requires_grad_() for a in (head.weight, head.bias))
    wanted, importance = torch.from_numpy(lessons.targets), torch.from_numpy(lessons.weights)
    groups = [{"params": [rows], "lr": config.table_rate}, {"params": [weight, bias], "lr": config.head_rate}]
    optimizer = torch.optim.Adam(groups)
    n = len(lessons.pairs)
    steps = config.epochs * -(-n // config.batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
    for epoch in range(config.epochs):
        order = rng.permutation(n)
        for start in range(0, n, config.batch_size):
            batch = order[start : start + config.batch_size]
            means = [_means(rows, [bags[i] for i in batch]) for bags in sides]
            found = torch_features(means[0], means[1], shared[batch])
            logits = (found - mean) * scale @ weight + bias
            loss = functional.binary_cross_entropy_with_logits(logits, wanted[batch], importance[batch])
            loss = loss + config.head_decay * ((weight - torch.from_numpy(head.weight)) ** 2).sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            scheduler.step()
        if on_epoch is not None:
            on_epoch((epoch + 1) / config.epochs)
    tuned = replace(head, weight=weight.detach().numpy(), bias=bias.detach().numpy())
    table[used] = rows.detach().numpy()
    return StaticPairStudent(tokenizer, table, tuned, config.max_length)


def _means(rows: Any, bags: Sequence[Bag]) -> Any:
    """Means of table rows [bags, d], with gradients; an empty bag gives zeros."""
    import torch
    from torch.nn import functional

    flat = torch.from_numpy(np.concatenate(bags))
    offsets = torch.from_numpy(np.cumsum([0, *(len(bag) for bag in bags[:-1])]))
    return functional.embedding_bag(flat, rows, offsets, mode="mean")


def _bags(tokenizer: Tokenizer, pairs: Sequence[Pair], max_length: int) -> tuple[list[Bag], list[Bag]]:
    unknown = unknown_id(tokenizer)
    first, second = (
        tokenize(tokenizer, [pair[side] for pair in pairs], max_length, unknown) for side in (0, 1)
    )
    return first, second
