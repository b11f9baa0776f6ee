"""Stage ``expect``: how good the student to publish can be expected to be on new texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.estimate import CONFIDENCE, decide
from gts.orchestrator.powered import Measure, Sample, corrected
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.beliefs import CONSULTED, ensemble_beliefs
from gts.orchestrator.stages.common import (
    Floats,
    Ints,
    fold_of_gold,
    indicators,
    load_arrays,
    pool_rows,
    read_json,
)
from gts.tasks.dataset import TaskData, fair_sample, load_task
from gts.teacher.ensemble import sharpen


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Correct the measure on held-out gold by what the teachers believe of the pool.

    Args:
        inputs: ``task``; ``student of K`` and ``student``, fits of stage ``distil``; ``teach of K`` and ``audit``, unless there are no
            teachers; ``heldout NAME of K`` and ``consult NAME of K`` of language models that were asked.
        params: ``folds``.
        out: Stays empty.
        progress: Progress.

    Returns:
        ``value``, ``low``, ``high`` and ``power`` (see :class:`gts.orchestrator.powered.Corrected`), ``pool``: unlabelled texts that were looked at,
        ``changed``.
    """
    data = load_task(inputs["task"])
    targets, folds, multi = indicators(data), params["folds"], data.multi_label
    fold = fold_of_gold(targets, folds, data.spec.seed)
    rows = _shared_rows(inputs, data, folds)
    said = np.zeros(targets.shape, bool)
    believed = np.zeros_like(targets)
    whole = _answers(inputs["student"], data, rows, multi)
    answers: list[Floats] = []
    pool: list[Floats] = []
    for k in range(folds):
        student = inputs[f"student of {k}"]
        said[fold == k] = decide(load_arrays(student / "heldout.safetensors")["logits"], multi)
        answers.append(_answers(student, data, rows, multi))
        if "audit" in inputs:
            believed[fold == k] = _beliefs(inputs, k, multi, "heldout")
            beliefs = _beliefs(inputs, k, multi, "pool")
            pool.append(beliefs[np.isin(_pool_of(data, len(beliefs)), rows)])
    parts, measure = _PARTS[data.spec.metric]
    fair = fair_sample(example.origin for example in data.gold)
    sample = Sample.of(
        parts(said, targets, multi)[fair],
        parts(said, believed, multi)[fair],
        [parts(own, beliefs, multi) for own, beliefs in zip(answers, pool, strict=bool(pool))],
        [float((own != whole).any(axis=1).mean()) for own in answers],
    )
    found = corrected(sample, measure, CONFIDENCE)
    progress(1.0, "estimated")
    return {**asdict(found), "pool": len(rows), "changed": sample.changed}


def _pool_of(data: TaskData, count: int) -> Ints:
    """Rows of the pool of which a stage knows so many."""
    return pool_rows(len(data.pool), count, data.spec.seed)


def _shared_rows(inputs: Mapping[str, Path], data: TaskData, folds: int) -> Ints:
    """Rows of the pool that all have spoken about: folds have seen less of it than the student of all gold."""
    known = [inputs["student"], *(inputs[f"student of {k}"] for k in range(folds))]
    counts = [len(load_arrays(folder / "pool.safetensors")["probabilities"]) for folder in known]
    if "audit" in inputs:
        for k in range(folds):
            counts.append(len(next(iter(load_arrays(inputs[f"teach of {k}"] / "pool.safetensors").values()))))
    return reduce(np.intersect1d, (_pool_of(data, count) for count in counts))


def _answers(student: Path, data: TaskData, rows: Ints, multi: bool) -> Floats:
    """What a student decides for pool rows: indicators [rows, labels]."""
    beliefs = load_arrays(student / "pool.safetensors")["probabilities"]
    own = beliefs[np.isin(_pool_of(data, len(beliefs)), rows)]
    return decide(np.log(own + 1e-9) - np.log(1 - own + 1e-9), multi).astype(np.float32)


def _beliefs(inputs: Mapping[str, Path], fold: int, multi: bool, about: str) -> Floats:
    """What the teachers of a fold believe of its held-out rows or its pool, as sure as the audit says they may be."""
    end, asked = f" of {fold}", CONSULTED if about == "pool" else "heldout "
    models = {
        f"{CONSULTED}{key.removeprefix(asked).removesuffix(end)}": folder
        for key, folder in inputs.items()
        if key.startswith(asked) and key.endswith(end)
    }
    own = {"teach": inputs[f"teach{end}"], "audit": inputs["audit"], **models}
    return sharpen(
        ensemble_beliefs(own, multi, about), read_json(own["audit"] / "audit.json")["exponent"], multi
    )


def _right(said: Floats, true: Floats, multi: bool) -> Floats:
    """How likely an answer is right, all of its labels [rows, 1]."""
    chosen = said > 0.5
    if multi:
        return np.asarray(np.where(chosen, true, 1.0 - true).prod(axis=1, keepdims=True))
    return np.asarray((true * chosen).sum(axis=1, keepdims=True))


def _counts(said: Floats, true: Floats, multi: bool) -> Floats:
    """Hits, predictions and true occurrences of every label [rows, 3 labels]."""
    chosen, wanted = said.astype(np.float64), true.astype(np.float64)
    return np.concatenate([chosen * wanted, chosen, wanted], axis=1)


def _accuracy(means: Floats) -> float:
    return float(means[0])


def _macro_f1(means: Floats) -> float:
    hit, predicted, true = means.reshape(3, -1)
    both = predicted + true
    occurs = both > 0
    return float((2 * hit[occurs] / both[occurs]).mean()) if occurs.any() else 0.0


_PARTS: Mapping[str, tuple[Any, Measure]] = {
    "accuracy": (_right, _accuracy),
    "macro_f1": (_counts, _macro_f1),
}
