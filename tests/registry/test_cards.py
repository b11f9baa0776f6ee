from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.registry.cards import parse_card, summarize


@pytest.mark.parametrize("text", ["", "# Title", "----\na: 1\n----", "x\n---\na: 1\n---\n"])
def test_a_readme_without_front_matter_gives_nothing(text: str) -> None:
    assert parse_card(text) == {}


def test_front_matter_becomes_plain_json() -> None:
    card = parse_card(
        "\ufeff---\r\ndate: 2026-01-02\nn: .nan\n1: {a: !!set {x, y}}\nempty:\n---\r\n# T\n---\n"
    )
    assert card == {"date": "2026-01-02", "n": "nan", "1": {"a": ["x", "y"]}, "empty": None}
    json.dumps(card, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\na: 1\n", "closes"),
        ("---\n- a\n---", "mapping"),
        ("---\na: [\n---", "flow"),
        ("---\na: &x [1]\nb: *x\n---", "aliases"),
        ("---\na: " + "[" * 30 + "]" * 30 + "\n---", "nested"),
        ("---\na: " + "x" * 70_000 + "\n---", "longer"),
        ("---\na: !!python/object/apply:os.system ['true']\n---", "constructor"),
        ("---\na: !!binary aGk=\n---", "binary"),
        ('---\na: "\\ud800"\n---', "surrogate"),
    ],
)
def test_unusable_front_matter_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse_card(text)


@given(st.text(max_size=80))
def test_any_text_gives_json_or_a_clear_error(text: str) -> None:
    try:
        json.dumps(parse_card(f"---\n{text}\n---\n"), allow_nan=False).encode()
    except InvalidInput:
        pass


def test_the_summary_reads_card_config_and_files() -> None:
    card = {"tags": ["gts", "gts", 3], "language": "en", "license": "mit", "datasets": ["x"]}
    summary = summarize(card, {"model_type": "model2vec"}, ["model.safetensors", "onnx/m.ONNX"])
    assert summary == {
        "pipeline_tag": None,
        "library_name": "model2vec",
        "tags": ["model2vec", "safetensors", "onnx", "gts", "en", "dataset:x", "license:mit"],
    }


def test_the_card_wins_over_the_config() -> None:
    config = {"architectures": ["BertForTokenClassification"]}
    summary = summarize({"pipeline_tag": "text-classification", "library_name": "mine"}, config, [])
    assert (summary["pipeline_tag"], summary["library_name"]) == ("text-classification", "mine")
    assert summarize({}, config, [])["pipeline_tag"] == "token-classification"
