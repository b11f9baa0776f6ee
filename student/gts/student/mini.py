"""The mini student: a small transformer classifier, trained end to end on soft labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import (
    TRAINING_CHUNK,
    TokenizedTexts,
    autocast,
    device_and_dtype,
    for_inference,
    training,
    warmup_decay,
)
from gts.student.export import MEAN_POOLING
from gts.student.objective import soft_label_loss

Floats = NDArray[np.float32]

_POOLER_SCALE = 0.05
"""Small enough for tanh to be linear (its inputs have unit variance), large enough for bfloat16 and int8."""


@dataclass(frozen=True)
class MiniConfig:
    """How a mini student is trained.

    Attributes:
        steps: Optimizer steps.
        batch_size: Texts a step.
        gold_share: Share of each batch drawn from the gold texts (which lead the list of texts).
        learning_rate: Peak rate of the trunk (linear warm-up, then linear decay).
        head_factor: How much faster the head learns: its inputs are scaled down by the pooler.
        max_length: Longest sequence in training, in tokens.
        seed: Seed of batches and dropout.
    """

    steps: int = 100
    batch_size: int = 40
    gold_share: float = 0.2
    learning_rate: float = 4e-5
    head_factor: float = 20.0
    max_length: int = 64
    seed: int = 0


def new_classifier(trunk: Path, n_labels: int) -> tuple[Any, Any]:
    """A standard BERT sequence classifier that pools as sentence encoders do, and its tokenizer.

    BERT classifies from its first token, sentence encoders from the mean of all tokens. One more layer makes
    the two the same: its attention is uniform (zero queries) and copies values, so its first token holds the mean
    of the trunk's last hidden states; its feed-forward part is zero, its layer norm scales the mean to a fixed
    length; the pooler passes it on through the linear part of its tanh. The layer is not trained.

    Args:
        trunk: Folder of a BERT encoder in transformers' format.
        n_labels: Outputs.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer, BertConfig, BertForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    encoder = AutoModel.from_pretrained(trunk)
    config = BertConfig.from_pretrained(trunk)
    config.num_hidden_layers += 1
    config.num_labels = n_labels
    setattr(config, MEAN_POOLING, True)
    model = BertForSequenceClassification(config)
    model.bert.embeddings.load_state_dict(encoder.embeddings.state_dict())
    for target, source in zip(model.bert.encoder.layer[:-1], encoder.encoder.layer, strict=True):
        target.load_state_dict(source.state_dict())
    pooling, pooler = model.bert.encoder.layer[-1], model.bert.pooler.dense
    identity = torch.eye(config.hidden_size)
    with torch.no_grad():
        for parameter in (*pooling.parameters(), *pooler.parameters()):
            parameter.zero_()
        pooling.attention.self.value.weight.copy_(identity)
        # Large against the residual path, which would mix the first token's own state in.
        pooling.attention.output.dense.weight.copy_(100.0 * identity)
        pooling.attention.output.LayerNorm.weight.fill_(1.0)
        pooling.output.LayerNorm.weight.fill_(1.0)
        pooler.weight.copy_(_POOLER_SCALE * identity)
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
    for part in (model.bert.embeddings, pooling, model.bert.pooler):
        part.requires_grad_(False)
    return model.to(device_and_dtype()[0]), AutoTokenizer.from_pretrained(trunk)


def load_classifier(folder: Path) -> tuple[Any, Any]:
    """A trained classifier and its tokenizer, on the device to compute on."""
    from transformers import AutoTokenizer, BertForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = BertForSequenceClassification.from_pretrained(folder)
    return model.to(device_and_dtype()[0]).eval(), AutoTokenizer.from_pretrained(folder)


@dataclass(frozen=True)
class Head:
    """A linear classifier on sentence vectors.

    Attributes:
        weight: [labels, d], for centred vectors of length 1.
        bias: [labels].
    """

    weight: Floats
    bias: Floats

    def logits(self, vectors: Floats) -> Floats:
        """Logits [texts, labels] of sentence vectors [texts, d]."""
        return np.asarray(_centred(vectors) @ self.weight.T + self.bias, np.float32)


