"""Training the span student on lessons."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.encoder import autocast, device_and_dtype, warmup_decay
from gts.core.errors import InvalidInput
from gts.student.spans.examples import (
    Example,
    Fit,
    examples_of,
    nested_pairs,
    padded,
    padded_places,
    possible,
)
from gts.student.spans.labels import Labels, Lesson, labels_of
from gts.student.spans.layout import WEIGHTS_FILE, SpanLayout, read_layout, write_layout
from gts.student.spans.objective import marked_loss
from gts.student.spans.tokens import Cutter, Place
from gts.student.spans.trunk import TOKENIZER_FILE, open_trunk
from gts.student.tokenizing import load_tokenizer
from gts.tasks.schema import Schema

if TYPE_CHECKING:
    from gts.student.spans.network import SpanNet

_POOLED_BATCHES = 16
"""Batches that are drawn together and shared out by length, so that little is padded."""
_MOST_PLACES = 100
"""Most places of a window between which links are taught, as memory grows with their square; those that links join first."""


@dataclass(frozen=True)
class SpanConfig:
    """How a span student is trained.

    Attributes:
        steps: Optimizer steps.
        batch_size: Windows a step.
        learning_rate: Peak rate of the trunk (linear warm-up, then linear decay).
        head_rate: Peak rate of what is not in the base model: heads, and what a trunk learns afresh.
        negatives: Spans of each window that are none and yet look most like it, between which no link holds.
        length: Most tokens of a window, special ones included; no more than the trunk reads.
        overlap: Tokens that neighbouring windows share.
        longest: Most tokens of a span.
        seed: Seed of first weights, batches and dropout.
    """

    steps: int = 300
    batch_size: int = 16
    learning_rate: float = 2e-4
    head_rate: float = 5e-3
    negatives: int = 4
    length: int = 128
    overlap: int = 32
    longest: int = 32
    seed: int = 0


def train(
    lessons: Sequence[Lesson],
    schema: Schema,
    trunk_folder: Path,
    folder: Path,
    config: SpanConfig,
    progress: Callable[[float], None] | None = None,
    *,
    given: bool = False,
    start: Path | None = None,
) -> Fit:
    """Train a span student and write it: ``spans.json``, ``tokenizer.json`` and ``model.safetensors``.

    Args:
        lessons: What it is to learn.
        schema: What the task looks for.
        trunk_folder: Folder of a trunk, see :func:`gts.student.spans.trunk.open_trunk`.
        folder: Where to write; made if need be.
        config: How to train.
        progress: Called with the fraction done after each step.
        given: Whether entities come with the texts (relation tasks); only links are learned then.
        start: Folder of a span student of the same schema and trunk, whose training goes on with these lessons.

    Returns:
        How well the lessons could be laid on tokens.

    Raises:
        InvalidInput: No lessons that count, or one that names what the schema has not.
        NotFound: The trunk's folder holds none.
    """
    import torch
    from safetensors.torch import save_file

    from gts.student.spans.network import SpanNet

    lessons = [lesson for lesson in lessons if lesson.weight > 0]
    if not lessons:
        raise InvalidInput("no lessons to train a student on", mend="label some texts first")
    torch.manual_seed(config.seed)
    labels = labels_of(schema, given)
    trunk = open_trunk(trunk_folder)
    length = min(config.length, trunk.positions)
    cutter = Cutter(load_tokenizer(trunk_folder), length, config.overlap)
    examples, fit = examples_of(lessons, labels, cutter, config.longest)
    width = fit.width if labels.spans else 1
    if start is not None:
        width = max(width, read_layout(start).width)
    layout = SpanLayout(labels, length, config.overlap, width, nested_pairs(examples), trunk.described())
    net = SpanNet(trunk, len(labels.spans), len(labels.links), width)
    if start is not None:
        _go_on_from(net, start)
    net.to(device_and_dtype()[0])
    fit_net(net, examples, labels, config, progress)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trunk_folder / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / WEIGHTS_FILE)
    write_layout(folder, layout)
    return fit


def _go_on_from(net: SpanNet, folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    known = load_file(folder / WEIGHTS_FILE)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            # The lessons may hold longer spans than those before, of whose widths nothing is known yet.
            tensor[: len(known[name])].copy_(known[name])


def fit_net(
    net: SpanNet,
    examples: Sequence[Example],
    labels: Labels,
    config: SpanConfig,
    on_step: Callable[[float], None] | None = None,
) -> None:
    """Train a network in place; it is in evaluation mode afterwards.

    Args:
        net: The network.
        examples: What it is to learn.
        labels: What its scores are of.
        config: How to train.
        on_step: Called with the fraction done after each step.
    """
    import torch

    # One that counts little counts little in any company: weights are shares of the mean of all, not of a batch.
    mean = sum(example.weight for example in examples) / len(examples)
    stream = _batches(examples, config.batch_size, np.random.default_rng(config.seed))
    optimizer = torch.optim.AdamW(_groups(net, config), weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, config.steps))
    net.train()
    with net.trunk.tuning():
        for step in range(config.steps):
            batch = [examples[number] for number in next(stream)]
            loss = _loss(net, batch, [example.weight / mean for example in batch], labels, config.negatives)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            if on_step is not None:
                on_step((step + 1) / config.steps)
    net.eval()


def _groups(net: SpanNet, config: SpanConfig) -> list[dict[str, Any]]:
    """Parameters by learning rate: what a base model brings along learns slowly, what starts afresh learns fast."""
    slow = {id(parameter) for parameter in net.trunk.learned()}
    tuned = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return [
        {"params": [one for one in tuned if id(one) in slow], "lr": config.learning_rate},
        {"params": [one for one in tuned if id(one) not in slow], "lr": config.head_rate},
    ]


def _batches(examples: Sequence[Example], size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Numbers of examples in batches of like length, all of them once before any comes again; without end."""
    lengths = np.array([len(example.window) for example in examples])
    while True:
        order = rng.permutation(len(examples))
        batches: list[list[int]] = []
        for start in range(0, len(order), size * _POOLED_BATCHES):
            pool = order[start : start + size * _POOLED_BATCHES]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [pool[at : at + size].tolist() for at in range(0, len(pool), size)]
        for number in rng.permutation(len(batches)):
            yield batches[number]


