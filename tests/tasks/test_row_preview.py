"""What a person sees of a task before it starts: of every type, as JSON."""

from __future__ import annotations

import json

import pytest

from gts.tasks.preview import preview
from gts.tasks.taskfile import load_task_document

TASKS = {
    "similarity": {
        "examples": [["a b", "c", 1], ["d", "e", 1], ["f", "g", 0], ["h", "i", 0]],
        "unlabeled": ["a single text"],
    },
    "ner": {
        "examples": [{"text": f"{name} wrote", "entities": [[0, 3, "person"]]} for name in ("Ada", "Max")],
        "entities": {"person": "somebody"},
        "unlabeled": ["Uma wrote"],
    },
    "relation": {
        "examples": [
            {"text": f"{name} owns it", "relations": [{"type": "owns", "head": [0, 3], "tail": [9, 11]}]}
            for name in ("Ada", "Max")
        ],
        "entities_given": True,
    },
    "event": {
        "examples": [
            {"text": f"{name} left", "events": [{"type": "move", "trigger": [4, 8], "arguments": []}]}
            for name in ("Ada", "Max")
        ]
    },
    "summarization": {"examples": [{"text": f"a text {n}", "summary": "text"} for n in range(3)]},
}


@pytest.mark.parametrize("kind", TASKS)
def test_every_type_has_a_preview(kind):
    shown = preview(load_task_document({"name": "t", "type": kind, **TASKS[kind]}))
    json.dumps(shown)
    assert (shown["type"], shown["counts"]["gold"]) == (kind, len(TASKS[kind]["examples"]))
    assert len(shown["examples"]) == min(5, shown["counts"]["gold"])
    assert shown["text_chars"]["max"] >= shown["text_chars"]["median"]


def test_types_are_counted_with_their_descriptions():
    shown = preview(load_task_document({"name": "t", "type": "ner", **TASKS["ner"]}))
    assert shown["labels"] == [
        {"kind": "entity", "name": "person", "description": "somebody", "gold": 2, "test": 0}
    ]
    assert shown["examples"][0] == {
        "text": "Ada wrote",
        "entities": [{"start": 0, "end": 3, "type": "person"}],
    }
    assert shown["unlabeled"] == [{"text": "Uma wrote"}]


def test_pairs_and_single_texts():
    shown = preview(load_task_document({"name": "t", "type": "similarity", **TASKS["similarity"]}))
    assert [(row["name"], row["gold"]) for row in shown["labels"]] == [("1", 2), ("0", 2)]
    assert shown["examples"][0] == {"text_a": "a b", "text_b": "c", "score": 1.0}
    assert (shown["counts"]["sentences"], shown["unlabeled"]) == (1, [{"text": "a single text"}])


def test_marks_behind_the_cut_are_left_out():
    far = "x" * 400 + " Ada"
    rows = [{"text": f"{name} {far}", "entities": [[0, 3, "p"], [405, 408, "p"]]} for name in ("Max", "Uma")]
    (first, _) = preview(load_task_document({"name": "t", "type": "ner", "examples": rows}))["examples"]
    assert len(first["text"]) == 300
    assert first["entities"] == [{"start": 0, "end": 3, "type": "p"}]
