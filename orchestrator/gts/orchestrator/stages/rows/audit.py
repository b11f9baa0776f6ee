"""Stage ``rows.audit``: what each teacher is worth, judged by the gold rows that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Craft
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import Ints, write_json
from gts.orchestrator.stages.rows import HELDOUT, folds_of, read_beliefs
from gts.orchestrator.stages.rows.crossing import cross_judge
from gts.tasks.rows import RowTask, load_row_task

_ROUNDS = 8


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Weigh the teachers.

    Teachers are added to the ensemble one at a time, each time the one that helps it most, and may be added again, which
    makes weights of it (Caruana et al., Ensemble Selection from Libraries of Models, 2004).

    Args:
        inputs: ``task``; ``NAME of K``: what teacher NAME of fold K said (a folder with ``heldout.jsonl``, in a folder of the
            teacher's name where several share an artifact).
        params: ``folds``.
        out: Gets ``audit.json``.
        progress: Progress.

    Returns:
        ``weights``, ``accuracy`` and ``loss`` by teacher; ``ensemble_accuracy``, ``ensemble_loss``, ``measures``.
    """
    task = load_row_task(inputs["task"])
    craft = craft_of(task.spec.type)
    said = opinions_of(craft, task, inputs, params["folds"])
    fold = folds_of(craft, task, params["folds"])
    alone = {name: cross_judge(craft, task, beliefs, fold) for name, beliefs in said.items()}
    weights = weigh(craft, task, said, fold)
    used = {name: weight for name, weight in weights.items() if weight > 0}
    mixed = craft.combine([said[name] for name in used], list(used.values()))
    ensemble = cross_judge(craft, task, mixed, fold)
    summary = {
        "weights": weights,
        "accuracy": {name: judged.value for name, judged in alone.items()},
        "loss": {name: judged.loss for name, judged in alone.items()},
        "ensemble_accuracy": ensemble.value,
        "ensemble_loss": ensemble.loss,
        "measures": dict(ensemble.measures),
        "models": {},
    }
    write_json(out / "audit.json", summary)
    progress(1.0, "audited")
    return summary


def opinions_of(
    craft: Craft, task: RowTask, inputs: Mapping[str, Path], folds: int
) -> dict[str, list[Belief]]:
    """By teacher, its beliefs about every gold row, each by the fold that had not seen it."""
    fold = folds_of(craft, task, folds)
    said: dict[str, list[Belief]] = {}
    for key, folder in inputs.items():
        name, found, number = key.rpartition(" of ")
        if not found:
            continue
        for teacher, place in teachers_in(name, folder).items():
            beliefs = said.setdefault(teacher, [None] * len(task.gold))
            rows = [row for row in range(len(task.gold)) if fold[row] == int(number)]
            for row, belief in zip(rows, read_beliefs(place / HELDOUT, craft), strict=True):
                beliefs[row] = belief
    return said


def teachers_in(name: str, folder: Path) -> dict[str, Path]:
    """Teachers whose opinions an artifact holds: that of ``rows.teach`` holds several."""
    listing = folder / "teachers"
    if not listing.exists():
        return {name: folder}
    return {teacher: folder / teacher for teacher in listing.read_text("utf-8").split("\n") if teacher}


def weigh(craft: Craft, task: RowTask, said: Mapping[str, Sequence[Belief]], fold: Ints) -> dict[str, float]:
    """Weights by greedy selection: by the deciding measure, then by the loss; they sum to 1."""
    chosen: dict[str, int] = {}
    best: tuple[float, float] | None = None
    for _ in range(_ROUNDS):
        tried = []
        for name in said:
            counts = {**chosen, name: chosen.get(name, 0) + 1}
            mixed = craft.combine([said[n] for n in counts], [float(c) for c in counts.values()])
            judged = cross_judge(craft, task, mixed, fold)
            tried.append(((judged.value, -judged.loss), name))
        score, name = max(tried)
        if best is not None and score <= best:
            break
        best, chosen[name] = score, chosen.get(name, 0) + 1
    total = sum(chosen.values())
    return {name: chosen.get(name, 0) / total for name in said}