def _loss(
    net: SpanNet, batch: Sequence[Example], factors: Sequence[float], labels: Labels, negatives: int
) -> Any:
    import torch

    device = device_and_dtype()[0]
    windows = [example.window for example in batch]
    weights = torch.tensor(factors, device=device)
    with autocast():
        vectors = net.read(*(torch.from_numpy(part).to(device) for part in padded(windows)))
    loss = torch.zeros((), device=device)
    places = [_linkable(example) for example in batch]
    if labels.spans:
        counted = possible(windows, net.width)
        logits = net.spans(vectors)
        targets = torch.from_numpy(_span_targets(batch, counted.shape, len(labels.spans))).to(device)
        loss = loss + marked_loss(logits, targets, torch.from_numpy(counted).to(device)[..., None], weights)
        if labels.links:
            best = logits.detach().amax(-1).cpu().numpy()
            places = [
                [*some, *_lookalikes(example.places, scores, held, negatives)]
                for some, example, scores, held in zip(places, batch, best, counted, strict=True)
            ]
    if labels.links:
        table, held = padded_places(places)
        scores = net.links(vectors, torch.from_numpy(table).to(device))
        targets = torch.from_numpy(_link_targets(batch, places, table.shape[1], len(labels.links))).to(device)
        pairs = held[:, :, None] & held[:, None, :] & ~np.eye(table.shape[1], dtype=np.bool_)
        loss = loss + marked_loss(scores, targets, torch.from_numpy(pairs).to(device)[..., None], weights)
    return loss


def _span_targets(batch: Sequence[Example], shape: tuple[int, ...], labels: int) -> Any:
    targets = np.zeros((*shape, labels), np.float32)
    for row, example in enumerate(batch):
        for (first, last, label), belief in example.spans.items():
            targets[row, first, last - first, label] = belief
    return targets


def _linkable(example: Example) -> list[Place]:
    if len(example.places) <= _MOST_PLACES:
        return list(example.places)
    joined = {place for head, tail, _ in example.links for place in (head, tail)}
    return sorted(example.places, key=lambda place: (place not in joined, place))[:_MOST_PLACES]


def _link_targets(batch: Sequence[Example], places: Sequence[Sequence[Place]], most: int, labels: int) -> Any:
    targets = np.zeros((len(batch), most, most, labels), np.float32)
    for row, (example, some) in enumerate(zip(batch, places, strict=True)):
        number = {place: i for i, place in enumerate(some)}
        for (head, tail, label), belief in example.links.items():
            if head in number and tail in number:
                targets[row, number[head], number[tail], label] = belief
    return targets


def _lookalikes(known: Sequence[Place], scores: Any, held: Any, most: int) -> list[Place]:
    """The likeliest spans [tokens, width] of a window that are none."""
    masked = np.where(held, scores, -np.inf)
    for first, last in known:
        masked[first, last - first] = -np.inf
    flat = masked.ravel()
    top = np.argsort(-flat, kind="stable")[:most]
    width = scores.shape[1]
    return [(int(at // width), int(at // width + at % width)) for at in top if flat[at] > -np.inf]
