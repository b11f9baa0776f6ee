"""The transformer student that summarises: the static one, and what tokens mean where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder, autocast, device_and_dtype, for_inference, training, warmup_decay
from gts.student.frames import frame
from gts.student.onnx_runtime import padded
from gts.student.summaries.lessons import SummaryLesson, targets
from gts.student.summaries.lexicon import StaticSummaryStudent, fit_lexicon
from gts.student.summaries.reading import Ints, means, read, token_ranges
from gts.student.summaries.tensors import SummaryHead
from gts.student.summaries.windows import windows
from gts.tasks.pieces import Cut

Floats = NDArray[np.float32]

_SHARPNESS, _CONTRAST = 10.0, 0.5
_TEXTS = 16


@dataclass(frozen=True)
class MiniSummaryConfig:
    """How a transformer student is trained.

    Attributes:
        visits: Texts seen in tuning the trunk, with repetition; 0 fits the head alone. With 100 summaries 40 steps
            of tuning gave no more than the head alone, in the one draw that was tried (benchmarks/LOG.md).
        batch_size: Texts a step.
        learning_rate: Peak rate of the trunk (linear warm-up, then linear decay).
        head_rate: Peak rate of the head, whose inputs are as long as 1.
        most_windows: Windows of a text that are read in tuning.
        seed: Seed of batches and dropout.
    """

    visits: int = 0
    batch_size: int = 8
    learning_rate: float = 3e-5
    head_rate: float = 1e-3
    most_windows: int = 4
    seed: int = 0


@dataclass(frozen=True)
class MiniSummaryStudent:
    """A trained transformer student that summarises.

    Attributes:
        encoder: Its trunk; its ``max_length`` is that of the windows in which texts are read.
        head: Its other weights; the mean state of a piece's tokens goes in its direction.
    """

    encoder: Encoder
    head: SummaryHead

    @property
    def direction(self) -> Floats:
        """What a token's state adds to the score of its piece, by the mean of its tokens [d]."""
        if self.head.direction is None:
            raise ValueError("the head of a transformer has a direction")
        return self.head.direction

    def score(self, cuts: Sequence[Cut]) -> list[list[float]]:
        """How much each piece of each text is worth to a summary."""
        found = StaticSummaryStudent(_tokenizer(self.encoder), self.head).score(cuts)
        for row, vectors in piece_vectors(self.encoder, cuts):
            found[row] = (np.array(found[row]) + vectors @ self.direction).tolist()
        return found


def train_mini_summaries(
    lessons: Sequence[SummaryLesson],
    encoder: Encoder,
    config: MiniSummaryConfig = MiniSummaryConfig(),
    on_step: Callable[[float], None] | None = None,
) -> MiniSummaryStudent:
    """Fit the head on the encoder as it is, then tune both if that is wished.

    Args:
        lessons: What to learn.
        encoder: Where the trunk starts; it is tuned in place.
        config: How to train.
        on_step: Called with the fraction done now and then.

    Raises:
        InvalidInput: There is nothing to learn from.
    """
    targets(lessons)
    known: list[Floats] = [np.zeros(0, np.float32)] * len(lessons)
    for done, (row, vectors) in enumerate(piece_vectors(encoder, [lesson.cut for lesson in lessons]), 1):
        known[row] = vectors
        if on_step is not None:
            on_step((0.5 if config.visits else 1.0) * done / len(lessons))
    vectors = np.concatenate(known)
    centre = vectors.mean(axis=0)
    length = max(1e-6, float(np.linalg.norm(vectors - centre, axis=1).mean()))
    lexicon, weights = fit_lexicon(lessons, _tokenizer(encoder), [(own - centre) / length for own in known])
    direction = weights / length
    if config.visits:
        # Scores relative to the centre, so that the head's steps are as long for every encoder.
        offsets = [np.array(own) - centre @ direction for own in lexicon.score([one.cut for one in lessons])]
        direction = _tune(lessons, offsets, encoder, weights, length, config, on_step)
    level = float(lexicon.head.bias - centre @ (weights / length))
    return MiniSummaryStudent(
        encoder, replace(lexicon.head, bias=level, direction=direction.astype(np.float32))
    )


def piece_vectors(encoder: Encoder, cuts: Sequence[Cut]) -> Iterator[tuple[int, Floats]]:
    """Numbers of texts, in any order, and of each the mean state of every piece's tokens [pieces, d]."""
    import torch

    model = for_inference(encoder.model)
    texts = [_Text.of(encoder, cut) for cut in cuts]
    order = sorted(range(len(texts)), key=lambda row: sum(map(len, texts[row].windows)))
    for start in range(0, len(order), _TEXTS):
        rows = order[start : start + _TEXTS]
        with torch.inference_mode():
            states = [found.cpu().numpy() for found in _states(model, [texts[row] for row in rows])]
        for row, found in zip(rows, states, strict=True):
            yield row, means(found, texts[row].ranges).astype(np.float32)


