"""Stage ``rows.pose``: choose what to ask a person about a task of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief
from gts.orchestrator.crafts.vectors import text_vectors
from gts.orchestrator.questions import ALIKE, NOT_ALIKE, QuestionKind, subject_of
from gts.orchestrator.selection import MOST_TEXTS, select
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import write_json
from gts.orchestrator.stages.rows import POOL, load_scene, read_beliefs
from gts.tasks.dataset import Origin
from gts.tasks.items import decide
from gts.tasks.row_forms import as_given
from gts.tasks.rows import MarkedRow, PairRow, Row, load_row_task, texts_of


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Choose questions: which pairs are alike, what is to be found in which texts.

    Args:
        inputs: ``task``; ``student``, the fit of stage ``rows.distil`` to be published.
        params: ``fold`` (None), ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`); ``count``, most questions;
            ``decision``, by which beliefs become answers; ``asked``, what was asked before (see
            :func:`gts.orchestrator.questions.subject_of`).
        out: Gets ``questions.json``: a list of ``kind``, ``payload``, ``reason``, ``origin``.
        progress: Progress.

    Returns:
        ``questions`` by kind.
    """
    task_type = load_row_task(inputs["task"]).spec.type
    craft = craft_of(task_type)
    scene = load_scene(craft, inputs, params)
    beliefs = read_beliefs(inputs["student"] / POOL, craft)
    rows = list(zip(scene.pool, beliefs, strict=True))[:MOST_TEXTS]
    asked = set(params["asked"])
    progress(0.1, "looking for texts that stand for many others")
    done = np.array([subject_of(texts_of(row)) in asked for row, _ in rows], bool)
    doubt = np.array([1 - craft.trust(belief) for _, belief in rows], np.float32)
    texts = [" ".join(texts_of(row)) for row in (*(row for row, _ in rows), *scene.train)]
    vectors = text_vectors(texts, None) if rows else np.zeros((0, 1), np.float32)
    pool, gold = vectors[: len(rows)], vectors[len(rows) :]
    known = np.concatenate([gold, pool[done]]) if rows else gold
    doubt[done] = 0.0
    questions = []
    for chosen in select(pool, doubt, known, params["count"], scene.spec.seed):
        row, belief = rows[chosen.row]
        kind, payload = _about(row, belief, params["decision"], task_type)
        reason = f"it stands for {chosen.stands_for} unlabelled rows that the student is unsure of"
        questions.append(
            {"kind": kind.value, "payload": payload, "reason": reason, "origin": Origin.POOL.value}
        )
    write_json(out / "questions.json", questions)
    progress(1.0, "chosen")
    return {"questions": dict(Counter(question["kind"] for question in questions))}


def _about(
    row: Row, belief: Belief, decision: Mapping[str, float], task_type: str
) -> tuple[QuestionKind, dict[str, Any]]:
    if isinstance(row, PairRow):
        alike = round(float(belief), 3)
        payload = {
            "text_a": row.text_a,
            "text_b": row.text_b,
            "options": [ALIKE, NOT_ALIKE],
            "suggested": {ALIKE: alike, NOT_ALIKE: round(1 - alike, 3)},
        }
        return QuestionKind.LABEL, payload
    proposed = replace(row, found=decide(belief, decision)) if isinstance(row, MarkedRow) else row
    return QuestionKind.MARK, {"text": texts_of(row)[0], "proposed": as_given(proposed, task_type)}
