"""JSON is found in an answer whatever stands around it, and mended where it was cut off."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.llm.fishing import json_starts, json_values, mended, without_fences

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def fished(answer: str) -> list[Any]:
    answer = without_fences(answer)
    return [value for value, _ in json_values(answer, json_starts(answer))]


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('Sure:\n```json\n{"a": {"b": 2}}\n```\nDone {really}.', [{"a": {"b": 2}}]),
        ('see [1] and\n["x", "y"]', [["x", "y"]]),
        ('{"a": 1}\n{"b": "line\nend"}', [{"a": 1}, {"b": "line\nend"}]),
        ("{}", []),
        ("nothing", []),
        ("[" * 100_000, []),
        ('{"a":' * 100_000, []),
    ],
)
def test_whole_values_are_found(answer: str, values: list[Any]) -> None:
    assert fished(answer) == values


@pytest.mark.parametrize(
    ("broken", "value"),
    [
        ('{"a": [{"b": 1}, {"b": "tw', {"a": [{"b": 1}]}),
        ('{"a": [{"b": "}]"}, {"b": "\\"}', {"a": [{"b": "}]"}]}),
        ('{"a": ["x"], "b": ["y', {"a": ["x"]}),
        ('{"a": [{"b', None),
        ('{"a": "x', None),
        ("[}", None),
        ("[" * 100_000, None),
    ],
)
def test_what_was_cut_off_is_closed_after_the_last_whole_item(broken: str, value: Any) -> None:
    assert mended(broken) == value


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=3), st.integers(0, 200))
def test_a_mended_value_is_json_that_the_whole_one_begins_with(value: dict[str, Any], length: int) -> None:
    whole = json.dumps(value, ensure_ascii=False)
    found = mended(whole[:length])
    assert found is None or set(found) <= set(value)
    assert mended(whole) == value
    assert fished(f"Here: {whole}") == [value]
