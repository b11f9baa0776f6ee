"""The cross-encoder student: a transformer that reads both texts at once and gives one logit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import autocast, for_inference
from gts.core.pair_tuning import PairTuning, TokenizedPairs, both_orders, tune_on_pairs
from gts.student.mini import new_classifier
from gts.student.pairs.lessons import Pair, PairLessons
from gts.student.pairs.order import in_order
from gts.student.runtime import sigmoid

Floats = NDArray[np.float32]

INPUTS = ["input_ids", "attention_mask"]
"""No segment ids: the separator tells the texts apart, and the student has the two inputs of every other student."""


@dataclass(frozen=True)
class CrossStudent:
    """A trained cross-encoder.

    Attributes:
        model: ``BertForSequenceClassification`` with one output.
        tokenizer: Its tokenizer.
        max_length: Tokens of a pair that are read.
    """

    model: Any
    tokenizer: Any
    max_length: int

    def predict(
        self, pairs: Sequence[Pair], on_batch: Callable[[float], None] | None = None, batch_size: int = 64
    ) -> Floats:
        """Probabilities, or shares of the scale, [pairs]; the same for both orders of a pair."""
        import torch

        tokens = TokenizedPairs(self.tokenizer, [in_order(pair) for pair in pairs], self.max_length)
        out, model, done = np.zeros(len(pairs), np.float32), for_inference(self.model), 0
        with torch.inference_mode():
            for rows in tokens.by_length(batch_size):
                ids, mask = tokens.batch(rows.tolist())
                out[rows] = model(input_ids=ids, attention_mask=mask).logits[:, 0].float().cpu().numpy()
                done += len(rows)
                if on_batch is not None:
                    on_batch(done / len(pairs))
        return sigmoid(out)


def train_cross(
    lessons: PairLessons,
    trunk: Path,
    config: PairTuning,
    max_length: int = 128,
    on_step: Callable[[float], None] | None = None,
) -> CrossStudent:
    """Train a cross-encoder on soft labels.

    Each pair is seen in both orders in training; in serving it is read in a fixed order, which makes the answer the
    same for both at the price of one.

    Args:
        lessons: What to learn.
        trunk: Folder of a BERT encoder in transformers' format.
        config: How to tune.
        max_length: Tokens of a pair that are read in serving.
        on_step: Called with the fraction done after each step.
    """
    import torch
    from transformers import AutoTokenizer

    model, _ = new_classifier(trunk, 1)
    tokenizer = AutoTokenizer.from_pretrained(trunk, model_input_names=INPUTS)
    n = len(lessons.pairs)
    tokens = TokenizedPairs(tokenizer, both_orders(lessons.pairs), config.max_length)
    rng = np.random.default_rng(config.seed)
    share = float(np.clip(np.average(lessons.targets, weights=lessons.weights), 0.05, 0.95))
    with torch.no_grad():
        model.classifier.bias.fill_(np.log(share / (1 - share)))

    def logits(rows: NDArray[np.int64]) -> Any:
        ids, mask = tokens.batch((rows + n * rng.integers(0, 2, len(rows))).tolist())
        with autocast():
            return model(input_ids=ids, attention_mask=mask).logits[:, 0]

    parts = {
        "trunk": [parameter for parameter in model.bert.parameters() if parameter.requires_grad],
        "head": list(model.classifier.parameters()),
    }
    lengths = [len(ids) for ids in tokens.ids[:n]]
    tune_on_pairs(
        model, logits, parts, lengths, lessons.targets, lessons.weights, lessons.n_gold, config, on_step
    )
    return CrossStudent(model.eval(), tokenizer, max_length)
