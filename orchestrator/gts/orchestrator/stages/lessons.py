"""What a student is trained on: gold, taught pool and generated texts with their soft labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gts.orchestrator.stages.beliefs import GENERATED, ensemble_beliefs
from gts.orchestrator.stages.common import Floats, Split, load_arrays, read_json
from gts.tasks.dataset import Origin
from gts.tasks.text import same_text_key
from gts.teacher.ensemble import sharpen
from gts.teacher.portfolio import with_label_texts

LESSONS = "lessons.jsonl"
TEACHERS, ASSISTANT = "teachers", "larger student"
_MOST_SCORES, _LEAST_SCORE = 10, 0.001


@dataclass(frozen=True)
class Curriculum:
    """Texts with soft labels, gold ones first.

    Attributes:
        texts: The texts.
        targets: Soft labels [texts, labels].
        n_gold: How many texts at the front carry the user's own labels (label names included).
        origins: Where the texts behind those come from, and who labelled them.
    """

    texts: list[str]
    targets: Floats
    n_gold: int
    origins: tuple[Provenance, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """Where a lesson comes from.

    Attributes:
        origin: ``pool`` or ``generated``.
        labelled_by: ``teachers``, ``larger student``, or both.
        generator: Name of the generator that wrote it, if one did.
    """

    origin: str
    labelled_by: str
    generator: str | None = None


def gold_only(split: Split) -> Curriculum:
    """The seed labels alone, with the labels' own names and descriptions."""
    texts, targets = with_label_texts(split.train_texts, split.train_targets, split.data.spec.labels)
    return Curriculum(list(texts), targets, len(texts))


def taught(split: Split, inputs: Mapping[str, Path]) -> Curriculum:
    """Gold, then the pool as the audited teachers label it, then generated texts, as sure as the audit says they may be.

    Args:
        split: The fold.
        inputs: ``teach`` and ``audit``; ``consult NAME`` of language models; ``assistant`` (a mini student's beliefs
            about the pool, averaged with the teachers': a mid-sized student teaches a small one better than a large teacher does, Mirzadeh
            et al., Improved Knowledge Distillation via Teacher Assistant, 2020), ``labelled`` (its beliefs about
            more of the pool) and ``generate NAME`` of generators where there are any.
    """
    base, multi = gold_only(split), split.data.multi_label
    audit = read_json(inputs["audit"] / "audit.json")
    texts, parts = list(base.texts), [base.targets]
    origins: list[Provenance] = []
    if len(split.pool):
        beliefs = sharpen(ensemble_beliefs(inputs, multi), audit["exponent"], multi)
        if "assistant" in inputs:
            beliefs = (beliefs + load_arrays(inputs["assistant"] / "pool.safetensors")["probabilities"]) / 2
        texts += split.pool_texts
        by = f"{TEACHERS} and {ASSISTANT}" if "assistant" in inputs else TEACHERS
        origins += [Provenance(Origin.POOL, by)] * len(split.pool)
        parts.append(beliefs.astype(np.float32))
    if "labelled" in inputs:
        more = load_arrays(inputs["labelled"] / "beliefs.safetensors")
        texts += [split.data.pool[row] for row in more["rows"]]
        origins += [Provenance(Origin.POOL, ASSISTANT)] * len(more["rows"])
        parts.append(more["beliefs"])
    known = {same_text_key(text) for text in texts}
    for key, folder in sorted(inputs.items()):
        if not key.startswith(GENERATED):
            continue
        with (folder / "kept.jsonl").open(encoding="utf-8") as lines:
            written = [json.loads(line)["text"] for line in lines]
        new = [row for row, text in enumerate(written) if same_text_key(text) not in known]
        known.update(same_text_key(text) for text in written)
        if new:
            texts += [written[row] for row in new]
            origins += [Provenance(Origin.GENERATED, TEACHERS, key.removeprefix(GENERATED))] * len(new)
            beliefs = load_arrays(folder / "beliefs.safetensors")["beliefs"][new]
            parts.append(sharpen(beliefs, audit["exponent"], multi))
    return Curriculum(texts, np.concatenate(parts), base.n_gold, tuple(origins))


def write_lessons(lesson: Curriculum, labels: Sequence[str], path: Path) -> None:
    """Write what was taught beside the user's own labels, for people: texts, their soft labels and where both come from."""
    rows = zip(lesson.texts[lesson.n_gold :], lesson.targets[lesson.n_gold :], lesson.origins, strict=True)
    with path.open("w", encoding="utf-8") as handle:
        for text, target, origin in rows:
            scores = [
                {"label": labels[i], "score": round(float(target[i]), 4)}
                for i in np.argsort(-target, kind="stable")[:_MOST_SCORES]
                if target[i] >= _LEAST_SCORE
            ]
            row = {"text": text, "scores": scores, **asdict(origin)}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
