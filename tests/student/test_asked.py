"""Every student refuses what is no row of its task in the same words, and tells alike what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gts.core.errors import InvalidInput
from gts.student.asked import asked_string
from gts.student.runtime import load_student


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, r'rows\[1\] has no "text"; a string under "text" was expected'),
        ({"text": None}, r'rows\[1\] has the "text" None; a string'),
        ("soup", r"rows\[1\] is 'soup'; an object such as"),
    ],
)
def test_a_classifier_names_the_row(row: object, message: str, static_folder: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        load_student(static_folder).answer([{"text": "a"}, row])


def test_a_fault_does_not_repeat_all_that_was_sent() -> None:
    for value in ("x" * 10**6, [["x"]] * 10**6, {str(number): number for number in range(10**5)}):
        for row in (value, {"text_b": 3, "text_a": [value]}):
            with pytest.raises(InvalidInput) as caught:
                asked_string(0, row, "text_a", "{...}")
            assert len(str(caught.value)) < 300


def test_facts_are_json_and_count_what_is_read(static_folder: Path) -> None:
    facts = load_student(static_folder).info
    assert json.loads(json.dumps(facts)) == facts
    names = ("model.safetensors", "head.safetensors", "tokenizer.json")
    assert facts["bytes"] == sum((static_folder / name).stat().st_size for name in names)
    assert {"name", "type", "language", "labels", "tier", "variant", "threads", "parameters"} <= facts.keys()
