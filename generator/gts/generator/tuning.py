"""Tuning a local language model on the user's own texts with LoRA, before it writes new ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gts.core.errors import InvalidInput, MissingDependency
from gts.core.extras import install_line
from gts.generator.chance import seeded
from gts.generator.protocol import PoolWeights
from gts.tasks.dataset import Example

_SURE = 0.7
_CHARS_PER_TOKEN = 3.5
_LINES = 6
"""Texts of a document: about as many as a prompt shows, and one more to learn to go on."""


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How a model is tuned.

    Attributes:
        steps: Steps of the optimizer.
        rank: Rank of the update of each matrix.
        batch: Documents a step.
        learning_rate: Of the added weights.
        max_length: Longest document, in tokens.

    Raises:
        InvalidInput: A value is out of range.
    """

    steps: int = 60
    rank: int = 8
    batch: int = 4
    learning_rate: float = 1e-3
    max_length: int = 384

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "steps": (1, 100_000),
            "rank": (1, 1024),
            "batch": (1, 1024),
            "learning_rate": (1e-7, 1.0),
            "max_length": (8, 100_000),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            numeric = isinstance(value, int | float if name == "learning_rate" else int)
            if not numeric or not low <= value <= high:
                raise InvalidInput(
                    f"{name} is {value!r}; expected {low:g} to {high:g}", mend="change the options of tuning"
                )


def tokens_read(options: TuneOptions, chars: float) -> int:
    """Tokens that tuning reads, for forecasts.

    Args:
        options: How a model is tuned.
        chars: Characters of a usual text.

    Example:
        >>> tokens_read(TuneOptions(steps=10, batch=2), 35.0)
        1200
    """
    document = min(options.max_length, round(_LINES * chars / _CHARS_PER_TOKEN))
    return options.steps * options.batch * document


def documents(
    gold: Sequence[Example],
    pool: Sequence[str],
    weights: PoolWeights | None,
    prefix: Callable[[Sequence[str]], str],
    seed: int,
) -> list[str]:
    """What a model is tuned on: lists of texts of one label, in the form in which it is then asked to go on.

    Args:
        gold: Labelled texts.
        pool: Unlabelled texts; those whose label a teacher is sure of are taken too.
        weights: The teacher's soft labels of the pool.
        prefix: What stands before a text of some labels.
        seed: Of the order.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for example in gold:
        groups.setdefault(tuple(sorted(example.labels)), []).append(example.text)
    if weights is not None:
        for text, row in zip(pool, weights.values, strict=True):
            best = int(np.argmax(row))
            if row[best] >= _SURE:
                groups.setdefault((weights.labels[best],), []).append(text)
    rng = seeded(seed)
    made = []
    for labels, texts in sorted(groups.items()):
        lines = [f"{prefix(labels)}: {' '.join(text.split())}" for text in texts]
        for _ in range(2):  # each text in two companies
            rng.shuffle(lines)
            made += ["\n".join(lines[at : at + _LINES]) + "\n" for at in range(0, len(lines), _LINES)]
    rng.shuffle(made)
    return made


def tune(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    options: TuneOptions,
    seed: int,
    report: Callable[[float], None],
) -> Any:
    """Tune a causal model and give it back with the update merged into its weights.

    References:
        Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021.

    Args:
        model: A model of transformers; it is changed.
        tokenizer: Its tokenizer.
        texts: Documents.
        options: How.
        seed: Of order and initial weights.
        report: Called with the fraction done.

    Raises:
        MissingDependency: The package peft is not installed.
    """
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise MissingDependency("tuning a language model needs peft", mend=install_line("llm")) from error
    torch.manual_seed(seed)
    config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules="all-linear")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # peft asks transformers for what it is to call otherwise
        tuned = get_peft_model(model, config)
    tuned.train()
    trained = [weight for weight in tuned.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, options.steps)
    rng = seeded(seed)
    order: list[str] = []
    for step in range(options.steps):
        while len(order) < options.batch:
            order += rng.sample(list(texts), len(texts))
        batch = tokenizer(
            [order.pop() for _ in range(options.batch)],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=options.max_length,
        ).to(tuned.device)
        batch.pop("token_type_ids", None)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        tuned(**batch, labels=labels).loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        report((step + 1) / options.steps)
    return tuned.merge_and_unload().eval()
