"""Reading the weights of students that compare vectors; without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gts.student.layout import HEAD, WEIGHTS, damaged
from gts.student.pairs.head import PairHead
from gts.student.static_runtime import load_tensors

EMBEDDING = "embedding"
"""Output of a bi-encoder's ONNX files: unit vectors [n, d]."""

HEAD_PARTS = ("mean", "scale", "weight", "bias")
"""Fields of :class:`PairHead`; in ``head.safetensors`` each is called ``pair.<name>``."""


def load_head(folder: Path) -> PairHead:
    """Read ``head.safetensors``.

    Raises:
        NotFound: It is missing.
        StorageError: It is damaged.
    """
    tensors = load_tensors(folder, HEAD)
    try:
        head = PairHead(*(tensors[f"pair.{part}"].astype(np.float32) for part in HEAD_PARTS))
    except KeyError as error:
        raise damaged(folder / HEAD, f"it holds no tensor {error}") from error
    if not (head.mean.shape == head.scale.shape == head.weight.shape and head.bias.shape == (1,)):
        raise damaged(folder / HEAD, "its tensors do not fit each other")
    return head


def load_table(folder: Path) -> NDArray[np.float32]:
    """Read a static student's token vectors [vocabulary, d].

    Raises:
        NotFound: They are missing.
        StorageError: They are damaged.
    """
    tensors = load_tensors(folder, WEIGHTS)
    table = tensors.get("embeddings")
    if table is None or table.ndim != 2 or not np.isfinite(table).all():
        raise damaged(folder / WEIGHTS, "it holds no table of finite token vectors")
    return np.asarray(table, np.float32)
