"""Contrastive tuning of an encoder on a few labelled texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import TRAINING_CHUNK, Encoder, training, warmup_decay

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TuneConfig:
    """How an encoder is tuned.

    Attributes:
        steps: Optimizer steps.
        batch_size: Texts a step; they come from as many labels as possible, at least two of each.
        learning_rate: Peak of the schedule (linear warm-up over a tenth of the steps, then linear decay).
        temperature: Softness of the loss. 0.3 was better than 0.1 on tasks with few labels, 0.1 on one with
            77 (benchmarks/LOG.md).
        max_length: Longest sequence in tuning, in tokens.
        seed: Seed of batches and dropout.
    """

    steps: int = 40
    batch_size: int = 64
    learning_rate: float = 8e-5
    temperature: float = 0.3
    max_length: int = 128
    seed: int = 0


def label_similarity(targets: Floats) -> Floats:
    """How much label sets overlap (Jaccard): [n, labels] -> [n, n]; 0 or 1 for single-label targets."""
    shared = targets @ targets.T
    sizes = targets.sum(1)
    union = sizes[:, None] + sizes[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def supervised_contrastive_loss(vectors: Any, similarity: Any, temperature: float) -> Any:
    """Supervised contrastive loss over all pairs of a batch.

    References:
        Khosla et al., Supervised Contrastive Learning, 2020, eq. 2 (``L_out``); positives are weighed by the
        overlap of their label sets, which for single labels is the published loss.

    Args:
        vectors: Sentence vectors, any length: [n, d].
        similarity: Weight of each pair as a positive, in [0, 1]: [n, n].
        temperature: Divisor of the cosines.

    Returns:
        Scalar tensor.
    """
    import torch

    n = vectors.shape[0]
    unit = torch.nn.functional.normalize(vectors, dim=1)
    logits = (unit @ unit.T / temperature).masked_fill(
        torch.eye(n, dtype=torch.bool, device=unit.device), -1e9
    )
    log_probability = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    positives = similarity * (1 - torch.eye(n, device=unit.device))
    mass = positives.sum(1)
    per_text = -(log_probability * positives).sum(1) / mass.clamp(min=1e-9)
    return per_text[mass > 0].mean()


def draw_batch(groups: Sequence[NDArray[np.int64]], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Row numbers of a batch: labels drawn at random, about equally many texts of each, at least two.

    Args:
        groups: Row numbers of each label's texts; a row may be in several.
        size: Rows wanted (fewer come where there are fewer).
        rng: Source of randomness.
    """
    n_labels = min(len(groups), max(2, size // 4))
    each = max(2, size // n_labels)
    chosen = rng.choice(len(groups), n_labels, replace=False)
    rows = [rng.choice(groups[c], min(each, len(groups[c])), replace=False) for c in chosen]
    return np.unique(np.concatenate(rows))


def tune(
    encoder: Encoder,
    texts: Sequence[str],
    targets: Floats,
    config: TuneConfig,
    on_step: Callable[[float], None] | None = None,
) -> Encoder:
    """Pull texts that share labels together and push the others apart, in place.

    Batches hold all pairs of 64 texts, which on two cores does in seconds what lists of pairs do in many
    minutes.

    Args:
        encoder: The encoder; its weights change.
        texts: Labelled texts.
        targets: Label indicators, [texts, labels] of 0 and 1.
        config: How to tune.
        on_step: Called with the fraction done after each step.

    Returns:
        The same encoder.
    """
    import torch

    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    groups = [rows for rows in (np.flatnonzero(column) for column in targets.T) if len(rows)]
    similarity = label_similarity(targets)
    if similarity.min() == 1 or len(groups) < 2:  # nothing to push apart
        return encoder
    tokens = encoder.tokenize(texts, config.max_length)
    parameters = [p for p in encoder.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, config.steps))
    with training(encoder.model):
        for step in range(config.steps):
            chunks = list(tokens.by_length(TRAINING_CHUNK, draw_batch(groups, config.batch_size, rng)))
            rows = np.concatenate(chunks)
            vectors = torch.cat([encoder.forward(*tokens.batch(chunk.tolist())) for chunk in chunks])
            wanted = torch.from_numpy(similarity[np.ix_(rows, rows)]).to(vectors.device)
            loss = supervised_contrastive_loss(vectors, wanted, config.temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            scheduler.step()
            if on_step is not None:
                on_step((step + 1) / config.steps)
    return encoder
