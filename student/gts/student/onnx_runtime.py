"""Predicting with a transformer student: its ONNX file in onnxruntime, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gts.student.fast_tokens import encode
from gts.student.layout import ONNX_FP32, ONNX_INT8, StudentManifest, damaged, required_file
from gts.student.sessions import Session, open_session
from gts.student.shared import Memory
from gts.student.static_runtime import Floats
from gts.student.tokenizing import SharedTokenizer, shared_tokenizer

Variant = Literal["fp32", "int8"]

FILES: dict[Variant, str] = {"fp32": ONNX_FP32, "int8": ONNX_INT8}
_BATCH_TEXTS = 32
_BATCH_TOKENS = 512
"""Larger batches are no faster on a core, and take more memory (benchmarks/LOG.md)."""


class OnnxBackend:
    """Logits of texts from an ONNX session; safe to call from several threads.

    Args:
        tokens: The student's tokenizer, which cuts texts to what the student reads.
        session: Network with inputs ``input_ids`` and ``attention_mask`` [n, tokens] and output ``logits`` [n, labels].
        labels: Number of labels.
        variant: Which of the student's ONNX files the session runs.
    """

    def __init__(self, tokens: SharedTokenizer, session: Session, labels: int, variant: Variant) -> None:
        self._tokens = tokens
        self._session = session
        self._labels = labels
        self.variant = variant

    @property
    def memory(self) -> Memory:
        """What it takes."""
        return Memory(0, {**self._session.memory, **self._tokens.memory})

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits [n, labels]."""
        ids = [encode(self._tokens.tokenizer, text, special=True) for text in texts]
        return run_session(self._session, "logits", ids, self._labels)


def run_session(
    session: Session,
    output: str,
    ids: Sequence[Sequence[int]],
    width: int,
    tokens: int = _BATCH_TOKENS,
) -> Floats:
    """One output of a session for token ids of many texts [n, width], a batch of like lengths at a time.

    Args:
        session: The session.
        output: Name of the output.
        ids: Token ids of each text.
        width: Numbers that the output has for each text.
        tokens: Most tokens of a batch, padding included.
    """
    out = np.empty((len(ids), width), np.float32)
    for rows in _batches([len(row) for row in ids], tokens):
        inputs, mask = padded([ids[row] for row in rows])
        out[rows] = session.run([output], {"input_ids": inputs, "attention_mask": mask})[0]
    return out


def padded(ids: Sequence[Sequence[int]], filler: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids of texts, filled up to the longest, and 1 where they stand: both int64 [n, tokens]."""
    width = max(1, max(map(len, ids)))
    inputs = np.full((len(ids), width), filler, np.int64)
    mask = np.zeros((len(ids), width), np.int64)
    for position, row in enumerate(ids):
        inputs[position, : len(row)] = row
        mask[position, : len(row)] = 1
    return inputs, mask


def load_onnx(folder: Path, manifest: StudentManifest, variant: Variant, threads: int) -> OnnxBackend:
    """Open a transformer student's files.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    path = required_file(folder, FILES[variant])
    session = open_session(path, threads)
    inputs, outputs = session.inputs, session.outputs
    if set(inputs) != {"input_ids", "attention_mask"} or "logits" not in outputs:
        raise damaged(
            path, f"it maps {sorted(inputs)} to {sorted(outputs)}, not input_ids and attention_mask to logits"
        )
    labels = len(manifest.labels)
    if outputs["logits"][-1] != labels:
        raise damaged(path, f"it gives {outputs['logits'][-1]} logits, {labels} labels were expected")
    return OnnxBackend(shared_tokenizer(folder, manifest.max_length), session, labels, variant)


def _batches(lengths: Sequence[int], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers in groups of like length, so that little is padded; the longest of a group rules its size."""
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    stop = len(order)
    while stop > 0:
        size = max(1, min(_BATCH_TEXTS, tokens // max(1, lengths[order[stop - 1]])))
        start = max(0, stop - size)
        yield order[start:stop]
        stop = start
