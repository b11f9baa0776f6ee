"""A BERT-family text encoder on CPU or GPU: length-sorted batches, mean pooling, bfloat16 where the chip has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@lru_cache(maxsize=1)
def device_and_dtype() -> tuple[str, bool]:
    """The device to compute on and whether bfloat16 arithmetic is fast there.

    On processors without bfloat16 matrix instructions autocast would be slower than float32.
    """
    import torch

    if torch.cuda.is_available():
        return "cuda", True
    # torch tells of AMX only through this private probe; where it is gone, float32 is right and slower.
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return "cpu", bool(probe and probe())


def autocast() -> Any:
    """The context in which forward passes run on this machine."""
    import torch

    device, bfloat16 = device_and_dtype()
    return torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16)


@contextmanager
def training(model: Any) -> Iterator[None]:
    """Training mode in the form that is fast on CPU: plain attention, without dropout of its weights.

    Drawing random numbers for attention weights took more time than all matrix products at 128 tokens, and
    the backward pass of fused attention is slow in bfloat16: 1.7 s a step became 0.8 s (benchmarks/LOG.md).
    Dropout of hidden states stays.
    """
    implementation = model.config._attn_implementation
    dropouts = [module for name, module in model.named_modules() if name.endswith("attention.self.dropout")]
    shares = [module.p for module in dropouts]
    model.set_attn_implementation("eager")
    for module in dropouts:
        module.p = 0.0
    model.train()
    try:
        yield
    finally:
        model.eval()
        model.set_attn_implementation(implementation)
        for module, share in zip(dropouts, shares, strict=True):
            module.p = share


def warmup_decay(step: int, steps: int) -> float:
    """Learning-rate factor: linear warm-up over a tenth of the steps, then linear decay to zero."""
    warmup = max(1, steps // 10)
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))


def for_inference(model: Any) -> Any:
    """The model in evaluation mode; where bfloat16 is fast, a copy with its weights in it.

    Autocast would convert the weights again for each batch.
    """
    import copy

    import torch

    model.eval()
    return copy.deepcopy(model).to(torch.bfloat16) if device_and_dtype()[1] else model


TRAINING_CHUNK = 24
"""Texts of a training batch that go through the model together; more are split by length, which on short
texts halves the padding (benchmarks/LOG.md)."""


class TokenizedTexts:
    """Texts as token ids, cut to ``max_length``, given out as padded batches.

    Args:
        tokenizer: A transformers tokenizer.
        texts: The texts.
        max_length: Longest sequence kept, in tokens, special ones included.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str], max_length: int) -> None:
        self.ids: list[list[int]] = (
            tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if texts else []
        )
        self._pad: int = tokenizer.pad_token_id or 0

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: Sequence[int]) -> tuple[Any, Any]:
        """Token ids and attention mask of some rows, as int64 tensors [rows, longest]."""
        import torch

        longest = max(len(self.ids[row]) for row in rows)
        ids = np.full((len(rows), longest), self._pad, np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for i, row in enumerate(rows):
            sequence = self.ids[row]
            ids[i, : len(sequence)] = sequence
            mask[i, : len(sequence)] = 1
        device = device_and_dtype()[0]
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

    def by_length(self, size: int, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int64]]:
        """Row numbers (all, or those given) in batches of similar length, so that little padding is computed."""
        rows = np.arange(len(self.ids)) if rows is None else rows
        order = rows[np.argsort([len(self.ids[row]) for row in rows], kind="stable")]
        for start in range(0, len(order), size):
            yield order[start : start + size]


def mean_pool(hidden: Any, mask: Any) -> Any:
    """Mean of the hidden states of real tokens: [n, t, d], [n, t] -> float32 [n, d]."""
    weights = mask[..., None].float()
    return (hidden.float() * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class Encoder:
    """A transformer encoder with its tokenizer.

    Args:
        folder: Folder in transformers' format.
        max_length: Longest sequence encoded, in tokens.
    """

    def __init__(self, folder: Path, max_length: int = 128) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.folder = Path(folder)
        self.max_length = max_length
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder)
        self.model = AutoModel.from_pretrained(self.folder).to(device_and_dtype()[0]).eval()

    def tokenize(self, texts: Sequence[str], max_length: int | None = None) -> TokenizedTexts:
        """Token ids of texts, cut to this encoder's length or a shorter one."""
        return TokenizedTexts(self.tokenizer, texts, min(self.max_length, max_length or self.max_length))

    def forward(self, ids: Any, mask: Any) -> Any:
        """Sentence vectors of one batch, with gradients where they are enabled: float32 [n, d]."""
        with autocast():
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return mean_pool(hidden, mask)

    def embed(
        self, texts: Sequence[str], batch_size: int = 64, on_batch: Callable[[float], None] | None = None
    ) -> Floats:
        """Unit-length sentence vectors.

        Args:
            texts: The texts.
            batch_size: Texts a forward pass.
            on_batch: Called with the fraction done after each batch.

        Returns:
            Array [texts, hidden size].
        """
        import torch

        model = for_inference(self.model)
        tokens = self.tokenize(texts)
        out = np.zeros((len(texts), int(self.model.config.hidden_size)), np.float32)
        done = 0
        with torch.inference_mode():
            for rows in tokens.by_length(batch_size):
                ids, mask = tokens.batch(rows.tolist())
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
                out[rows] = mean_pool(hidden, mask).cpu().numpy()
                done += len(rows)
                if on_batch is not None:
                    on_batch(done / len(texts))
        return unit(out)

    def embed_tokens(self, token_ids: Sequence[int], batch_size: int = 512) -> Floats:
        """The vector of each token standing alone between the special tokens: [tokens, hidden size].

        This is how Model2Vec draws a static table from an encoder (Tulkens and van Dongen, 2024).
        """
        import torch

        model = for_inference(self.model)
        start, end = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        ids = np.array([[start, token, end] for token in token_ids], np.int64)
        out = np.zeros((len(ids), int(self.model.config.hidden_size)), np.float32)
        device = device_and_dtype()[0]
        with torch.inference_mode():
            for at in range(0, len(ids), batch_size):
                batch = torch.from_numpy(ids[at : at + batch_size]).to(device)
                mask = torch.ones_like(batch)
                hidden = model(input_ids=batch, attention_mask=mask).last_hidden_state
                out[at : at + batch_size] = mean_pool(hidden, mask).cpu().numpy()
        return out

    def save(self, folder: Path) -> None:
        """Write model and tokenizer in transformers' format (safetensors)."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length one; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
