"""Beliefs about gold rows are judged by decisions that these rows had no part in."""

from __future__ import annotations

import numpy as np
import pytest

from gts.orchestrator.crafts import craft_of
from gts.orchestrator.stages.rows.crossing import cross_judge
from gts.tasks.items import Beliefs, Item
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span, Structure

ADA, PARIS = Item("entity", "name", (0, 3)), Item("entity", "name", (4, 9))
NAMES = TaskSpec.model_validate({"name": "names", "type": "ner", "entities": ["name"]})


def test_the_threshold_of_a_fold_is_found_on_the_others() -> None:
    """Both folds can be answered without fault, but not by what suits the other."""
    row = MarkedRow("Ada Paris", Structure((Span(0, 3, "name"),)))
    task = RowTask(NAMES, (row,) * 4)
    low: Beliefs = {ADA: 0.4, PARIS: 0.2}
    high: Beliefs = {ADA: 0.9, PARIS: 0.7}
    craft = craft_of("ner")

    judged = cross_judge(craft, task, [low, low, high, high], np.array([0, 0, 1, 1]))

    assert craft.decide(task, task.gold[:2], [low, low])["entity"] == pytest.approx(0.3)
    assert craft.decide(task, task.gold[2:], [high, high])["entity"] == pytest.approx(0.8)
    assert judged.measures["recall"] == 0.5  # the first fold's are below the second's threshold
    assert judged.measures["precision"] == 0.5  # the second fold's are all above that of the first


def test_an_estimate_is_what_new_rows_would_give() -> None:
    """Chosen on the rows it is measured on, a threshold looks better than it is."""
    craft, rng = craft_of("ner"), np.random.default_rng(0)
    flattered, crossed, new = [], [], []
    for _ in range(100):
        rows, beliefs = zip(*(row_and_belief(rng) for _ in range(24)), strict=True)
        task = RowTask(NAMES, rows[:12])
        decision = craft.decide(task, task.gold, beliefs[:12])
        flattered.append(craft.judge(task, task.gold, beliefs[:12], [decision] * 12).value)
        crossed.append(cross_judge(craft, task, beliefs[:12], np.arange(12) % 3).value)
        new.append(craft.judge(task, rows[12:], beliefs[12:], [decision] * 12).value)

    assert np.mean(crossed) == pytest.approx(np.mean(new), abs=0.03)
    assert np.mean(flattered) > np.mean(new) + 0.03


def row_and_belief(rng: np.random.Generator) -> tuple[MarkedRow, Beliefs]:
    """A teacher that is right more often than not, but unsure."""
    marked = [span for span in (Span(0, 3, "name"), Span(4, 9, "name")) if rng.random() < 0.4]
    belief = {
        item: float(np.clip(rng.normal(0.55 if Span(*item.place, "name") in marked else 0.45, 0.15), 0, 1))
        for item in (ADA, PARIS)
    }
    return MarkedRow("Ada Paris", Structure(tuple(marked))), belief
