"""Named entities, relations and events: what is particular to tasks whose answer is a structure of spans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.crafts.judging import judge_structures
from gts.orchestrator.crafts.protocol import Judgement, Lesson, Opinions, Report, Scene
from gts.orchestrator.stages.common import MOST_TOKENS
from gts.tasks.items import ENTITY, RELATION, TRIGGER, Beliefs, Item, certain, items_of
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.structures import Structure

_BATCH = 16
_FLOOR = 0.02
"""Beliefs below it are forgotten: nothing comes of them."""
_SILENT = 0.5
"""Trust in a teacher that finds nothing in a text: it may have overlooked something."""


class ExtractionCraft:
    """See :class:`gts.orchestrator.crafts.protocol.Craft`; a belief maps findings to how sure somebody is of them."""

    def strata(self, task: RowTask) -> NDArray[np.float32]:
        """Which types each gold row holds [rows, types]."""
        spec = task.spec
        names = [(ENTITY, name) for name in spec.entities if not spec.relations]
        names += [(RELATION, name) for name in spec.relations] + [(TRIGGER, name) for name in spec.events]
        out = np.zeros((len(task.gold), len(names)), np.float32)
        for i, row in enumerate(task.gold):
            held = {(item.kind, item.type) for item in items_of(row.found or Structure())}
            out[i] = [name in held for name in names]
        return out[:, out.any(axis=0)]

    def texts(self, row: MarkedRow) -> Sequence[str]:
        """Its text."""
        return (row.text,)

    def teachers(self, task: RowTask, has_encoder: bool) -> tuple[str, ...]:
        """Those that find spans; links are left to the tuned student and to language models."""
        if task.spec.entities_given or (task.spec.relations and not task.spec.entities):
            return ()
        return ("lexicon", "nearest") if has_encoder else ("lexicon",)

    def teach(self, teacher: str, scene: Scene, report: Report) -> Opinions:
        """Find in held-out and pool rows what is like what gold rows mark."""
        asked = [*scene.heldout, *scene.pool]
        if teacher == "lexicon":
            from gts.teacher.lexicon import Lexicon

            lexicon = Lexicon(scene.train)
            found: list[dict[Item, float]] = [lexicon.find(row.text) for row in asked]
        else:
            from gts.teacher.nearest_spans import find_nearest

            if scene.encoder is None:
                raise ValueError(f"teacher {teacher} needs an encoder")
            found = find_nearest(scene.train, asked, scene.encoder, MOST_TOKENS, report)
        return Opinions(found[: len(scene.heldout)], found[len(scene.heldout) :])

    def tiers(self, has_encoder: bool) -> tuple[str, ...]:
        """A transformer where there is an encoder; the small trunk always."""
        return ("mini", "static") if has_encoder else ("static",)

    def certain(self, row: MarkedRow) -> Beliefs:
        """What a gold row marks."""
        if row.found is None:
            raise ValueError("a gold row without its structure")
        return certain(row.found)

    def combine(self, said: Sequence[Sequence[Beliefs]], weights: Sequence[float]) -> list[Beliefs]:
        """Weighted means; of each kind of finding only among those who find any of that kind."""
        kinds = [{item.kind for beliefs in opinions for item in beliefs} for opinions in said]
        total: dict[str, float] = defaultdict(float)
        for found, weight in zip(kinds, weights, strict=True):
            for kind in found:
                total[kind] += weight
        out: list[Beliefs] = []
        for row in zip(*said, strict=True):
            mixed: dict[Item, float] = defaultdict(float)
            for beliefs, weight in zip(row, weights, strict=True):
                for item, belief in beliefs.items():
                    mixed[item] += belief * weight / total[item.kind]
            out.append({item: belief for item, belief in mixed.items() if belief >= _FLOOR})
        return out

    def trust(self, belief: Beliefs) -> float:
        """How far from one half its findings are believed, on the whole."""
        return float(np.mean([abs(2 * p - 1) for p in belief.values()])) if belief else _SILENT

    def judge(
        self,
        task: RowTask,
        rows: Sequence[MarkedRow],
        beliefs: Sequence[Beliefs],
        decision: Mapping[str, float] | None = None,
    ) -> Judgement:
        """F1 of what is believed enough."""
        gold = [row.found or Structure() for row in rows]
        return judge_structures(task.spec, gold, beliefs, decision)

    def train(
        self, tier: str, lessons: Sequence[Lesson], scene: Scene, visits: int, folder: Path, report: Report
    ) -> None:
        """Train a span student on its trunk."""
        import tempfile

        from gts.student.spans import labels
        from gts.student.spans.own_text import build_local_trunk
        from gts.student.spans.training import SpanConfig, train

        config = SpanConfig(
            steps=max(1, visits // _BATCH),
            batch_size=_BATCH,
            length=min(MOST_TOKENS, SpanConfig.length),
            seed=scene.spec.seed,
        )
        learnt = [labels.Lesson(one.row, one.belief, one.weight) for one in lessons]
        with tempfile.TemporaryDirectory() as temporary:
            trunk = scene.encoder
            if tier == "static" or trunk is None:
                trunk = Path(temporary)
                texts = [row.text for row in (*scene.train, *scene.pool)]
                build_local_trunk(texts, trunk, encoder=scene.encoder, seed=scene.spec.seed)
            train(
                learnt,
                scene.spec.extraction,
                trunk,
                folder,
                config,
                report,
                given=bool(scene.spec.entities_given),
            )

    def predict(self, tier: str, folder: Path, rows: Sequence[MarkedRow], task: RowTask) -> list[Beliefs]:
        """What a trained student finds."""
        from gts.student.spans.predicting import predict

        return list(predict(folder, rows))

    def dump(self, belief: Beliefs) -> Any:
        """Rows of kind, type, place, role, other place and belief."""
        return [[*item, round(p, 5)] for item, p in belief.items()]

    def load(self, value: Any) -> Beliefs:
        """What :meth:`dump` gave."""
        return {
            Item(kind, name, (place[0], place[1]), role, None if other is None else (other[0], other[1])): p
            for kind, name, place, role, other, p in value
        }

    def serve(self, package: Path) -> Callable[[Sequence[MarkedRow]], list[Beliefs]]:
        """What the packaged student finds."""
        from gts.student.spans.runtime import load_span_student

        return load_span_student(package).find