def fit_head(
    vectors: Floats, targets: Floats, weights: Floats, multi_label: bool, strength: float = 10.0
) -> Head:
    """Fit a head on soft labels, by convex optimisation.

    Args:
        vectors: Sentence vectors [texts, d].
        targets: Soft labels [texts, labels].
        weights: Weight of each text [texts].
        multi_label: Whether labels are independent.
        strength: Inverse regularisation, as scikit-learn's ``C`` on unit vectors.
    """
    import torch

    x, y, importance = (torch.from_numpy(array) for array in (_centred(vectors), targets, weights))
    weight = torch.zeros(targets.shape[1], x.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    optimizer: Any = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = soft_label_loss(x @ weight.T + bias, y, importance, multi_label)
        loss = loss + (weight**2).sum() / (2 * strength * float(importance.sum()))
        loss.backward()
        return loss

    optimizer.step(closure)
    return Head(weight.detach().numpy(), bias.detach().numpy())


def set_head(model: Any, head: Head) -> None:
    """Give a classifier of :func:`new_classifier` a head that was fitted on the vectors of its trunk."""
    import torch

    with torch.no_grad():
        # The layer norm makes rows of length sqrt(d), the pooler scales them down.
        scale = _POOLER_SCALE * head.weight.shape[1] ** 0.5
        model.classifier.weight.copy_(torch.from_numpy(head.weight / scale))
        model.classifier.bias.copy_(torch.from_numpy(head.bias))


def train_mini(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    targets: Floats,
    weights: Floats,
    n_gold: int,
    multi_label: bool,
    config: MiniConfig,
    on_step: Callable[[float], None] | None = None,
) -> Any:
    """Train a classifier on soft labels, in place.

    Args:
        model: A sequence classifier of transformers.
        tokenizer: Its tokenizer.
        texts: Texts; the first ``n_gold`` are the gold ones.
        targets: Soft labels [texts, labels].
        weights: Texts are drawn in proportion to these [texts].
        n_gold: How many texts at the front are gold.
        multi_label: Whether labels are independent.
        config: How to train.
        on_step: Called with the fraction done after each step.

    Returns:
        The same model, in evaluation mode.
    """
    import torch

    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    tokens = TokenizedTexts(tokenizer, texts, config.max_length)
    wanted = torch.from_numpy(targets).to(model.device)
    others = np.arange(n_gold, len(texts))
    chances = weights[n_gold:] / max(1e-9, float(weights[n_gold:].sum()))
    from_gold = config.batch_size if not len(others) else max(1, round(config.gold_share * config.batch_size))
    head = list(model.classifier.parameters())
    trunk = [p for p in model.bert.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": trunk, "lr": config.learning_rate},
            {"params": head, "lr": config.head_factor * config.learning_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_decay(step, config.steps))
    with training(model):
        for step in range(config.steps):
            batch = rng.choice(n_gold, min(from_gold, n_gold), replace=False)
            if len(others):
                size = min(config.batch_size - from_gold, int((chances > 0).sum()))
                batch = np.concatenate([batch, rng.choice(others, size, replace=False, p=chances)])
            chunks = list(tokens.by_length(TRAINING_CHUNK, batch))
            batch = np.concatenate(chunks)
            with autocast():
                logits = torch.cat([_logits(model, tokens, chunk) for chunk in chunks])
            loss = soft_label_loss(
                logits.float(), wanted[batch], torch.ones(len(batch), device=model.device), multi_label
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            if on_step is not None:
                on_step((step + 1) / config.steps)
    return model.eval()


def mini_logits(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    max_length: int,
    on_batch: Callable[[float], None] | None = None,
    batch_size: int = 64,
) -> Floats:
    """Logits of texts [n, labels], in length-sorted batches."""
    import torch

    tokens = TokenizedTexts(tokenizer, texts, max_length)
    out = np.zeros((len(texts), int(model.config.num_labels)), np.float32)
    model, done = for_inference(model), 0
    with torch.inference_mode():
        for rows in tokens.by_length(batch_size):
            out[rows] = _logits(model, tokens, rows).float().cpu().numpy()
            done += len(rows)
            if on_batch is not None:
                on_batch(done / len(texts))
    return out


def _logits(model: Any, tokens: TokenizedTexts, rows: NDArray[np.int64]) -> Any:
    ids, mask = tokens.batch(rows.tolist())
    return model(input_ids=ids, attention_mask=mask).logits


def _centred(vectors: Floats) -> Floats:
    """What the classifier's last layer norm makes of sentence vectors: mean 0, here with length 1."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), np.float32)
