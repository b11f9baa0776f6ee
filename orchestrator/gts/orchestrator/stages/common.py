"""What stages share: folds, label indicators, and the arrays that pass between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.stage import Progress
from gts.tasks.dataset import TaskData, load_task

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MOST_TOKENS = 256
"""Longest text that is read, in tokens; the same for teachers and students, so that what was measured is served."""


@dataclass(frozen=True)
class Split:
    """A fold of a task: what may be learnt from, and what is held out to judge by.

    Attributes:
        data: The task.
        train: Gold rows that may be used.
        heldout: Gold rows nobody may learn from; empty for the fit on all gold.
        pool: Pool rows in use.
    """

    data: TaskData
    train: Ints
    heldout: Ints
    pool: Ints

    @property
    def train_texts(self) -> list[str]:
        """Texts of the usable gold rows."""
        return [self.data.gold[i].text for i in self.train]

    @property
    def heldout_texts(self) -> list[str]:
        """Texts of the held-out gold rows."""
        return [self.data.gold[i].text for i in self.heldout]

    @property
    def pool_texts(self) -> list[str]:
        """Texts of the pool rows in use."""
        return [self.data.pool[i] for i in self.pool]

    @property
    def train_targets(self) -> Floats:
        """Label indicators of the usable gold rows [n, labels]."""
        return indicators(self.data)[self.train]


def indicators(data: TaskData) -> Floats:
    """Label indicators of all gold rows: [gold, labels] of 0 and 1."""
    position = {label: i for i, label in enumerate(data.labels)}
    out = np.zeros((len(data.gold), len(position)), np.float32)
    for row, example in enumerate(data.gold):
        for label in example.labels:
            out[row, position[label]] = 1.0
    return out


def fold_of_gold(targets: Floats, folds: int, seed: int) -> Ints:
    """Which fold holds out each gold row, labels spread evenly over the folds.

    Rows are dealt out label by label, always the label with the fewest rows left, to the fold that has the
    fewest of that label (Sechidis et al., On the Stratification of Multi-Label Data, 2011, simplified). With two
    examples of a label, every fold but the ones that hold them out trains on both, and those train on one.
    """
    rng = np.random.default_rng(seed)
    n, n_labels = targets.shape
    fold = np.full(n, -1, np.int64)
    per_label = np.zeros((folds, n_labels))
    sizes = np.zeros(folds)
    while (left := targets[fold < 0].sum(axis=0)).any():
        label = int(np.argmin(np.where(left > 0, left, np.inf)))
        rows = np.flatnonzero((targets[:, label] > 0) & (fold < 0))
        for row in rng.permutation(rows):
            order = np.lexsort((rng.random(folds), sizes, per_label[:, label]))
            fold[row] = order[0]
            per_label[order[0]] += targets[row]
            sizes[order[0]] += 1
    for row in rng.permutation(np.flatnonzero(fold < 0)):  # multi-label rows without any label
        fold[row] = int(np.argmin(sizes))
        sizes[fold[row]] += 1
    return fold


def pool_rows(n_pool: int, limit: int, seed: int) -> Ints:
    """At most ``limit`` pool rows, drawn once by seed; a smaller limit draws a part of the larger draw."""
    order = np.random.default_rng(seed).permutation(n_pool)[:limit]
    return np.sort(order)


def load_split(inputs: Mapping[str, Path], params: Mapping[str, Any]) -> Split:
    """The fold that a stage's parameters name (``fold``: a number, or ``None`` for all gold)."""
    data = load_task(inputs["task"])
    rows = np.arange(len(data.gold))
    if params["fold"] is None:
        train, heldout = rows, rows[:0]
    else:
        fold = fold_of_gold(indicators(data), params["folds"], data.spec.seed)
        train, heldout = rows[fold != params["fold"]], rows[fold == params["fold"]]
    return Split(data, train, heldout, pool_rows(len(data.pool), params["pool"], data.spec.seed))


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as safetensors."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what :func:`save_arrays` wrote."""
    from safetensors.numpy import load_file

    arrays: dict[str, NDArray[Any]] = load_file(path)
    return arrays


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text("utf-8"))


def part(progress: Progress, start: float, end: float, message: str) -> Callable[[float], None]:
    """A progress function for one part of a stage: its 0 to 1 becomes ``start`` to ``end``."""

    def report(fraction: float) -> None:
        progress(start + (end - start) * fraction, message)

    return report
