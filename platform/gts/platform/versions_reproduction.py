"""Making a published student again, and how far what comes of it is from what was published."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gts.core.artifacts import ArtifactStore
from gts.core.errors import GTSError
from gts.orchestrator.reproduction import (
    OnStage,
    check_recorded,
    differing_surroundings,
    largest_difference,
    rebuild,
    same_files,
)
from gts.orchestrator.stage import StageTable
from gts.platform.datafiles import LabelledFile
from gts.platform.versions_flips import flipped
from gts.student.layout import read_lineage
from gts.student.opening import open_student
from gts.tasks.saving import load_any_task


@dataclass(frozen=True)
class Reproduction:
    """What came of making a student again.

    Attributes:
        files: File to whether it holds the same bytes as the published one.
        largest: Largest absolute difference of any weight; ``None`` where tensors cannot be held against each other.
        equal: Gold rows about which both answer the same.
        rows: Gold rows that both were asked about.
        surroundings: What is not here as it was there: versions, machine, models.
        first: The first stage that gave other bytes than then; ``None`` where all gave the same.
    """

    files: Mapping[str, bool]
    largest: float | None
    equal: int
    rows: int
    surroundings: tuple[str, ...]
    first: str | None

    @property
    def is_same(self) -> bool:
        """Whether every file that makes the student is the same to the byte."""
        return all(self.files.values())

    @property
    def sentence(self) -> str:
        """The verdict in plain words.

        Example:
            >>> Reproduction({"model.safetensors": True}, 0.0, 24, 24, (), None).sentence
            'the same to the byte: 1 file'
        """
        if self.is_same:
            return f"the same to the byte: {len(self.files)} file{'s' if len(self.files) != 1 else ''}"
        others = ", ".join(name for name, same in self.files.items() if not same)
        apart = (
            "its tensors are not the same ones"
            if self.largest is None
            else f"no weight is further apart than {self.largest:.3g}"
        )
        asked = (
            f"it answers {self.equal} of {self.rows} labelled rows as the published one does"
            if self.rows
            else ""
        )
        return "; ".join(filter(None, (f"not the same: {others} differ", apart, asked)))

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` gives it."""
        return {
            "same": self.is_same,
            "sentence": self.sentence,
            "files": dict(self.files),
            "largest_difference": self.largest,
            "equal_answers": {"equal": self.equal, "rows": self.rows},
            "surroundings": list(self.surroundings),
            "first_different_stage": self.first,
        }


def reproduce(
    folder: Path,
    store: ArtifactStore,
    stages: StageTable,
    on_stage: OnStage = lambda number, total, name: None,
) -> Reproduction:
    """Make a student again in a temporary folder and hold it against the one that is published.

    Args:
        folder: The published student.
        store: The store of the platform that made it.
        stages: The stage table.
        on_stage: Told of each stage that begins.

    Raises:
        NotFound: How it was made is not recorded, or the data of its task is gone.
        InvalidInput: The record does not hold what is needed.
        GTSError: A stage cannot be run here: another version of it, a model that is missing.
    """
    lineage = read_lineage(folder)
    check_recorded(lineage)
    surroundings = differing_surroundings(lineage)
    with tempfile.TemporaryDirectory(prefix="gts-reproduce-") as temporary:
        made_in = ArtifactStore(Path(temporary))
        try:
            rebuilt = rebuild(lineage, store, made_in, stages, on_stage)
        except GTSError as error:
            error.details["surroundings"] = surroundings
            raise
        there = made_in.path(rebuilt.package)
        files = same_files(folder, there)
        is_same = all(files.values())
        # The last stage writes the day into gts.json, which tells of the student and is no part of it.
        first = next((name for name, same in rebuilt.stages[:-1] if not same), None)
        equal, rows = _equal_answers(folder, there, made_in.path(rebuilt.task))
        largest = 0.0 if is_same else largest_difference(folder, there)
    return Reproduction(files, largest, equal, rows, tuple(surroundings), first)


def _equal_answers(published: Path, rebuilt: Path, task: Path) -> tuple[int, int]:
    """Of the gold rows, about how many both say the same, and how many there are."""
    gold = load_any_task(task, with_pool=False).gold
    if not gold:
        return 0, 0
    student, asked = open_student(published), LabelledFile(gold).asked()
    differs = flipped(student.manifest, student.answer(asked), open_student(rebuilt).answer(asked))
    return int(np.count_nonzero(~differs)), len(gold)
