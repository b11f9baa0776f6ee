"""The static student: a token table and a linear head, trained together on soft labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gts.student.objective import soft_label_loss

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]
Bag = NDArray[np.int64]


@dataclass(frozen=True)
class StaticConfig:
    """How a static student is trained.

    Attributes:
        epochs: Passes over the texts.
        batch_size: Texts a step.
        table_rate: Learning rate of token vectors. Low: tokens of texts nobody taught about must stay in
            the neighbourhood of their taught synonyms.
        head_rate: Learning rate of the head.
        token_dropout: Share of a text's tokens hidden at each step.
        head_decay: Weight of the head's mean squared norm in the loss.
        seed: Seed of batches and dropout.
    """

    epochs: int = 20
    batch_size: int = 64
    table_rate: float = 3e-4
    head_rate: float = 3e-3
    token_dropout: float = 0.2
    head_decay: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class StaticStudent:
    """A trained static student.

    Attributes:
        table: Token vectors [vocabulary, dim].
        weight: Head [labels, dim].
        bias: Head [labels].
    """

    table: Floats
    weight: Floats
    bias: Floats

    def logits(self, bags: Sequence[Bag]) -> Floats:
        """Logits of tokenised texts [n, labels]; a text without tokens gets the bias alone."""
        means = np.stack(
            [self.table[bag].mean(axis=0) if len(bag) else np.zeros(self.table.shape[1]) for bag in bags]
        )
        return np.asarray(means @ self.weight.T + self.bias, np.float32)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], max_length: int, unknown: int | None) -> list[Bag]:
    """Token ids of texts as model2vec reads them: no special tokens, no unknown ones."""
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    bags = (np.array(encoding.ids[:max_length], np.int64) for encoding in encodings)
    return [bag[bag != unknown] for bag in bags]


def initial_table(vectors: Floats, bags: Sequence[Bag], dimensions: int) -> Floats:
    """A table to start from: principal components, frequent tokens made smaller.

    The weight ``a / (a + p)`` with ``a = 1e-3`` is smooth inverse frequency (Arora et al., A Simple but
    Tough-to-Beat Baseline for Sentence Embeddings, 2017), with the user's own token frequencies.

    Args:
        vectors: Token vectors [vocabulary, width].
        bags: Token ids of the user's texts.
        dimensions: Width wanted.

    Returns:
        Array [vocabulary, dimensions], mean row length 1.
    """
    from sklearn.decomposition import PCA

    table = vectors - vectors.mean(axis=0)
    if dimensions < vectors.shape[1]:
        table = PCA(dimensions, svd_solver="covariance_eigh").fit_transform(vectors)
    counts = np.bincount(np.concatenate(bags) if bags else np.zeros(0, int), minlength=len(vectors)).astype(
        float
    )
    frequency = (counts + 1) / (counts.sum() + len(counts))
    table = table * (1e-3 / (1e-3 + frequency))[:, None]
    return np.asarray(table / max(1e-9, float(np.linalg.norm(table, axis=1).mean())), np.float32)


def train_static(
    table: Floats,
    bags: Sequence[Bag],
    targets: Floats,
    weights: Floats,
    multi_label: bool,
    config: StaticConfig,
    on_epoch: Callable[[float], None] | None = None,
) -> StaticStudent:
    """Train table and head on soft labels.

    Args:
        table: Where token vectors start [vocabulary, dim]; see :func:`initial_table`.
        bags: Token ids of each text.
        targets: Soft labels [texts, labels].
        weights: Weight of each text in the loss [texts].
        multi_label: Whether labels are independent.
        config: How to train.
        on_epoch: Called with the fraction done after each epoch.

    Returns:
        The student; tokens that no text holds keep their first vectors.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    kept = [i for i, bag in enumerate(bags) if len(bag)]
    used = np.unique(np.concatenate([bags[i] for i in kept])) if kept else np.zeros(1, np.int64)
    position = np.zeros(len(table), np.int64)
    position[used] = np.arange(len(used))
    rows = [position[bags[i]] for i in kept]
    wanted, importance = torch.from_numpy(targets[kept]), torch.from_numpy(weights[kept])
    vectors = torch.nn.Parameter(torch.from_numpy(table[used].copy()))
    head = torch.nn.Linear(table.shape[1], targets.shape[1])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    scale = 8.0  # means of many unit vectors are short; Adam's step is the same for every size of input
    optimizer = torch.optim.Adam(
        [
            {"params": [vectors], "lr": config.table_rate},
            {"params": head.parameters(), "lr": config.head_rate},
        ]
    )
    steps = config.epochs * -(-len(rows) // config.batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / max(1, steps)))
    for epoch in range(config.epochs):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), config.batch_size):
            batch = order[start : start + config.batch_size]
            seen = [_hide(rows[i], config.token_dropout, rng) for i in batch]
            offsets = np.cumsum([0, *(len(bag) for bag in seen[:-1])])
            means = functional.embedding_bag(
                torch.from_numpy(np.concatenate(seen)), vectors, torch.from_numpy(offsets), mode="mean"
            )
            loss = soft_label_loss(head(scale * means), wanted[batch], importance[batch], multi_label)
            loss = loss + config.head_decay * (head.weight**2).sum() / targets.shape[1]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        if on_epoch is not None:
            on_epoch((epoch + 1) / config.epochs)
    final = table.copy()
    if kept:
        final[used] = vectors.detach().numpy()
    return StaticStudent(final, (scale * head.weight).detach().numpy(), head.bias.detach().numpy())


def _hide(bag: Bag, share: float, rng: np.random.Generator) -> Bag:
    if share <= 0 or len(bag) <= 3:
        return bag
    left = bag[rng.random(len(bag)) >= share]
    return left if len(left) else bag
