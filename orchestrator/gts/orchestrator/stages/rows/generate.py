"""Stage ``rows.generate``: new rows for one fold, and which of them may be learnt from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gts.generator.filters import acceptance
from gts.generator.made import MadeRow
from gts.generator.protocol import Judged
from gts.generator.wishes import Wishes, read_reviews, respect
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Craft, Lesson, Scene
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import part
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.orchestrator.stages.lessons import LESSONS
from gts.orchestrator.stages.rows import STUDENT, load_scene
from gts.orchestrator.stages.rows.filtering import judge_recombined, judge_written
from gts.tasks.row_text import read_row, write_row
from gts.tasks.rows import load_row_task
from gts.tasks.spec import EMBEDDED

_WEIGHT = 0.5
"""Of a new row beside a gold one."""
_LEAST_WEIGHT = 0.05


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Generate.

    Args:
        inputs: ``task``; ``tuned``, the student of this fold's gold rows alone (a fit of stage ``rows.distil``); ``reviews``
            where people vetoed rows.
        params: ``fold``, ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`), ``generator``, ``count`` (in all; for a
            language model, for each kind of row), ``tier`` (of ``tuned``); for language models ``schema``, ``chat``,
            ``tokens`` and ``money`` (what may be spent, or None).
        out: Gets ``judged.jsonl`` (every row with provenance, verdict and reason) and ``lessons.jsonl``.
        progress: Progress.

    Returns:
        ``accepted``, ``drafts``, ``acceptance`` (see :func:`gts.generator.filters.acceptance`), and ``asked``: what calls of
        language models took.

    Raises:
        Unavailable: The language model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, params)
    name, accounts = params["generator"], []
    progress(0.05, "making new rows")
    if name == EMBEDDED:
        made = craft.recombine(scene, params["count"], scene.spec.seed)
        judged = judge_recombined(craft, scene, made.rows)
        beliefs: Sequence[Belief] = [craft.certain(one.row) for one in made.rows]
        weights = [_WEIGHT] * len(beliefs)
    else:
        asking = Asking(
            open_model(name), params["tokens"], params["money"], part(progress, 0.05, 0.7, "writing")
        )
        made = craft.write(scene, name, params["count"], asking, params["schema"], params["chat"])
        accounts = [asking.account()]
        progress(0.7, "judging the new rows")
        judged = judge_written(craft, scene, made.rows)
        beliefs = _beliefs(craft, scene, made.rows, params["tier"], inputs["tuned"])
        weights = [_WEIGHT * craft.trust(belief) for belief in beliefs]
        judged = [_doubted(*one) for one in zip(judged, weights, strict=True)]
    wishes = read_reviews(inputs)
    edited = _edited(scene, wishes)
    judged = [respect(_as_shown(*one), wishes) for one in zip(judged, made.rows, strict=True)]
    judged += [_as_shown(*one) for one in zip(judge_recombined(craft, scene, edited), edited, strict=True)]
    beliefs = [*beliefs, *(craft.certain(one.row) for one in edited)]
    weights += [1.0] * len(edited)
    lessons = [
        Lesson(one.row, belief, weight)
        for one, belief, weight, verdict in zip((*made.rows, *edited), beliefs, weights, judged, strict=True)
        if verdict.kept
    ]
    _write(out, craft, judged, lessons)
    progress(1.0, "generated")
    counts = acceptance(judged)
    dropped = Counter(counts["rejected"]) + Counter(made.dropped)
    return {
        "accepted": len(lessons),
        "drafts": len(judged) + sum(made.dropped.values()),
        "acceptance": {**counts, "rejected": dict(dropped.most_common())},
        "asked": accounts,
    }


def _beliefs(craft: Craft, scene: Scene, made: Sequence[MadeRow], tier: str, tuned: Path) -> Sequence[Belief]:
    """What was written, as far as the student of gold rows alone does not contradict it."""
    if not made:
        return []
    rows = [one.row for one in made]
    seen = craft.predict(tier, tuned / STUDENT, rows, scene.task)
    return craft.combine([[craft.certain(row) for row in rows], seen], [1.0, 1.0])


def _doubted(verdict: Judged, weight: float) -> Judged:
    if verdict.kept and weight < _LEAST_WEIGHT:
        return replace(verdict, kept=False, kind="teacher", reason="the tuned teacher contradicts its answer")
    return verdict


def _as_shown(verdict: Judged, made: MadeRow) -> Judged:
    """With the row as a person reads it, its answer included."""
    return replace(verdict, text=replace(verdict.text, text=write_row(made.row)))


def _edited(scene: Scene, wishes: Wishes) -> list[MadeRow]:
    """Rows that a person put in the place of others."""
    return [
        MadeRow(read_row(wish.new_text, scene.spec), (), "a person", "edited", (wish.text,))
        for wish in wishes.values()
        if wish.new_text is not None
    ]


def _write(out: Path, craft: Craft, judged: Sequence[Judged], lessons: Sequence[Lesson]) -> None:
    with (out / "judged.jsonl").open("w", encoding="utf-8") as handle:
        for verdict in judged:
            handle.write(json.dumps(verdict.as_json(), ensure_ascii=False) + "\n")
    with (out / LESSONS).open("w", encoding="utf-8") as handle:
        for lesson in lessons:
            value = {
                "row": lesson.row.to_json(),
                "belief": craft.dump(lesson.belief),
                "weight": lesson.weight,
            }
            handle.write(json.dumps(value, ensure_ascii=False) + "\n")
