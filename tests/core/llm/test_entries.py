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
        (
            "models: [{name: big, kind: vllm, model: m}]",
            "model 'big': kind is 'vllm'; expected 'openai' or 'transformers'",
        ),
        (
            "models: [{name: big, kind: transformers, model: m, api_key: x}]",
            "model 'big': unknown field 'api_key'; the fields are name, kind, model, base_url",
        ),
        (
            "models: [{name: a, kind: transformers, model: m}, {kind: transformers}]",
            "model 2: the field 'name'",
        ),
        ("models: [{name: a, kind: transformers, model: m, price: {in: 1}}]", "the fields are input, output"),
        (
            "models: [{name: a, kind: openai, model: m, base_url: 'http://u:hush@h:99999/v1'}]",
            "model 'a': base_url is no address with a host and a port of 1 to 65535",
        ),
        ("models: [{name: a, kind: openai, model: m, base_url: 'http://'}]", "base_url is no address"),
        (
            "models: [{name: a, kind: transformers, model: m, device: gpu}]",
            "device is 'gpu'; expected auto, cpu",
        ),
        ("models: [{name: embedded, kind: transformers, model: m}]", "the name 'embedded' is taken by GTS"),
        ("models: [{name: lexical, kind: transformers, model: m}]", "the name 'lexical' is taken by GTS"),
        (
            "models: [{name: a, kind: transformers, model: m, key_env: K}]",
            "key_env is for models behind a server",
        ),
        (
            "models: [{name: a, kind: openai, model: m, base_url: 'http://h/v1', key_env: K, key_file: k}]",
            "key_env and key_file are given",
        ),
        (
            "models: [{name: a, kind: openai, model: m, base_url: 'http://h/v1', key_env: sk-hush}]",
            "key_env is not the name of an environment variable",
        ),
        (
            "models: [{name: a, kind: transformers, model: m, tune: {steps: [1]}}]",
            r"tune.steps is \[1\]; expected",
        ),
        ("models: [b]", "model 1 has no fields"),
        ("models: b", "holds no list of models"),
        ("", "is empty; expected a list of models"),
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
    assert "hush" not in str(caught.value)
    assert not any(
        word in str(caught.value) for word in ("Traceback", "NoneType", "subscript", "Input should")
    )


def test_a_missing_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTS_MODELS", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(InvalidInput, match=f"there is no file {tmp_path / 'nowhere.yaml'}"):
        entries.entries()


def test_one_wrong_entry_hides_no_other_from_who_looks_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "models: [{name: a, kind: x, model: m}, {name: b, kind: transformers, model: m}]"
    write(tmp_path, text, monkeypatch)

    wrong, right = entries.every_entry()

    assert isinstance(wrong, InvalidInput)
    assert isinstance(right, entries.ModelEntry)
    assert right.name == "b"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "is empty"),
        ("sk-hush\nsecond line", "is not one line of plain characters"),
        ("sk hush", "is not one line of plain characters"),
        ("sk-hush\u00e9", "is not one line of plain characters"),
        ("sk-hush\x07", "is not one line of plain characters"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(
    content: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(content)
    address = "kind: openai, model: m, base_url: 'http://h/v1'"
    write(tmp_path, f"models: [{{name: a, {address}, key_file: key}}]", monkeypatch)

    with pytest.raises(InvalidInput, match=rf"the key of model 'a' in .*key {wrong}") as caught:
        entries.find("a").key()
    assert "hush" not in str(caught.value)


def test_a_relative_folder_that_is_gone_is_looked_for_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    write(tmp_path / "site", "models: [{name: a, kind: transformers, model: ../weights/x}]", monkeypatch)

    assert entries.find("a").model == str(tmp_path / "weights" / "x")


def test_weights_that_change_are_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    weights = tmp_path / "weights" / "model.safetensors"
    weights.write_bytes(b"one")
    write(tmp_path, "models: [{name: a, kind: transformers, model: weights}]", monkeypatch)
    before = entries.find("a").identity()

    assert entries.find("a").identity() == before
    weights.write_bytes(b"another")
    assert entries.find("a").identity() != before


def test_a_key_file_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "models: [{name: big, kind: openai, model: m, base_url: 'http://x/v1', key_file: nowhere}]"
    write(tmp_path, text, monkeypatch)
    with pytest.raises(MissingDependency, match="key of model 'big' cannot be read"):
        entries.find("big").key()
