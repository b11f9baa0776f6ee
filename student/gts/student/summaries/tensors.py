"""Weights of students that summarise, beside those of a transformer; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gts.student.layout import HEAD, WEIGHTS, damaged
from gts.student.static_runtime import load_tensors
from gts.tasks.salience import WIDTH

Floats = NDArray[np.float32]

SCORES = "scores"
"""Output of a transformer's ONNX files: what each token adds to the score of its piece [n, tokens]."""

TABLE_COLUMNS = 3
"""What a token adds to a piece that has it, that begins with it, that ends with it."""

_TABLE, _SURFACE, _BIAS, _DIRECTION = "embeddings", "summary.surface", "summary.bias", "summary.direction"


@dataclass(frozen=True)
class SummaryHead:
    """The weights that score pieces, beside those of a transformer.

    Attributes:
        table: Of tokens [vocabulary, TABLE_COLUMNS].
        surface: Of features of a piece's surface [features].
        bias: The score of a piece without any.
        direction: Of a transformer's states [d], where there is one.
    """

    table: Floats
    surface: Floats
    bias: float
    direction: Floats | None = None


def save_head(head: SummaryHead, folder: Path) -> None:
    """Write ``head.safetensors``; without a transformer the table becomes ``model.safetensors``."""
    from safetensors.numpy import save_file

    parts = {_SURFACE: head.surface, _BIAS: np.array([head.bias], np.float32)}
    if head.direction is None:
        save_file({_TABLE: np.ascontiguousarray(head.table)}, folder / WEIGHTS)
    else:
        parts |= {_TABLE: np.ascontiguousarray(head.table), _DIRECTION: head.direction}
    save_file(parts, folder / HEAD)


def load_head(folder: Path, tier: str) -> SummaryHead:
    """Read what :func:`save_head` wrote.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged.
    """
    path, tensors = folder / HEAD, load_tensors(folder, HEAD)
    if tier == "static":
        tensors |= load_tensors(folder, WEIGHTS)
    shapes = {_SURFACE: (WIDTH,), _BIAS: (1,), _TABLE: (-1, TABLE_COLUMNS)}
    if tier != "static":
        shapes[_DIRECTION] = (-1,)
    for name, shape in shapes.items():
        if name not in tensors:
            raise damaged(path, f"there is no tensor {name}")
        found = tensors[name].shape
        if len(found) != len(shape) or any(
            size not in (-1, own) for size, own in zip(shape, found, strict=True)
        ):
            raise damaged(path, f"{name} is {found}, {shape} was expected")
        if not np.isfinite(tensors[name]).all():
            raise damaged(path, f"{name} holds values that are not finite numbers")
    plain = {name: tensors[name].astype(np.float32) for name in shapes}
    return SummaryHead(plain[_TABLE], plain[_SURFACE], float(plain[_BIAS][0]), plain.get(_DIRECTION))
