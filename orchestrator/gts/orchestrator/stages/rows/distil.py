"""Stage ``rows.distil``: train one student, of one tier, on one fold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Belief, Craft, Lesson, Scene
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.beliefs import GENERATED
from gts.orchestrator.stages.common import part, read_json
from gts.orchestrator.stages.lessons import ASSISTANT, LESSONS, TEACHERS, Provenance
from gts.orchestrator.stages.rows import HELDOUT, POOL, STUDENT, load_scene, read_beliefs, write_beliefs
from gts.orchestrator.stages.rows.audit import teachers_in
from gts.tasks.dataset import Origin
from gts.tasks.rows import ROWS, load_row_task

_LEAST_TRUST = 0.05

Told = tuple[Lesson, Provenance]
"""A lesson, and where it comes from."""


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Train a student, and ask it about the fold's held-out rows and its pool.

    Args:
        inputs: ``task``; unless seed-only ``audit`` and ``NAME of FOLD``, what teachers of this fold said (see stage
            ``rows.audit``), or ``assistant``, a larger student of this fold; ``generate NAME`` where there are any; ``begin`` where the
            craft begins students of this tier; for a larger tier ``twin``, the seed-only student of this fold.
        params: ``fold``, ``folds``, ``pool``, ``encoder`` (see :func:`load_scene`), ``weights`` (its identity), ``tier``,
            ``seed_only``, ``visits`` (lessons seen, with repetition).
        out: Gets ``student/``, ``heldout.jsonl`` and ``pool.jsonl``; of all gold also ``lessons.jsonl``, what was taught beside gold.
        progress: Progress.

    Returns:
        ``gold`` and ``texts``: lessons, those of gold and all.
    """
    craft = craft_of(load_row_task(inputs["task"]).spec.type)
    scene = load_scene(craft, inputs, params)
    lessons = [Lesson(row, craft.certain(row)) for row in scene.train]
    told = [] if params["seed_only"] else [*_taught(craft, scene, inputs), *_generated(craft, scene, inputs)]
    lessons += [lesson for lesson, _ in told]
    craft.train(
        params["tier"],
        lessons,
        scene,
        params["visits"],
        out / STUDENT,
        part(progress, 0.05, 0.85, "training the student"),
    )
    asked = [*scene.heldout, *scene.pool]
    progress(0.85, "asking it about the rows it has not learnt")
    beliefs = craft.predict(params["tier"], out / STUDENT, asked, scene.task, scene.start)
    write_beliefs(out / HELDOUT, craft, beliefs[: len(scene.heldout)])
    write_beliefs(out / POOL, craft, beliefs[len(scene.heldout) :])
    if params["fold"] is None:
        _write_lessons(out / LESSONS, craft, told)
    progress(1.0, "trained")
    return {"gold": len(scene.train), "texts": len(lessons)}


def _taught(craft: Craft, scene: Scene, inputs: Mapping[str, Path]) -> list[Told]:
    """The pool as lessons: by a larger student, else by the teachers as the audit weighs them."""
    if "assistant" in inputs:
        beliefs, origin = read_beliefs(inputs["assistant"] / POOL, craft), Provenance(Origin.POOL, ASSISTANT)
    else:
        beliefs, origin = ensemble(craft, inputs), Provenance(Origin.POOL, TEACHERS)
    lessons = [
        Lesson(row, belief, craft.trust(belief)) for row, belief in zip(scene.pool, beliefs, strict=True)
    ]
    return [(lesson, origin) for lesson in lessons if lesson.weight >= _LEAST_TRUST]


def ensemble(craft: Craft, inputs: Mapping[str, Path], about: str = POOL) -> list[Belief]:
    """What the audited teachers of a fold believe of its pool, or of its held-out rows.

    Args:
        craft: The task type.
        inputs: ``audit`` and ``NAME of FOLD``.
        about: The file that holds their beliefs.
    """
    weights = read_json(inputs["audit"] / "audit.json")["weights"]
    said, counted = [], []
    for key, folder in inputs.items():
        name, found, _ = key.rpartition(" of ")
        for teacher, place in teachers_in(name, folder).items() if found else ():
            if weights.get(teacher, 0) > 0:
                said.append(read_beliefs(place / about, craft))
                counted.append(weights[teacher])
    return craft.combine(said, counted)


def _generated(craft: Craft, scene: Scene, inputs: Mapping[str, Path]) -> list[Told]:
    told = []
    for key, folder in inputs.items():
        if key.startswith(GENERATED):
            origin = Provenance(Origin.GENERATED, TEACHERS, key.removeprefix(GENERATED))
            lines = (folder / LESSONS).read_text("utf-8").splitlines()
            for value in map(json.loads, lines):
                row = ROWS[scene.spec.type].from_json(value["row"])
                told.append((Lesson(row, craft.load(value["belief"]), value["weight"]), origin))
    return told


def _write_lessons(path: Path, craft: Craft, told: Sequence[Told]) -> None:
    """Write what was taught beside the user's own rows, for people."""
    with path.open("w", encoding="utf-8") as handle:
        for lesson, origin in told:
            belief = json.dumps(craft.dump(lesson.belief), ensure_ascii=False)  # of any form, so as text
            value = lesson.row.to_json() | {"belief": belief, "weight": lesson.weight}
            handle.write(json.dumps(value | asdict(origin), ensure_ascii=False) + "\n")
