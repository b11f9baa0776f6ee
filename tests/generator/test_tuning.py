"""A local model that is tuned on the user's texts finds them likelier, and nothing else of it changes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_causal import write_tiny_causal

from gts.core.errors import InvalidInput
from gts.core.llm.entries import ModelEntry
from gts.core.llm.transformers_backend import TransformersBackend, load_causal
from gts.generator.protocol import PoolWeights
from gts.generator.tuning import TuneOptions, documents, tune
from gts.tasks.dataset import Example

GOLD = [Example(f"where is parcel {i}", ("delivery",)) for i in range(6)] + [
    Example(f"you charged me {i} times", ("billing",)) for i in range(6)
]


def test_documents_hold_texts_of_one_label_in_the_prompts_form() -> None:
    weights = PoolWeights(("billing", "delivery"), np.array([[0.9, 0.1], [0.5, 0.5]]))

    made = documents(GOLD, ["one refund", "unsure"], weights, lambda labels: labels[0], seed=0)

    assert all(len({line.partition(":")[0] for line in text.splitlines()}) == 1 for text in made)
    lines = [line for text in made for line in text.splitlines()]
    assert lines.count("billing: one refund") == 2
    assert not any("unsure" in line for line in lines)
    assert made == documents(GOLD, ["one refund", "unsure"], weights, lambda labels: labels[0], seed=0)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"steps": 0}, "steps is 0; expected 1 to"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
    ],
)
def test_options_out_of_range_are_refused(option: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        TuneOptions(**option)


def test_a_tuned_model_knows_the_users_texts(tmp_path: Path) -> None:
    entry = ModelEntry(name="own", kind="transformers", model=str(write_tiny_causal(tmp_path)))
    texts = documents(GOLD, [], None, lambda labels: labels[0], seed=0)
    known = ["delivery: where is parcel 3"]
    before = TransformersBackend(entry).score([""], known).perplexity[0]
    model, tokenizer = load_causal(entry)

    done: list[float] = []
    options = TuneOptions(steps=40, batch=2, learning_rate=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing that the libraries tell each other reaches the person
        changed = tune(model, tokenizer, texts, options, 0, done.append)
    tuned = TransformersBackend(entry, (changed, tokenizer))

    assert tuned.score([""], known).perplexity[0] < 0.8 * before
    assert done[-1] == 1.0
    assert TransformersBackend(entry).score([""], known).perplexity[0] == before
