"""The bi-encoder student: a transformer reads each text by itself, a small head compares the two vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder
from gts.core.pair_tuning import PairTuning, tune_on_pairs
from gts.student.pairs.head import PairHead, fit_pair_head, pair_features, torch_features
from gts.student.pairs.lessons import Pair, PairLessons
from gts.student.runtime import sigmoid
from gts.tasks.overlap import overlap_features

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BiStudent:
    """A trained bi-encoder.

    Attributes:
        encoder: The transformer, with its tokenizer and the number of tokens it reads.
        head: Compares two vectors.
        known: Unit vectors of texts under the encoder that need not be computed again.
    """

    encoder: Encoder
    head: PairHead
    known: Mapping[str, Floats] = field(default_factory=dict)

    def predict(self, pairs: Sequence[Pair], on_batch: Callable[[float], None] | None = None) -> Floats:
        """Probabilities, or shares of the scale, [pairs]; the same for both orders of a pair."""
        first, second = embed_pairs(self.encoder, pairs, on_batch, self.known)
        return sigmoid(self.head.logits(pair_features(first, second, overlap_features(pairs))))


def embed_pairs(
    encoder: Encoder,
    pairs: Sequence[Pair],
    on_batch: Callable[[float], None] | None = None,
    known: Mapping[str, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Unit vectors of the first and of the second texts, each [pairs, d]; a text that comes twice is read once."""
    vectors = dict(known or {})
    texts = list(dict.fromkeys(text for pair in pairs for text in pair if text not in vectors))
    if texts:
        vectors |= zip(texts, encoder.embed(texts, on_batch=on_batch), strict=True)
    return np.stack([vectors[a] for a, _ in pairs]), np.stack([vectors[b] for _, b in pairs])


def train_bi(
    lessons: PairLessons,
    trunk: Path,
    config: PairTuning,
    max_length: int = 128,
    on_step: Callable[[float], None] | None = None,
    known: Mapping[str, Floats] | None = None,
) -> BiStudent:
    """Train a bi-encoder on soft labels: first the head alone, which is convex, then all of it end to end.

    Args:
        lessons: What to learn.
        trunk: Folder of a BERT encoder in transformers' format.
        config: How to tune; with 0 steps the encoder stays as it is.
        max_length: Tokens of a text that are read in serving.
        on_step: Called with the fraction done.
        known: Unit vectors of texts under the encoder as it is, as far as they have been computed.
    """
    import torch

    encoder = Encoder(trunk, max_length)
    surface = overlap_features(lessons.pairs)
    features = pair_features(*embed_pairs(encoder, lessons.pairs, known=known), surface)
    head = fit_pair_head(features, lessons.targets, lessons.weights, int(encoder.model.config.hidden_size))
    if not config.steps:
        return BiStudent(encoder, head)
    n, device = len(lessons.pairs), encoder.model.device
    texts = [*(a for a, _ in lessons.pairs), *(b for _, b in lessons.pairs)]
    tokens = encoder.tokenize(texts, config.max_length)
    mean, scale, shared = (torch.from_numpy(a).to(device) for a in (head.mean, head.scale, surface))
    weight, bias = (torch.from_numpy(a.copy()).to(device).requires_grad_() for a in (head.weight, head.bias))

    def logits(rows: NDArray[np.int64]) -> Any:
        first, second = (encoder.forward(*tokens.batch(part.tolist())) for part in (rows, rows + n))
        found = torch_features(first, second, shared[torch.from_numpy(rows).to(device)])
        return (found - mean) * scale @ weight + bias

    trunk_parts = [p for name, p in encoder.model.named_parameters() if _is_tuned(name)]
    parts = {"trunk": trunk_parts, "head": [weight, bias]}
    lengths = [max(len(tokens.ids[i]), len(tokens.ids[i + n])) for i in range(n)]
    tune_on_pairs(
        encoder.model,
        logits,
        parts,
        lengths,
        lessons.targets,
        lessons.weights,
        lessons.n_gold,
        config,
        on_step,
    )
    tuned = replace(head, weight=weight.detach().cpu().numpy(), bias=bias.detach().cpu().numpy())
    return BiStudent(encoder, tuned)


def _is_tuned(name: str) -> bool:
    # The token table of a few pairs' words would drift from that of all others; the pooler is not used.
    return not name.startswith(("embeddings.", "pooler."))
