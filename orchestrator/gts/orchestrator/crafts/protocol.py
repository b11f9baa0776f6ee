"""What a task type must be able to do for the engine to make students of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gts.core.llm.values import Answer, Call
from gts.generator.made import MadeRows
from gts.student.layout import StudentManifest
from gts.tasks.rows import RowTask
from gts.tasks.spec import TaskSpec

Row = Any
"""A row of :mod:`gts.tasks.rows`, of the class that the task type has."""

Belief = Any
"""What a teacher or student says of a row, and how sure it is; only the craft knows its form. ``None`` is no opinion."""

Ask = Callable[[Sequence[Call]], Sequence[Answer]]
"""Asks one language model; bound to its cache and its allowance."""

Report = Callable[[float], None]

Floats = NDArray[Any]

Decision = Mapping[str, float]
"""Thresholds and the like, with which beliefs become answers; only the craft knows its keys."""


@dataclass(frozen=True)
class Scene:
    """What a teacher or student may learn from on one fold, and what it is asked about.

    Attributes:
        task: The task, for its spec; its rows are not to be used.
        train: Gold rows that may be learnt from.
        heldout: Gold rows nobody may learn from.
        pool: Unlabelled rows.
        encoder: Folder of the encoder, if there is one.
        start: Folder that :meth:`Craft.begin` filled for the tier, where its students start from that.
        twin: Folder of the student of the gold rows alone, from which one of a larger tier that learns more may go on.
    """

    task: RowTask
    train: Sequence[Row]
    heldout: Sequence[Row]
    pool: Sequence[Row]
    encoder: Path | None
    start: Path | None = None
    twin: Path | None = None

    @property
    def spec(self) -> TaskSpec:
        """The task's spec."""
        return self.task.spec


@dataclass(frozen=True)
class Lesson:
    """A row to learn from.

    Attributes:
        row: The row.
        belief: The soft target.
        weight: How much it counts beside a gold row.
    """

    row: Row
    belief: Belief
    weight: float = 1.0


@dataclass(frozen=True)
class Opinions:
    """What somebody says of the held-out rows, and of the pool."""

    heldout: Sequence[Belief]
    pool: Sequence[Belief]


@dataclass(frozen=True)
class Judgement:
    """How right beliefs are.

    Attributes:
        measures: Every measure of the task type, and ``n``.
        value: The one that decides.
        low: Lower end of its interval.
        high: Upper end.
        loss: What tells two students apart whose measure is the same; less is better.
    """

    measures: Mapping[str, float]
    value: float
    low: float
    high: float
    loss: float


class Craft(Protocol):
    """One task type."""

    def strata(self, task: RowTask) -> NDArray[np.float32]:
        """What each gold row holds [rows, kinds], so that folds can be alike."""
        ...

    def texts(self, row: Row) -> Sequence[str]:
        """Its texts."""
        ...

    def kinds(self, row: Row) -> tuple[str, ...]:
        """What a gold row holds, in words of the task."""
        ...

    def teachers(self, task: RowTask, has_encoder: bool) -> tuple[str, ...]:
        """The teachers that cost no training of a transformer."""
        ...

    def teach(self, teacher: str, scene: Scene, report: Report) -> Opinions:
        """Fit a teacher and ask it."""
        ...

    def consult(self, scene: Scene, rows: Sequence[Row], ask: Ask, schema: bool) -> list[Belief]:
        """Ask a language model about rows, with gold rows as examples.

        Args:
            scene: What may be shown.
            rows: The rows asked about.
            ask: Asks the model.
            schema: Whether it keeps to JSON schemas.
        """
        ...

    @property
    def usual_tiers(self) -> tuple[str, ...]:
        """Tiers that are made where the person asks for none, largest first."""
        ...

    def begins(self, tier: str, gold: int) -> bool:
        """Whether students of a tier, of so many gold rows, start from what :meth:`begin` makes.

        Where those of a transformer do, it stays as it is, and texts are read once for all folds.
        """
        ...

    def begin(self, tier: str, scene: Scene, folder: Path, report: Report) -> None:
        """Make what every student of a tier starts from, of the texts in a scene alone, without their answers."""
        ...

    def certain(self, row: Row) -> Belief:
        """The belief of somebody who knows a gold row's answer."""
        ...

    def combine(self, said: Sequence[Sequence[Belief]], weights: Sequence[float]) -> list[Belief]:
        """Weighted means of several opinions about the same rows."""
        ...

    def trust(self, belief: Belief) -> float:
        """How much a belief about an unlabelled row is worth as a lesson, 0 to 1."""
        ...

    def decide(self, task: RowTask, rows: Sequence[Row], beliefs: Sequence[Belief]) -> Decision:
        """The decision that is best for these gold rows; measured on the same rows it would look better than it is."""
        ...

    def judge(
        self, task: RowTask, rows: Sequence[Row], beliefs: Sequence[Belief], decisions: Sequence[Decision]
    ) -> Judgement:
        """Measure beliefs about gold rows, each turned into an answer by the decision of its row."""
        ...

    def tally(
        self,
        task: RowTask,
        said: Sequence[Belief],
        decisions: Sequence[Decision],
        true: Sequence[Belief],
    ) -> Floats | None:
        """What each row brings to the deciding measure, its answer held against what somebody believes to be true.

        Returns:
            ``[rows, 1]``, how likely the answer is right, or ``[rows, 3]``, findings that are right, made and there to be made, of
            which F1 is the measure; ``None`` where the measure is made of neither.
        """
        ...

    def settled(
        self, task: RowTask, said: Sequence[Belief], decisions: Sequence[Decision]
    ) -> Sequence[Belief]:
        """The answers that beliefs become, as the beliefs of somebody who is sure of them."""
        ...

    def certainty(
        self, task: RowTask, said: Sequence[Belief], decisions: Sequence[Decision]
    ) -> list[float] | None:
        """How likely each answer is right by what is believed, as a served student tells it; ``None`` where its answers do not."""
        ...

    def train(
        self, tier: str, lessons: Sequence[Lesson], scene: Scene, visits: int, folder: Path, report: Report
    ) -> None:
        """Train a student into a folder; a visit is one lesson seen once."""
        ...

    def predict(
        self, tier: str, folder: Path, rows: Sequence[Row], task: RowTask, start: Path | None = None
    ) -> list[Belief]:
        """What a trained student says; what it started from may spare it work."""
        ...

    def recombine(self, scene: Scene, count: int, seed: int) -> MadeRows:
        """New rows made of the user's own."""
        ...

    def write(self, scene: Scene, model: str, count: int, ask: Ask, schema: bool, chat: bool) -> MadeRows:
        """New rows by a language model, with gold rows as examples.

        Args:
            scene: What may be shown.
            model: Its name.
            count: Rows wanted for each kind.
            ask: Asks it.
            schema: Whether it keeps to JSON schemas.
            chat: Whether it follows instructions.
        """
        ...

    def package(self, manifest: StudentManifest, student: Path, task: RowTask, out: Path) -> dict[str, Any]:
        """Give a trained student its published form.

        Returns:
            ``serving`` and ``int8_agreement``, as far as they mean something for it.
        """
        ...

    def serve(self, package: Path) -> Callable[[Sequence[Row]], list[Belief]]:
        """What a packaged student says, computed as it is served: on one core, without torch."""
        ...

    def dump(self, belief: Belief) -> Any:
        """A belief as a JSON value."""
        ...

    def load(self, value: Any) -> Belief:
        """What :meth:`dump` gave."""
        ...
