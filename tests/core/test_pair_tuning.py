"""Tuning on pairs: gold in rounds, others by weight, and a model that comes to say what it was taught."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gts.core.encoder import Encoder
from gts.core.pair_tuning import PairTuning, TokenizedPairs, _batches, both_orders, tune_on_pairs


def test_gold_comes_in_rounds_and_others_by_weight() -> None:
    weights = np.array([1] * 6 + [0] * 5 + [1] * 50 + [3] * 50, np.float32)
    batches = list(islice(_batches(weights, 6, PairTuning(batch_size=10, gold_share=0.2)), 60))
    gold = np.concatenate([batch[batch < 6] for batch in batches])
    assert np.bincount(gold).tolist() == [20] * 6
    others = np.bincount(np.concatenate([batch[batch >= 6] for batch in batches]), minlength=111)
    assert others[6:11].sum() == 0
    assert others[61:].sum() / others[11:61].sum() == pytest.approx(3, rel=0.35)
    assert all(len(batch) == 10 for batch in batches)


def test_fewer_gold_pairs_than_a_batch_holds() -> None:
    weights = np.ones(3, np.float32)
    for batch in islice(_batches(weights, 3, PairTuning(batch_size=8)), 4):
        assert set(batch) <= {0, 1, 2} and len(batch)


def test_a_pair_is_one_sequence_with_a_separator(tiny_encoder: Path) -> None:
    encoder = Encoder(tiny_encoder)
    tokens = TokenizedPairs(encoder.tokenizer, both_orders([("soup", "bread oven")]), 32)
    there, back = (encoder.tokenizer.convert_ids_to_tokens(ids) for ids in tokens.ids)
    assert there == ["[CLS]", "soup", "[SEP]", "bread", "oven", "[SEP]"]
    assert back == ["[CLS]", "bread", "oven", "[SEP]", "soup", "[SEP]"]
    assert len(TokenizedPairs(encoder.tokenizer, [], 32)) == 0
    cut = TokenizedPairs(encoder.tokenizer, [("soup " * 40, "bread oven")], 16).ids[0]
    assert len(cut) == 16 and encoder.tokenizer.convert_ids_to_tokens(cut)[-3:] == ["bread", "oven", "[SEP]"]


def taught(folder: Path, targets: np.ndarray, weights: np.ndarray, n_gold: int, seed: int = 0) -> np.ndarray:
    """What an encoder with a linear head says of four pairs after tuning on them."""
    encoder = Encoder(folder)
    torch.manual_seed(1)
    head = torch.nn.Linear(32, 1)
    pairs = [("soup bread", "oven"), ("goal", "team coach"), ("server", "bug disk query"), ("salt", "kick")]
    tokens = TokenizedPairs(encoder.tokenizer, pairs, 16)

    def logits(rows: np.ndarray) -> Any:
        return head(encoder.forward(*tokens.batch(rows.tolist())))[:, 0]

    parts = {"trunk": list(encoder.model.parameters()), "head": list(head.parameters())}
    config = PairTuning(steps=80, batch_size=4, learning_rate=3e-3, head_factor=3.0, seed=seed)
    lengths = [len(ids) for ids in tokens.ids]
    seen: list[float] = []
    tune_on_pairs(encoder.model, logits, parts, lengths, targets, weights, n_gold, config, seen.append)
    assert seen[-1] == 1.0 and len(seen) == 80
    with torch.no_grad():
        return torch.sigmoid(logits(np.arange(4))).numpy()


def test_it_comes_to_say_what_it_was_taught(tiny_encoder: Path) -> None:
    targets = np.array([0.9, 0.1, 0.5, 0.3], np.float32)
    np.testing.assert_allclose(taught(tiny_encoder, targets, np.ones(4, np.float32), 4), targets, atol=0.1)


def test_the_same_seed_gives_the_same_model(tiny_encoder: Path) -> None:
    targets, weights = np.array([1, 0, 1, 0], np.float32), np.array([1, 1, 0.5, 0.5], np.float32)
    one, other = (taught(tiny_encoder, targets, weights, 2) for _ in range(2))
    np.testing.assert_array_equal(one, other)
