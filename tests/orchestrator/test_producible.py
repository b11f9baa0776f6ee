"""Tasks for which no student can be made yet are refused before anything is spent."""

from __future__ import annotations

import pytest

from gts.core.errors import InvalidInput
from gts.orchestrator.producible import producible
from gts.tasks.taskfile import load_task_document


def test_only_tasks_of_classification_are_produced():
    rows = [{"text": text, "label": text[0]} for text in ("a 1", "a 2", "b 1", "b 2")]
    data = load_task_document({"name": "t", "examples": rows})
    assert producible(data) is data
    rows = [{"text": f"{name} wrote", "entities": [[0, 3, "person"]]} for name in ("Ada", "Max")]
    with pytest.raises(InvalidInput, match="tasks of type ner cannot be produced yet"):
        producible(load_task_document({"name": "t", "type": "ner", "examples": rows}))
