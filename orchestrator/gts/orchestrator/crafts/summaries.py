"""Summaries: what is particular to tasks whose answer is an extract of a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.crafts.extracts import cut_of, decide_extracts, gains_of, judge_extracts
from gts.orchestrator.crafts.protocol import Ask, Decision, Judgement, Lesson, Opinions, Report, Scene
from gts.orchestrator.stages.common import MOST_TOKENS
from gts.student.layout import StudentManifest, write_manifest
from gts.tasks.dataset import Origin
from gts.tasks.pieces import cut
from gts.tasks.rouge import oracle
from gts.tasks.rows import RowTask, SummaryRow
from gts.tasks.sentences import sentences
from gts.tasks.spec import EMBEDDED

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from gts.generator.made import MadeRows

Scores = Sequence[float]

_ENOUGH_TO_TUNE = 500
"""Summaries from which on the trunk is tuned. A guess: with 100 that did harm (benchmarks/LOG.md), more were not tried."""
_READ_PER_VISIT = 2
"""Texts that are read in the time of two thirds of a visit, which is forward, backward and the update."""
_DROPPED = 0.3
"""Share of the sentences that are left out of a generated text."""
_COMPARED = 64
_LIKE_ENOUGH = 0.95
"""Share of extracts that int8 must have in common with fp32 to be served."""


class SummaryCraft:
    """See :class:`gts.orchestrator.crafts.protocol.Craft`; a belief is one score for each piece of the text.

    Pieces and their order are those of :func:`gts.tasks.pieces.cut`, scores are in the unit of
    :func:`gts.tasks.gains.gains`.
    """

    def strata(self, task: RowTask) -> NDArray[np.float32]:
        """Every row holds the one thing there is [rows, 1]."""
        return np.ones((len(task.gold), 1), np.float32)

    def texts(self, row: SummaryRow) -> Sequence[str]:
        """Its text."""
        return (row.text,)

    def kinds(self, row: SummaryRow) -> tuple[str, ...]:
        """Nothing: there is but one kind."""
        return ()

    def teachers(self, task: RowTask, has_encoder: bool) -> tuple[str, ...]:
        """Place, repetition, n-grams, and nearness to the whole under an encoder."""
        return ("lead", "central", "scorer", "centroid") if has_encoder else ("lead", "central", "scorer")

    def teach(self, teacher: str, scene: Scene, report: Report) -> Opinions:
        """Score the pieces of held-out and pool texts."""
        from gts.core.encoder import Encoder
        from gts.teacher import summaries

        known = [summaries.Worth(cut_of(row.text), self.certain(row)) for row in scene.train]
        asked = [cut_of(row.text) for row in (*scene.heldout, *scene.pool)]
        if teacher == "centroid":
            if scene.encoder is None:
                raise ValueError(f"teacher {teacher} needs an encoder")
            encoder = Encoder(scene.encoder, MOST_TOKENS)
            found = summaries.fit_centroid(known, asked, encoder, report)
        else:
            fits = {
                "lead": summaries.fit_lead,
                "central": summaries.fit_central,
                "scorer": summaries.fit_scorer,
            }
            found = fits[teacher](known, asked)
        return Opinions(found[: len(scene.heldout)], found[len(scene.heldout) :])

    def consult(
        self, scene: Scene, rows: Sequence[SummaryRow], ask: Ask, schema: bool
    ) -> list[Scores | None]:
        """Let a language model write summaries; a piece is worth what it would be if they were gold."""
        from gts.teacher.written_summaries import write_summaries

        examples = [(row.text, row.summary or "") for row in scene.train]
        written = write_summaries([row.text for row in rows], examples, ask)
        return [
            None if text is None else gains_of(row.text, text)
            for row, text in zip(rows, written, strict=True)
        ]

    @property
    def usual_tiers(self) -> tuple[str, ...]:
        """The table alone: a transformer gains less than half a point of ROUGE-1, reading a twenty-fifth of the texts a second."""
        return ("static",)

    def begins(self, tier: str, gold: int) -> bool:
        """Students are fitted from the lessons alone."""
        return False

    def begin(self, tier: str, scene: Scene, folder: Path, report: Report) -> None:
        """Nothing."""

    def certain(self, row: SummaryRow) -> Scores:
        """What the pieces of a gold row are worth."""
        if row.summary is None:
            raise ValueError("a gold row without its summary")
        return gains_of(row.text, row.summary)

    def combine(self, said: Sequence[Sequence[Scores | None]], weights: Sequence[float]) -> list[Scores]:
        """Weighted means of those who have an opinion; nothing is worth anything where nobody has."""
        out: list[Scores] = []
        for row in zip(*said, strict=True):
            given = [(own, weight) for own, weight in zip(row, weights, strict=True) if own is not None]
            total = sum(weight for _, weight in given)
            if total <= 0:
                out.append(())
                continue
            mixed = np.sum([np.array(own) * (weight / total) for own, weight in given], axis=0)
            out.append(mixed.tolist())
        return out

    def trust(self, belief: Scores) -> float:
        """How far the best piece stands out of the others."""
        if not len(belief):
            return 0.0
        best = max(belief)
        return float(np.clip((best - np.mean(belief)) / best, 0.0, 1.0)) if best > 0 else 0.0

    def decide(self, task: RowTask, rows: Sequence[SummaryRow], beliefs: Sequence[Scores | None]) -> Decision:
        """Kind of pieces and length."""
        return decide_extracts(task.spec, task.gold, rows, _scores(rows, beliefs))

    def judge(
        self,
        task: RowTask,
        rows: Sequence[SummaryRow],
        beliefs: Sequence[Scores | None],
        decisions: Sequence[Decision],
    ) -> Judgement:
        """ROUGE of the extracts, and of the first sentences as ``lead``."""
        return judge_extracts(task.spec, task.gold, rows, _scores(rows, beliefs), decisions)

    def tally(
        self,
        task: RowTask,
        said: Sequence[Scores | None],
        decisions: Sequence[Decision],
        true: Sequence[Scores | None],
    ) -> None:
        """Nothing: ROUGE is not made of parts that can be believed one by one."""

    def settled(
        self, task: RowTask, said: Sequence[Scores | None], decisions: Sequence[Decision]
    ) -> list[Scores]:
        """The scores as they are."""
        return [own or () for own in said]

    def certainty(
        self, task: RowTask, said: Sequence[Any], decisions: Sequence[Decision]
    ) -> list[float] | None:
        """None: what was not found has no score, so an answer as a whole has none."""
        return None

    def train(
        self, tier: str, lessons: Sequence[Lesson], scene: Scene, visits: int, folder: Path, report: Report
    ) -> None:
        """Fit a token table, or train a transformer."""
        from gts.core.encoder import Encoder
        from gts.student.summaries.files import save
        from gts.student.summaries.lessons import SummaryLesson
        from gts.student.summaries.lexicon import train_static_summaries
        from gts.student.summaries.mini import MiniSummaryConfig, train_mini_summaries

        learnt = [
            SummaryLesson(cut_of(lesson.row.text), lesson.belief, lesson.weight)
            for lesson in lessons
            if len(lesson.belief)
        ]
        if tier == "static":
            save(train_static_summaries(learnt, _tokenizer(scene)), folder)
            return
        if scene.encoder is None:
            raise ValueError(f"a {tier} student needs an encoder")
        tuned = visits if len(scene.train) >= _ENOUGH_TO_TUNE else 0
        config = MiniSummaryConfig(visits=tuned, seed=scene.spec.seed)
        encoder = Encoder(scene.encoder, MOST_TOKENS)
        most = max(len(scene.train), _READ_PER_VISIT * visits)
        save(train_mini_summaries(learnt[:most], encoder, config, report), folder)

    def predict(
        self, tier: str, folder: Path, rows: Sequence[SummaryRow], task: RowTask, start: Path | None = None
    ) -> list[Scores]:
        """What a trained student says of the pieces."""
        from gts.student.summaries.files import load

        return list(load(tier, folder).score([cut_of(row.text) for row in rows]))

    def recombine(self, scene: Scene, count: int, seed: int) -> MadeRows:
        """The user's texts without some of the sentences that their summaries do not need."""
        from gts.generator.made import MadeRow, MadeRows

        rng = np.random.default_rng(seed)
        rows = []
        for number in range(count if scene.train else 0):
            row = scene.train[number % len(scene.train)]
            text = _thinned(row, rng)
            if text is not None:
                made = SummaryRow(text, row.summary, Origin.GENERATED)
                rows.append(MadeRow(made, (), EMBEDDED, "thinned", (row.text,)))
        return MadeRows(tuple(rows))

    def write(self, scene: Scene, model: str, count: int, ask: Ask, schema: bool, chat: bool) -> MadeRows:
        """Texts like the user's with their summaries."""
        from gts.generator.couple_writing import CoupleBrief
        from gts.generator.questions import LLMConfig
        from gts.generator.summary_llm import SummaryLLMGenerator

        spec = scene.spec
        brief = CoupleBrief(spec.name, spec.language)
        generator = SummaryLLMGenerator(model, ask, brief, LLMConfig(chat=chat, schema=schema))
        return generator.generate(scene.train, [row.text for row in scene.pool], count, spec.seed)

    def package(self, manifest: StudentManifest, student: Path, task: RowTask, out: Path) -> dict[str, Any]:
        """Write the published form; int8 is served where it gives the same extracts."""
        from gts.student.layout import read_manifest
        from gts.student.summaries.files import load, publish
        from gts.student.summaries.runtime import load_summary_student

        publish(load(manifest.tier, student), out, manifest)
        if manifest.tier == "static":
            return {"serving": "fp32", "int8_agreement": None}
        texts = [row.text for row in (*task.pool, *task.gold)][:_COMPARED]
        exact, small = (
            load_summary_student(out, variant=variant).summarize(texts) for variant in ("fp32", "int8")
        )
        alike = [one["summary"] == other["summary"] for one, other in zip(exact, small, strict=True)]
        agreement = sum(alike) / len(alike)
        serving = "int8" if agreement >= _LIKE_ENOUGH else "fp32"
        write_manifest(out, read_manifest(out).model_copy(update={"serving": serving}))
        return {"serving": serving, "int8_agreement": agreement}

    def serve(self, package: Path) -> Callable[[Sequence[SummaryRow]], list[Scores]]:
        """What the packaged student says of the pieces."""
        from gts.student.summaries.runtime import load_summary_student

        student = load_summary_student(package)

        def answer(rows: Sequence[SummaryRow]) -> list[Scores]:
            return list(student.scores([row.text for row in rows]))

        return answer

    def dump(self, belief: Scores | None) -> Any:
        """Scores, rounded."""
        return None if belief is None else [round(float(score), 5) for score in belief]

    def load(self, value: Any) -> Scores | None:
        """What :meth:`dump` gave."""
        return None if value is None else [float(score) for score in value]


