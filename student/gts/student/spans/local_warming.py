"""Warming a local trunk up on unlabelled text, before it sees a lesson."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import warmup_decay
from gts.student.spans.examples import padded
from gts.student.spans.tokens import Ints, Window

if TYPE_CHECKING:
    from gts.student.spans.local import LocalTrunk

_POOLED_BATCHES = 8
"""Batches' worth of windows drawn together; those of like length make one, so little is padded."""


@dataclass(frozen=True)
class Warmth:
    """How a trunk is warmed up.

    Attributes:
        steps: Optimizer steps; 0 for none.
        batch_size: Windows a step.
        rate: Peak learning rate.
        asked: Share of tokens that is to be guessed.
        seed: Seed of batches and of what is hidden.
    """

    steps: int = 600
    batch_size: int = 32
    rate: float = 2e-3
    asked: float = 0.2
    seed: int = 0


def warm_up(trunk: LocalTrunk, windows: Sequence[Window], warmth: Warmth) -> list[float]:
    """Teach a trunk, in place, to guess hidden tokens from those around them.

    A masked language model in small (Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for
    Language Understanding, 2019): of the tokens that are to be guessed eight in ten are hidden, one is
    another token, and one stays as it is. Only tokens that the windows hold can be guessed, and their own
    vectors are what guesses are compared with.

    Args:
        trunk: The trunk; in evaluation mode afterwards.
        windows: Windows of unlabelled texts.
        warmth: How long and how.

    Returns:
        The loss of each step, in nats a token; empty where there is nothing to guess.
    """
    import torch
    from torch import nn

    held = [window for window in windows if len(window)]
    if not held or not warmth.steps:
        return []
    torch.manual_seed(warmth.seed)
    rng = np.random.default_rng(warmth.seed)
    known, counts = np.unique(np.concatenate([window.ids for window in held]), return_counts=True)
    numbers = np.zeros(trunk.tokens.num_embeddings, np.int64)
    numbers[known] = np.arange(len(known))
    guess = nn.Sequential(nn.Linear(trunk.width, trunk.width), nn.GELU(), nn.LayerNorm(trunk.width))
    bias = nn.Parameter(torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32)))
    parameters = [*trunk.parameters(), *guess.parameters(), bias]
    optimizer = torch.optim.AdamW(parameters, lr=warmth.rate, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, warmth.steps))
    batches = _batches(held, warmth.batch_size, rng)
    losses = []
    hidden, trunk.hidden = trunk.hidden, 0.0
    with trunk.tuning():
        for _ in range(warmth.steps):
            ids, mask, traits = padded(next(batches))
            asked = (rng.random(ids.shape) < warmth.asked) & (mask > 0)
            asked[0, 0] = True
            shown, seen = _riddle(ids, traits, asked, trunk.unknown, known, rng)
            vectors = trunk(*map(torch.from_numpy, (shown, mask, seen)))[torch.from_numpy(asked)]
            logits = guess(vectors) @ trunk.tokens(torch.from_numpy(known)).T + bias
            loss: Any = nn.functional.cross_entropy(logits, torch.from_numpy(numbers[ids[asked]]))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    trunk.hidden = hidden
    return losses


def _batches(windows: Sequence[Window], size: int, rng: np.random.Generator) -> Iterator[list[Window]]:
    lengths = np.array([len(window) for window in windows])
    while True:
        pool = rng.choice(len(windows), min(len(windows), _POOLED_BATCHES * size), replace=False)
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        begin = int(rng.integers(max(1, len(pool) - size + 1)))
        yield [windows[number] for number in pool[begin : begin + size]]


def _riddle(
    ids: Ints, traits: Ints, asked: NDArray[np.bool_], unknown: int, known: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Token ids with most of those asked for hidden or swapped, and traits that do not give them away."""
    fate = rng.random(ids.shape)
    hidden, swapped = asked & (fate < 0.8), asked & (fate >= 0.9)
    shown = np.where(hidden, unknown, np.where(swapped, rng.choice(known, ids.shape), ids))
    return shown, np.where(hidden | swapped, 0, traits)
