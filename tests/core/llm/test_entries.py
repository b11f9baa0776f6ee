"""The file of language models: what it says, and what is said where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from gts.core.errors import InvalidInput, MissingDependency, NotFound
from gts.core.llm import entries


def write(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = folder / "models.yaml"
    file.write_text(text)
    monkeypatch.setenv("GTS_MODELS", str(file))
    return file


def test_models_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "key").write_text("secret\n")
    text = """
models:
  - {name: big, kind: openai, model: qwen, base_url: "http://127.0.0.1:8000/v1", key_file: key, price: {input: 0.1}}
  - {name: own, kind: transformers, model: weights}
  - {name: hub, kind: transformers, model: org/name}
"""
    write(tmp_path, text, monkeypatch)

    assert entries.find("big").key() == "secret"
    assert entries.find("own").model == str(tmp_path / "weights")
    assert entries.find("hub").model == "org/name"
    with pytest.raises(NotFound, match="no language model is named 'huge'; known: big, own, hub"):
        entries.find("huge")


def test_without_a_file_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTS_MODELS", raising=False)
    assert entries.entries() == ()
    with pytest.raises(NotFound, match="known: none"):
        entries.find("big")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [{name: big, kind: openai, model: m}]", "needs base_url"),
        ("models: [{name: big, kind: openai, model: m, base_url: 'file:///etc/passwd'}]", "needs base_url"),
        ("models: [{name: big, kind: vllm, model: m}]", "kind: Input should be 'openai' or 'transformers'"),
        ("models: [{name: big, kind: transformers, model: m, api_key: x}]", "api_key: Extra inputs"),
        (
            "models: [{name: a, kind: transformers, model: m}, {name: a, kind: transformers, model: n}]",
            "names a twice",
        ),
        ("modles: []", "holds no list of models"),
        ("models: [", "holds no list of models"),
        ("- a", "holds no list of models"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, text, monkeypatch)
    with pytest.raises(InvalidInput, match=message) as caught:
        entries.entries()
    assert "GTS_MODELS" in caught.value.mend


def test_a_key_file_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "models: [{name: big, kind: openai, model: m, base_url: 'http://x/v1', key_file: nowhere}]"
    write(tmp_path, text, monkeypatch)
    with pytest.raises(MissingDependency, match="key of model 'big' cannot be read"):
        entries.find("big").key()