def _scores(rows: Sequence[SummaryRow], beliefs: Sequence[Scores | None]) -> list[Scores]:
    return [
        belief if belief else [0.0] * len(cut_of(row.text).places)
        for row, belief in zip(rows, beliefs, strict=True)
    ]


def _tokenizer(scene: Scene) -> Tokenizer:
    """The encoder's tokenizer, or one learnt from the user's own text."""
    from gts.student.vocabulary import train_tokenizer

    if scene.encoder is None:
        return train_tokenizer([row.text for row in (*scene.train, *scene.pool)])
    from transformers import AutoTokenizer

    tokenizer: Tokenizer = AutoTokenizer.from_pretrained(scene.encoder).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _thinned(row: SummaryRow, rng: np.random.Generator) -> str | None:
    """A text without some sentences that are not nearest to the summary; None if it has no such sentence."""
    places = sentences(row.text)
    kept = set(oracle(row.text, places, row.summary or "", 3))
    spare = [i for i in range(len(places)) if i not in kept and rng.random() < _DROPPED]
    if not spare or len(spare) == len(places):
        return None
    text, end = [], 0
    for i in spare:
        start, stop = places[i][0], places[i + 1][0] if i + 1 < len(places) else len(row.text)
        text.append(row.text[end:start])
        end = stop
    text.append(row.text[end:])
    thinned = "".join(text).strip()
    return thinned if cut(thinned).places else None
