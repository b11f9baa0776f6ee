"""Stage ``audit``: decide from held-out gold which teachers to believe, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import Floats, fold_of_gold, indicators, load_arrays, write_json
from gts.tasks.dataset import load_task
from gts.teacher.ensemble import (
    Audit,
    accuracy,
    audit,
    calibrate,
    combine,
    defer,
    negative_log_likelihood,
    sharpen,
)

_OTHERS = "all others"
_LEAST_GAIN = 0.01
"""Share of the held-out loss that language models must take away to be worth their calls."""


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Audit the teachers over all folds.

    The teachers that cost nothing to ask are weighed first. Language models, who were perhaps not asked about
    every text, then stand beside their ensemble as a whole, so that it is there for the texts they said nothing about.

    Args:
        inputs: ``task``, and ``fold0`` .. of stage ``teach``; with language models ``NAME fold0`` .. of stage ``consult``.
        params: ``folds``; ``models``: names of language models.
        out: Gets ``audit.json``: weight, accuracy and loss of each teacher (of a language model over the texts it answered,
            null where it answered none), and the ensemble's; ``rest``, the weights of
            those that cost nothing, among themselves; ``others``, their ensemble's ``weight`` and ``exponent`` beside
            language models; ``models``, each one's ``weight`` and calibration.
        progress: Progress.
    """
    data = load_task(inputs["task"])
    targets, multi = indicators(data), data.multi_label
    fold = fold_of_gold(targets, params["folds"], data.spec.seed)

    def pooled(prefix: str) -> dict[str, Floats]:
        answers = [
            load_arrays(inputs[f"{prefix}fold{k}"] / "heldout.safetensors") for k in range(params["folds"])
        ]
        found = {name: np.zeros_like(targets) for name in answers[0]}
        for k, answer in enumerate(answers):
            for name, rows in answer.items():
                found[name][fold == k] = rows
        return found

    told = pooled("")
    first = audit(told, targets, multi)
    models = {name: beliefs for model in params["models"] for name, beliefs in pooled(f"{model} ").items()}
    summary = _summary(first) | {
        "rest": first.weights,
        "models": {},
        "others": {"weight": 1.0, "exponent": 1.0},
    }
    if models:
        summary |= _with_models(combine(told, first.weights), first, models, targets, multi)
    write_json(out / "audit.json", summary)
    progress(1.0, "audited")
    return summary


def _with_models(
    others: Floats, first: Audit, models: dict[str, Floats], targets: Floats, multi: bool
) -> dict[str, Any]:
    # All are calibrated before they are weighed, or a model without an opinion would win by making the others less sure.
    exponent = calibrate(others, targets, multi, with_bias=False).exponent
    fits = {name: calibrate(beliefs, targets, multi) for name, beliefs in models.items()}
    others = sharpen(others, exponent, multi)
    said = {name: fits[name].apply(beliefs, multi) for name, beliefs in models.items()}
    answered = {name: ~np.isnan(beliefs).any(axis=1) for name, beliefs in models.items()}
    # One that said nothing would be weighed by what the others believe.
    beside = {name: defer(beliefs, others) for name, beliefs in said.items() if answered[name].any()}
    second = audit({_OTHERS: others, **beside}, targets, multi)
    gains = second.ensemble_loss < (1 - _LEAST_GAIN) * second.loss[_OTHERS]
    share = dict.fromkeys([_OTHERS, *models], 0.0) | (second.weights if gains else {_OTHERS: 1.0})
    measured: dict[str, Any] = _summary(second) if gains else {}
    for measure, of in (("accuracy", accuracy), ("loss", negative_log_likelihood)):
        # By the texts that it answered: of the rest its row holds what others believe.
        measured[measure] = getattr(first, measure) | {
            name: of(said[name][rows], targets[rows], multi) if rows.any() else None
            for name, rows in answered.items()
        }
    weights = {name: weight * share[_OTHERS] for name, weight in first.weights.items()}
    return measured | {
        "weights": weights | {name: share[name] for name in models},
        "others": {"weight": share[_OTHERS], "exponent": exponent if gains else 1.0},
        "models": {name: {"weight": share[name], **asdict(fits[name])} for name in models},
        "abstained": {name: int((~rows).sum()) for name, rows in answered.items()},
    }


def _summary(result: Audit) -> dict[str, Any]:
    return {
        "weights": result.weights,
        "accuracy": result.accuracy,
        "loss": result.loss,
        "ensemble_accuracy": result.ensemble_accuracy,
        "ensemble_loss": result.ensemble_loss,
        "exponent": result.exponent,
    }
