"""What a job does for pairs: texts are read once where the transformer stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.orchestrator.crafts.pairs import PairCraft
from gts.orchestrator.crafts.protocol import Lesson, Scene
from gts.orchestrator.crafts.vectors import load_text_vectors
from gts.tasks.rows import PairRow, RowTask
from gts.tasks.spec import TaskSpec

CRAFT = PairCraft()


@pytest.fixture
def scene(topic_texts: Callable[..., list[str]], tiny_encoder: Path) -> Scene:
    cooking, football = topic_texts("cooking", 24), topic_texts("football", 24)
    alike = [PairRow(a, b, 1.0) for a, b in zip(cooking[:12], cooking[12:], strict=True)]
    unlike = [PairRow(a, b, 0.0) for a, b in zip(cooking[:12], football[:12], strict=True)]
    pool = tuple(PairRow(a, b) for a, b in zip(football[12:18], football[18:], strict=True))
    rows = [row for both in zip(alike, unlike, strict=True) for row in both]
    task = RowTask(TaskSpec(name="twins", type="similarity", language="en"), tuple(rows), pool)
    return Scene(task, rows[:20], rows[20:], pool, tiny_encoder)


def quiet(fraction: float) -> None:
    pass


def test_vectors_that_are_there_are_not_computed_again(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = replace(scene, train=scene.task.gold, heldout=())
    CRAFT.begin("mini", every, tmp_path / "begun", quiet)
    begun = replace(scene, start=tmp_path / "begun")
    assert len(load_text_vectors(tmp_path / "begun")) == len(
        {text for row in (*scene.task.gold, *scene.pool) for text in (row.text_a, row.text_b)}
    )
    lessons = [Lesson(row, CRAFT.certain(row)) for row in scene.train]
    new = PairRow("soup and bread", "a goal", None)
    CRAFT.train("mini", lessons, scene, 400, tmp_path / "plain", quiet)
    expected = CRAFT.predict("mini", tmp_path / "plain", [*scene.heldout, new], scene.task)

    read: list[str] = []
    embed = Encoder.embed

    def noted(self: Encoder, texts: Sequence[str], **more: Any) -> Any:
        read.extend(texts)
        return embed(self, texts, **more)

    monkeypatch.setattr(Encoder, "embed", noted)
    CRAFT.train("mini", lessons, begun, 400, tmp_path / "spared", quiet)
    CRAFT.teach("frozen", begun, quiet)
    assert not read
    said = CRAFT.predict("mini", tmp_path / "spared", [*scene.heldout, new], scene.task, begun.start)
    assert read == [new.text_a, new.text_b]
    assert np.allclose(said, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("tier", "gold", "begins"), [("mini", 64, True), ("mini", 5000, False), ("static", 5000, True)]
)
def test_many_pairs_tune_the_transformer(tier: str, gold: int, begins: bool) -> None:
    assert CRAFT.begins(tier, gold) is begins