def _tune(
    lessons: Sequence[SummaryLesson],
    offsets: Sequence[NDArray[Any]],
    encoder: Encoder,
    weights: Floats,
    length: float,
    config: MiniSummaryConfig,
    on_step: Callable[[float], None] | None,
) -> Floats:
    """Train the trunk and the direction, which is returned; the lexicon stays.

    The loss is the squared error of scores in units of their variance, and the divergence of a text's scores
    from its gains, both as shares by softmax: which piece is best matters more than how good it is.
    """
    import torch
    from torch.nn import functional

    device = device_and_dtype()[0]
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    texts = [_Text.of(encoder, lesson.cut, config.most_windows) for lesson in lessons]
    usable = [row for row, text in enumerate(texts) if len(text.kept) and lessons[row].weight > 0]
    chances = np.array([lessons[row].weight for row in usable])
    head = torch.tensor(weights, device=device, requires_grad=True)
    trunk = [p for name, p in encoder.model.named_parameters() if not name.startswith("embeddings")]
    optimizer = torch.optim.AdamW(
        [{"params": trunk, "lr": config.learning_rate}, {"params": [head], "lr": config.head_rate}],
        weight_decay=0.01,
    )
    steps = max(1, config.visits // config.batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, steps))
    variance = max(float(np.var(np.concatenate([np.array(lesson.gains) for lesson in lessons]))), 1e-4)
    with training(encoder.model):
        for step in range(steps):
            size = min(config.batch_size, len(usable))
            batch = rng.choice(usable, size, replace=False, p=chances / chances.sum()).tolist()
            with autocast():
                states = _states(encoder.model, [texts[row] for row in batch])
            losses = []
            for row, found in zip(batch, states, strict=True):
                kept = texts[row].kept
                fixed = torch.tensor(offsets[row][kept], dtype=torch.float32, device=device)
                scores = _means(found, texts[row].ranges[kept]) @ head / length + fixed
                wanted = torch.tensor(np.array(lessons[row].gains, np.float32)[kept], device=device)
                shares = functional.kl_div(
                    torch.log_softmax(_SHARPNESS * scores, 0),
                    torch.softmax(_SHARPNESS * wanted, 0),
                    reduction="sum",
                )
                losses.append(functional.mse_loss(scores, wanted) / variance + _CONTRAST * shares)
            optimizer.zero_grad()
            torch.autograd.backward(torch.stack(losses).mean())
            torch.nn.utils.clip_grad_norm_([*trunk, head], 1.0)
            optimizer.step()
            scheduler.step()
            if on_step is not None:
                on_step(0.5 + 0.5 * (step + 1) / steps)
    return np.asarray(head.detach().cpu().numpy() / length, np.float32)


@dataclass(frozen=True)
class _Text:
    """A text as the encoder reads it.

    Attributes:
        windows: Ids of its windows, each between the special tokens.
        before: Special tokens before each window's own.
        after: Those after them.
        pad: Id that fills a batch.
        ranges: Which of its tokens each piece has [pieces, 2].
        kept: Numbers of the pieces that lie within the windows.
    """

    windows: list[list[int]]
    before: int
    after: int
    pad: int
    ranges: Ints
    kept: Ints

    @classmethod
    def of(cls, encoder: Encoder, cut: Cut, most_windows: int | None = None) -> _Text:
        tokenizer = _tokenizer(encoder)
        before, after = frame(tokenizer)
        room = encoder.max_length - len(before) - len(after)
        ids, offsets = read(tokenizer, cut.text)
        ranges = token_ranges(offsets, cut.places)
        if most_windows is not None:
            ids = ids[: most_windows * room]
        framed = [[*before, *window, *after] for window in windows(ids.tolist(), room)]
        kept = np.flatnonzero(ranges[:, 1] <= len(ids))
        return cls(framed, len(before), len(after), encoder.tokenizer.pad_token_id or 0, ranges, kept)


def _tokenizer(encoder: Encoder) -> Any:
    tokenizer = encoder.tokenizer.backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _states(model: Any, texts: Sequence[_Text]) -> list[Any]:
    """States of every text's own tokens, float32 [tokens, d] each."""
    import torch

    rows = [window for text in texts for window in text.windows]
    ids, mask = padded(rows, texts[0].pad)
    device = device_and_dtype()[0]
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    hidden = model(**{name: value.to(device) for name, value in inputs.items()}).last_hidden_state.float()
    found, at = [], 0
    for text in texts:
        parts = [
            hidden[at + i, text.before : len(window) - text.after] for i, window in enumerate(text.windows)
        ]
        found.append(torch.cat(parts))
        at += len(parts)
    return found


def _means(states: Any, ranges: Ints) -> Any:
    """Means of the states of each range [pieces, d], with gradients; zeros where it is empty."""
    import torch

    totals = torch.cat([states.new_zeros(1, states.shape[1]), states.cumsum(0)])
    first, stop = torch.from_numpy(ranges).to(states.device).T
    return (totals[stop] - totals[first]) / (stop - first).clamp(min=1)[:, None]
