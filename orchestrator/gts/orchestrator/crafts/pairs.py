"""Similarity: what is particular to tasks whose rows are two texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.crafts.protocol import Ask, Decision, Judgement, Lesson, Opinions, Report, Scene
from gts.orchestrator.crafts.vectors import (
    known_vectors,
    load_text_vectors,
    load_token_vectors,
    text_vectors,
    write_text_vectors,
    write_token_vectors,
)
from gts.orchestrator.estimate import CONFIDENCE
from gts.orchestrator.stages.common import MOST_TOKENS
from gts.student.layout import StudentManifest
from gts.tasks import similarity_metrics
from gts.tasks.metrics import wilson_interval
from gts.tasks.rows import PairRow, RowTask

if TYPE_CHECKING:
    from gts.generator.made import MadeRows
    from gts.student.pairs.calibration import Decision as Line

Floats = NDArray[np.float32]

_BATCH = 32
_ENOUGH_FOR_CROSS = 300
"""Gold pairs from which on both texts are read at once. A guess: 64 were too few for that, thousands were enough (benchmarks/LOG.md)."""
_COMPARED = 200
_RESAMPLES = 500
_FORM = "form"
_UNLIKE, _ALIKE = "not alike", "alike"
_DESCRIBED = {_UNLIKE: "the two texts do not mean the same", _ALIKE: "the two texts mean the same"}


class PairCraft:
    """See :class:`gts.orchestrator.crafts.protocol.Craft`; a belief is a probability, or a grade as a share of the scale."""

    def strata(self, task: RowTask) -> NDArray[np.float32]:
        """Whether each gold pair is alike, and whether it is not [rows, 2]."""
        alike = _shares(task, task.gold) >= 0.5
        return np.stack([~alike, alike], axis=1).astype(np.float32)

    def texts(self, row: PairRow) -> Sequence[str]:
        """Both texts."""
        return (row.text_a, row.text_b)

    def kinds(self, row: PairRow) -> tuple[str, ...]:
        """Whether it is alike; nothing for grades."""
        if row.score not in (0.0, 1.0):
            return ()
        return (_ALIKE,) if row.score else (_UNLIKE,)

    def teachers(self, task: RowTask, has_encoder: bool) -> tuple[str, ...]:
        """Overlap of words and characters; vectors of an encoder as it is."""
        return ("lexical", "frozen") if has_encoder else ("lexical",)

    def teach(self, teacher: str, scene: Scene, report: Report) -> Opinions:
        """Fit a teacher and ask it."""
        from gts.teacher.pairs.frozen import fit_frozen
        from gts.teacher.pairs.lexical import fit_lexical
        from gts.teacher.pairs.rows import distinct_texts

        asked = [*scene.heldout, *scene.pool]
        scale, seed = scene.spec.scale, scene.spec.seed
        if teacher == "lexical":
            said = fit_lexical(scene.train, scene.pool, asked, scale, seed)
        else:
            vectors = known_vectors(
                distinct_texts(scene.train, scene.pool, asked), scene.encoder, scene.start
            )
            said = fit_frozen(scene.train, scene.pool, asked, vectors, scale, with_surface=True, seed=seed)
        report(1.0)
        beliefs = said.tolist()
        return Opinions(beliefs[: len(scene.heldout)], beliefs[len(scene.heldout) :])

    def consult(self, scene: Scene, rows: Sequence[PairRow], ask: Ask, schema: bool) -> list[float | None]:
        """Ask a language model whether two texts mean the same; how sure it is of that stands for a grade, too."""
        from gts.teacher.incontext import Known, ask_about
        from gts.teacher.llm import tell

        gold = [_both(row) for row in scene.train]
        texts = [_both(row) for row in rows]
        vectors = text_vectors([*gold, *texts], scene.encoder)
        alike = _shares(scene.task, scene.train) >= 0.5
        targets = np.stack([~alike, alike], axis=1).astype(np.float32)
        nothing = vectors[:0]
        known = Known(gold, vectors[: len(gold)], targets, nothing, targets[:0])
        questions = ask_about(texts, vectors[len(gold) :], known, _DESCRIBED, multi_label=False)
        said = tell(questions, 2, False, ask).probabilities[:, 1].tolist()
        return [None if np.isnan(belief) else belief for belief in said]

    @property
    def usual_tiers(self) -> tuple[str, ...]:
        """Both: which is better depends on the pairs."""
        return "mini", "static"

    def begins(self, tier: str, gold: int) -> bool:
        """Token vectors; few pairs also leave a transformer as it is: tuning it gained little and took six times as long."""
        return tier == "static" or gold < _ENOUGH_FOR_CROSS

    def begin(self, tier: str, scene: Scene, folder: Path, report: Report) -> None:
        """Token vectors, those of the encoder or of the user's own text; for a transformer the vectors of all texts."""
        texts = [text for row in (*scene.train, *scene.pool) for text in self.texts(row)]
        if tier == "static":
            write_token_vectors(folder, texts, scene.encoder, scene.spec.seed)
        elif scene.encoder is not None:
            write_text_vectors(folder, texts, scene.encoder, report)

    def certain(self, row: PairRow) -> float:
        """Its score, which :meth:`train` takes for what it is on the scale."""
        if row.score is None:
            raise ValueError("a gold pair without its score")
        return row.score

    def combine(self, said: Sequence[Sequence[float | None]], weights: Sequence[float]) -> list[float]:
        """Weighted means of those who have an opinion; one half where nobody has."""
        out = []
        for row in zip(*said, strict=True):
            given = [
                (belief, weight) for belief, weight in zip(row, weights, strict=True) if belief is not None
            ]
            total = sum(weight for _, weight in given)
            out.append(sum(belief * weight for belief, weight in given) / total if total else 0.5)
        return out

    def trust(self, belief: float) -> float:
        """How far from one half it is."""
        return abs(2 * belief - 1)

    def decide(self, task: RowTask, rows: Sequence[PairRow], beliefs: Sequence[float | None]) -> Decision:
        """Calibration, and the threshold unless pairs are graded."""
        from gts.student.pairs.calibration import Decision as Line
        from gts.student.pairs.calibration import calibrate, decide_from

        raw, targets = _raw(beliefs), _shares(task, rows)
        if task.spec.scale is not None:
            return Line(calibrate(raw, targets)).to_json()
        return decide_from(raw, targets, "f1" if task.spec.metric == "f1" else "accuracy").to_json()

    def judge(
        self,
        task: RowTask,
        rows: Sequence[PairRow],
        beliefs: Sequence[float | None],
        decisions: Sequence[Decision],
    ) -> Judgement:
        """Accuracy, F1 and rank correlation of calibrated beliefs."""
        targets, graded = _shares(task, rows), task.spec.scale is not None
        metric = task.spec.metric
        threshold = np.array([decision["threshold"] for decision in decisions])
        said = _calibrated(beliefs, decisions)

        def measure(some: NDArray[np.int64]) -> dict[str, Any]:
            return similarity_metrics.evaluate(
                targets[some].tolist(), said[some], threshold[some], graded=graded
            )

        measures = measure(np.arange(len(rows)))
        low, high = _interval(metric, measures, measure, len(rows))
        bounded = np.clip(said.astype(np.float64), 1e-4, 1 - 1e-4)
        loss = -(targets * np.log(bounded) + (1 - targets) * np.log(1 - bounded)).mean()
        return Judgement(measures, float(measures[metric]), low, high, float(loss))

    def tally(
        self,
        task: RowTask,
        said: Sequence[float | None],
        decisions: Sequence[Decision],
        true: Sequence[float | None],
    ) -> Floats | None:
        """Whether a pair is told right, or what is said and is alike; of graded pairs nothing."""
        if task.spec.scale is not None:
            return None
        alike, likely = np.array(self.settled(task, said, decisions)) > 0.5, _raw(true).astype(np.float64)
        if task.spec.metric == "accuracy":
            return np.where(alike, likely, 1 - likely)[:, None]
        return np.stack([alike * likely, alike, likely], axis=1)

    def settled(
        self, task: RowTask, said: Sequence[float | None], decisions: Sequence[Decision]
    ) -> list[float]:
        """One where a pair is told to be alike, zero where not."""
        threshold = np.array([decision["threshold"] for decision in decisions])
        alike = _calibrated(said, decisions) >= threshold
        return [float(one) for one in alike]

    def certainty(
        self, task: RowTask, said: Sequence[float | None], decisions: Sequence[Decision]
    ) -> list[float] | None:
        """The calibrated probability of what is told; graded pairs have none."""
        if task.spec.scale is not None:
            return None
        alike, likely = self.settled(task, said, decisions), _calibrated(said, decisions).tolist()
        return [one if is_alike else 1 - one for is_alike, one in zip(alike, likely, strict=True)]

    def train(
        self, tier: str, lessons: Sequence[Lesson], scene: Scene, visits: int, folder: Path, report: Report
    ) -> None:
        """Train a student of the form that suits tier and gold."""
        from gts.core.pair_tuning import PairTuning
        from gts.student.pairs.bi import train_bi
        from gts.student.pairs.cross import train_cross
        from gts.student.pairs.files import form_of, save
        from gts.student.pairs.lessons import PairLessons, pairs_of, shares
        from gts.student.pairs.static import StaticPairConfig, train_static_pairs

        n_gold = len(scene.train)
        gold = shares([lesson.belief for lesson in lessons[:n_gold]], scene.spec.scale)
        taught = np.array([lesson.belief for lesson in lessons[n_gold:]], np.float32)
        learnt = PairLessons(
            pairs_of([lesson.row for lesson in lessons]),
            np.concatenate([gold, taught]).astype(np.float32),
            np.array([lesson.weight for lesson in lessons], np.float32),
            n_gold,
        )
        student: Any
        if tier == "static":
            if scene.start is None:
                raise ValueError("a static student without token vectors")
            tokenizer, vectors = load_token_vectors(scene.start)
            student = train_static_pairs(
                learnt, tokenizer, vectors, StaticPairConfig(seed=scene.spec.seed), report
            )
        else:
            if scene.encoder is None:
                raise ValueError(f"a {tier} student without an encoder")
            steps = max(1, visits // _BATCH) if len(scene.task.gold) >= _ENOUGH_FOR_CROSS else 0
            config = PairTuning(steps=steps, batch_size=_BATCH, seed=scene.spec.seed)
            if steps:
                student = train_cross(learnt, scene.encoder, config, on_step=report)
            else:
                known = load_text_vectors(scene.start)
                student = train_bi(learnt, scene.encoder, config, MOST_TOKENS, report, known)
        save(student, folder)
        (folder / _FORM).write_text(form_of(student), "utf-8")

    def predict(
        self, tier: str, folder: Path, rows: Sequence[PairRow], task: RowTask, start: Path | None = None
    ) -> list[float]:
        """What a trained student says, before calibration."""
        from gts.student.pairs.bi import BiStudent
        from gts.student.pairs.lessons import pairs_of

        if not rows:
            return []
        student = _load(folder)
        if isinstance(student, BiStudent):
            student = replace(student, known=load_text_vectors(start))
        said: list[float] = student.predict(pairs_of(rows)).tolist()
        return said

    def recombine(self, scene: Scene, count: int, seed: int) -> MadeRows:
        """Nothing: pairs are made of single texts by mining, not by changing words."""
        from gts.generator.made import MadeRows

        return MadeRows()

    def write(self, scene: Scene, model: str, count: int, ask: Ask, schema: bool, chat: bool) -> MadeRows:
        """Pairs that are alike, and as many that are not."""
        from gts.generator.couple_writing import CoupleBrief
        from gts.generator.pair_llm import PairLLMGenerator
        from gts.generator.protocol import Request
        from gts.generator.questions import LLMConfig

        spec = scene.spec
        brief = CoupleBrief(spec.name, spec.language)
        generator = PairLLMGenerator(model, ask, brief, LLMConfig(chat=chat, schema=schema))
        requests = [Request(_ALIKE, count), Request(_UNLIKE, count)]
        return generator.generate(scene.train, scene.pool, requests, spec.seed)

    def package(self, manifest: StudentManifest, student: Path, task: RowTask, out: Path) -> dict[str, Any]:
        """Write it in the form that other libraries load, with ONNX where it is a transformer."""
        from gts.student.layout import read_manifest
        from gts.student.pairs.files import publish
        from gts.student.pairs.lessons import pairs_of
        from gts.student.pairs.manifest import OUTPUTS
        from gts.student.pairs.measure import choose_serving

        publish(_load(student), out, manifest.model_copy(update={"labels": OUTPUTS}))
        share = choose_serving(out, pairs_of([*task.pool, *task.gold][:_COMPARED]))
        return {"serving": read_manifest(out).serving, "int8_agreement": share}

    def serve(self, package: Path) -> Callable[[Sequence[PairRow]], list[float]]:
        """What the packaged student says, its calibration undone: a decision is applied to what is believed before it."""
        from gts.student.pairs.lessons import pairs_of, shares
        from gts.student.pairs.runtime import load_pair_student

        student = load_pair_student(package)

        def answer(rows: Sequence[PairRow]) -> list[float]:
            said = shares(student.similarity(pairs_of(rows)).tolist(), student.manifest.scale)
            return _before(said, student.decision)

        return answer

    def dump(self, belief: float | None) -> Any:
        """A number, or null."""
        return None if belief is None else round(float(belief), 6)

    def load(self, value: Any) -> float | None:
        """What :meth:`dump` gave."""
        return None if value is None else float(value)


def _shares(task: RowTask, rows: Sequence[PairRow]) -> Floats:
    from gts.student.pairs.lessons import shares

    return shares([row.score or 0.0 for row in rows], task.spec.scale)


def _calibrated(beliefs: Sequence[float | None], decisions: Sequence[Decision]) -> Floats:
    from gts.student.pairs.calibration import logit
    from gts.student.runtime import sigmoid

    slope, intercept = (np.array([decision[key] for decision in decisions]) for key in ("slope", "intercept"))
    return sigmoid((slope * logit(_raw(beliefs)) + intercept).astype(np.float32))


def _raw(beliefs: Sequence[float | None]) -> Floats:
    return np.array([0.5 if belief is None else belief for belief in beliefs], np.float32)


def _both(row: PairRow) -> str:
    return f"1: {row.text_a} 2: {row.text_b}"


def _load(folder: Path) -> Any:
    from gts.student.pairs.files import load

    form: Any = (folder / _FORM).read_text("utf-8")
    return load(form, folder)


def _before(said: Floats, decision: Line) -> list[float]:
    from gts.student.pairs.calibration import logit
    from gts.student.runtime import sigmoid

    line = decision.calibration
    raw: list[float] = sigmoid((logit(said) - line.intercept) / line.slope).tolist()
    return raw


def _interval(
    metric: str,
    measures: Mapping[str, Any],
    measure: Callable[[NDArray[np.int64]], Mapping[str, Any]],
    n: int,
) -> tuple[float, float]:
    """Wilson's interval of accuracy, bootstrap over pairs of the others."""
    if metric == "accuracy":
        return wilson_interval(round(measures[metric] * n), n, CONFIDENCE)
    rng = np.random.default_rng(0)
    values = [float(measure(rng.integers(0, n, n))[metric]) for _ in range(_RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
