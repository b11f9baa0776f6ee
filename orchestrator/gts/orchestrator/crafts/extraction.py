"""Named entities, relations and events: what is particular to tasks whose answer is a structure of spans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.crafts.judging import decide_structures, judge_structures, tally_structures
from gts.orchestrator.crafts.protocol import Ask, Decision, Floats, Judgement, Lesson, Opinions, Report, Scene
from gts.orchestrator.crafts.vectors import text_vectors
from gts.orchestrator.stages.common import MOST_TOKENS
from gts.student.layout import StudentManifest
from gts.tasks.dataset import Origin
from gts.tasks.items import ENTITY, RELATION, TRIGGER, Beliefs, Item, certain, decide, items_of
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.structures import Structure

if TYPE_CHECKING:
    from gts.generator.made import MadeRows
    from gts.generator.marked import MarkedGenerator

_BATCH, _LEAST_BATCH, _STEPS = 16, 4, 200
"""Texts a step: of few visits smaller batches make more steps, which is worth far more (benchmarks/LOG.md)."""
_SMALL_RATE, _SMALL_HEAD_RATE, _SMALL_VISITS = 1e-3, 2e-3, 2
"""The small trunk learns from nothing: at a larger rate, and for longer."""
_GENTLER = 0.5
"""Share of the rates with which a student goes on from its twin: from scratch it was worse than the twin (benchmarks/LOG.md)."""
_FLOOR = 0.02
"""Beliefs below it are forgotten: nothing comes of them."""
_COMPARED = 200
"""Texts on which int8 is compared with fp32."""
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

    def kinds(self, row: MarkedRow) -> tuple[str, ...]:
        """Types of what is found in it, and of entities that are given."""
        from gts.generator.marked import types_of

        return tuple(sorted(types_of(_with_given(row))))

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

    def consult(
        self, scene: Scene, rows: Sequence[MarkedRow], ask: Ask, schema: bool
    ) -> list[Beliefs | None]:
        """Let a language model extract; it is shown the gold rows most like each text."""
        from gts.teacher.demonstrations import Demonstrations, ask_to_extract
        from gts.teacher.extraction import ExtractionConfig, extract

        gold = [row.text for row in scene.train]
        vectors = text_vectors([*gold, *(row.text for row in rows)], scene.encoder)
        is_given = bool(scene.spec.entities_given)
        known = Demonstrations(
            gold,
            [row.found or Structure() for row in scene.train],
            vectors[: len(gold)],
            [row.given for row in scene.train] if is_given else None,
        )
        asked = ask_to_extract(
            [row.text for row in rows],
            vectors[len(gold) :],
            known,
            scene.spec.extraction,
            [row.given for row in rows] if is_given else None,
        )
        findings = extract(asked, scene.spec.extraction, ask, ExtractionConfig(schema=schema)).findings
        return [None if finding is None else finding.beliefs for finding in findings]

    @property
    def usual_tiers(self) -> tuple[str, ...]:
        """Both: a transformer is much better."""
        return "mini", "static"

    def begins(self, tier: str, gold: int) -> bool:
        """The small trunk is warmed up; a transformer is tuned from the first."""
        return tier == "static"

    def begin(self, tier: str, scene: Scene, folder: Path, report: Report) -> None:
        """Make the small trunk, warmed up on the texts."""
        from gts.student.spans.local_making import build_local_trunk
        from gts.student.spans.local_warming import Warmth

        texts = [row.text for row in (*scene.train, *scene.pool)]
        warmth = Warmth(steps=min(Warmth.steps, len(texts)), seed=scene.spec.seed)
        build_local_trunk(texts, folder, encoder=scene.encoder, seed=scene.spec.seed, warmth=warmth)

    def certain(self, row: MarkedRow) -> Beliefs:
        """What a gold row marks."""
        if row.found is None:
            raise ValueError("a gold row without its structure")
        return certain(row.found)

    def combine(self, said: Sequence[Sequence[Beliefs | None]], weights: Sequence[float]) -> list[Beliefs]:
        """Weighted means; of each kind of finding only among those who find any of that kind and have an opinion."""
        kinds = [{item.kind for beliefs in opinions for item in beliefs or ()} for opinions in said]
        out: list[Beliefs] = []
        for row in zip(*said, strict=True):
            total: dict[str, float] = defaultdict(float)
            mixed: dict[Item, float] = defaultdict(float)
            for beliefs, able, weight in zip(row, kinds, weights, strict=True):
                if beliefs is None:
                    continue
                for kind in able:
                    total[kind] += weight
                for item, belief in beliefs.items():
                    mixed[item] += belief * weight
            means = {item: belief / total[item.kind] for item, belief in mixed.items()}
            out.append({item: belief for item, belief in means.items() if belief >= _FLOOR})
        return out

    def trust(self, belief: Beliefs) -> float:
        """How far from one half its findings are believed, on the whole."""
        return float(np.mean([abs(2 * p - 1) for p in belief.values()])) if belief else _SILENT

    def decide(self, task: RowTask, rows: Sequence[MarkedRow], beliefs: Sequence[Beliefs | None]) -> Decision:
        """The least belief of each kind of finding."""
        return decide_structures(task.spec, _found(rows), [belief or {} for belief in beliefs])

    def judge(
        self,
        task: RowTask,
        rows: Sequence[MarkedRow],
        beliefs: Sequence[Beliefs | None],
        decisions: Sequence[Decision],
    ) -> Judgement:
        """F1 of what is believed enough."""
        return judge_structures(task.spec, _found(rows), [belief or {} for belief in beliefs], decisions)

    def tally(
        self,
        task: RowTask,
        said: Sequence[Beliefs | None],
        decisions: Sequence[Decision],
        true: Sequence[Beliefs | None],
    ) -> Floats | None:
        """Findings of the deciding kind; where it is a mean over types, nothing."""
        return tally_structures(
            task.spec, [own or {} for own in said], decisions, [own or {} for own in true]
        )

    def settled(
        self, task: RowTask, said: Sequence[Beliefs | None], decisions: Sequence[Decision]
    ) -> list[Beliefs]:
        """What is believed enough."""
        return [certain(decide(own or {}, decision)) for own, decision in zip(said, decisions, strict=True)]

    def certainty(
        self, task: RowTask, said: Sequence[Any], decisions: Sequence[Decision]
    ) -> list[float] | None:
        """None: what was not found has no score, so an answer as a whole has none."""
        return None

    def train(
        self, tier: str, lessons: Sequence[Lesson], scene: Scene, visits: int, folder: Path, report: Report
    ) -> None:
        """Train a span student on its trunk; a transformer goes on from its twin, more gently, and sees gold rows as often as others."""
        from gts.student.spans import labels
        from gts.student.spans.training import SpanConfig, train

        is_small = tier == "static"
        twin = None if is_small else scene.twin
        share = _GENTLER if twin else 1.0
        batch = _BATCH if is_small else max(_LEAST_BATCH, min(_BATCH, visits // _STEPS))
        config = SpanConfig(
            steps=max(1, (_SMALL_VISITS if is_small else 1) * visits // batch),
            batch_size=batch,
            learning_rate=_SMALL_RATE if is_small else share * SpanConfig.learning_rate,
            head_rate=_SMALL_HEAD_RATE if is_small else share * SpanConfig.head_rate,
            length=min(MOST_TOKENS, SpanConfig.length),
            seed=scene.spec.seed,
        )
        learnt = [labels.Lesson(one.row, one.belief, one.weight) for one in lessons]
        if twin is not None:
            gold, others = learnt[: len(scene.train)], learnt[len(scene.train) :]
            learnt = gold * max(1, len(others) // len(gold)) + others
        trunk = scene.start if is_small else scene.encoder
        if trunk is None:
            raise ValueError(f"a {tier} student without a trunk")
        is_given = bool(scene.spec.entities_given)
        train(learnt, scene.spec.extraction, trunk, folder, config, report, given=is_given, start=twin)

    def predict(
        self, tier: str, folder: Path, rows: Sequence[MarkedRow], task: RowTask, start: Path | None = None
    ) -> list[Beliefs]:
        """What a trained student finds."""
        from gts.student.spans.predicting import predict

        return list(predict(folder, rows))

    def dump(self, belief: Beliefs | None) -> Any:
        """Rows of kind, type, place, role, other place and belief."""
        return None if belief is None else [[*item, round(p, 5)] for item, p in belief.items()]

    def load(self, value: Any) -> Beliefs | None:
        """What :meth:`dump` gave."""
        if value is None:
            return None
        return {
            Item(kind, name, (place[0], place[1]), role, None if other is None else (other[0], other[1])): p
            for kind, name, place, role, other, p in value
        }

    def recombine(self, scene: Scene, count: int, seed: int) -> MadeRows:
        """The user's texts with other mentions of their types, or joined to each other."""
        from gts.generator.marked_embedded import MarkedEmbeddedGenerator

        kinds = _kinds_in(scene)
        return _make(MarkedEmbeddedGenerator(), scene, max(1, count // max(1, len(kinds))), kinds, seed)

    def write(self, scene: Scene, model: str, count: int, ask: Ask, schema: bool, chat: bool) -> MadeRows:
        """Texts with marks, for each type, and for each type of relation or event rather than of the entities in them."""
        from gts.generator.marked_llm import MarkedLLMGenerator
        from gts.generator.marked_writing import MarkedBrief
        from gts.generator.questions import LLMConfig

        spec = scene.spec
        brief = MarkedBrief(spec.name, spec.extraction, spec.language)
        generator = MarkedLLMGenerator(model, ask, brief, LLMConfig(chat=chat, schema=schema))
        wanted = [name for name in _kinds_in(scene) if name in {**spec.relations, **spec.events}]
        return _make(generator, scene, count, wanted or _kinds_in(scene), spec.seed)

    def package(self, manifest: StudentManifest, student: Path, task: RowTask, out: Path) -> dict[str, Any]:
        """Export to ONNX."""
        from gts.student.spans.export import export_span_student

        return export_span_student(student, manifest, out, [*task.pool, *task.gold][:_COMPARED])

    def serve(self, package: Path) -> Callable[[Sequence[MarkedRow]], list[Beliefs]]:
        """What the packaged student finds."""
        from gts.student.spans.runtime import load_span_student

        student = load_span_student(package)
        return lambda rows: list(student.find(rows))


def _kinds_in(scene: Scene) -> list[str]:
    from gts.generator.marked import types_of

    return sorted({name for row in scene.train for name in types_of(_with_given(row))})


def _make(generator: MarkedGenerator, scene: Scene, count: int, kinds: Sequence[str], seed: int) -> MadeRows:
    from gts.generator.made import MadeRow, MadeRows
    from gts.generator.marked import types_of
    from gts.generator.protocol import Request

    if not kinds:
        return MadeRows()
    gold = [(row.text, _with_given(row)) for row in scene.train]
    requests = [Request(kind, count) for kind in kinds]
    made = generator.generate(gold, [row.text for row in scene.pool], requests, seed)
    rows = []
    for text in made.texts:
        is_given = bool(scene.spec.entities_given)
        given = text.structure.entities if is_given else ()
        found = replace(text.structure, entities=()) if is_given else text.structure
        row = MarkedRow(text.text, found, given, Origin.GENERATED)
        labels = tuple(sorted(types_of(text.structure)))
        rows.append(MadeRow(row, labels, text.generator, text.kind, text.seeds, text.scores or {}))
    return MadeRows(tuple(rows), made.dropped)


def _found(rows: Sequence[MarkedRow]) -> list[Structure]:
    return [row.found or Structure() for row in rows]


def _with_given(row: MarkedRow) -> Structure:
    found = row.found or Structure()
    return replace(found, entities=row.given) if row.given else found
