"""A tiny causal model on this machine answers as a large one would."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_causal import write_tiny_causal

from gts.core.errors import InvalidInput, MissingDependency
from gts.core.llm.backend import open_backend
from gts.core.llm.entries import ModelEntry
from gts.core.llm.transformers_backend import TransformersBackend
from gts.core.llm.values import Answer, Call, Completion, Message


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_causal(tmp_path_factory.mktemp("causal"))


def entry(folder: Path) -> ModelEntry:
    return ModelEntry(name="own", kind="transformers", model=str(folder))


def call(text: str, seed: int = 0, temperature: float = 0.0, top_logprobs: int = 0) -> Call:
    return Call((Message("user", text),), 8, temperature, seed=seed, top_logprobs=top_logprobs)


def complete(folder: Path, calls: list[Call]) -> list[Answer]:
    answers: dict[int, Answer] = {}
    open_backend(entry(folder)).complete(calls, answers.__setitem__)
    return [answers[index] for index in range(len(calls))]


def test_answers_do_not_depend_on_what_is_batched_with_them(model_folder: Path) -> None:
    calls = [call("x" * n, top_logprobs=3) for n in range(1, 20)]

    together, alone = complete(model_folder, calls), [complete(model_folder, [one])[0] for one in calls[:4]]

    for one, other in zip(alone, together, strict=False):
        assert isinstance(one, Completion)
        assert isinstance(other, Completion)
        assert one.text == other.text
        assert one.usage == other.usage
        assert one.first_token == pytest.approx(other.first_token, abs=1e-4)


def test_a_seed_gives_the_same_sample_and_another_seed_another(model_folder: Path) -> None:
    first, again, other = (
        complete(model_folder, [call("hello", seed, temperature=1.0)])[0] for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_log_likelihoods_are_those_of_the_model(model_folder: Path) -> None:
    import torch

    backend = TransformersBackend(entry(model_folder))

    found = backend.score(["ab", "", "a longer prompt "], ["c", "ab", "b"])

    model, _ = backend._load()
    tokens = {
        token: i for token, i in zip("abc", (backend._load()[1].encode(t)[0] for t in "abc"), strict=True)
    }
    ids = torch.tensor([[0, tokens["a"], tokens["b"], tokens["c"]]])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits.log_softmax(-1)[0]
    by_hand = [logits[0, tokens["a"]] + logits[1, tokens["b"]], logits[2, tokens["c"]]]
    np.testing.assert_allclose(found.nats[[1, 0]], [float(value) for value in by_hand], atol=1e-4)
    assert found.tokens.tolist() == [1, 2, 1]
    np.testing.assert_allclose(found.perplexity, np.exp(-found.nats / [1, 2, 1]))


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=f"model 'own': there is no folder {tmp_path / 'nowhere'}"):
        complete(tmp_path / "nowhere", [call("hello")])


def test_a_folder_without_weights_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=r"holds no config.json and no weights \(\*.safetensors\)"):
        complete(tmp_path, [call("hello")])


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_damaged_weights_are_an_error_in_words(model_folder: Path, tmp_path: Path, file: str) -> None:
    folder = Path(shutil.copytree(model_folder, tmp_path / "damaged"))
    (folder / file).write_bytes(b"\x00\x01{")

    with pytest.raises(MissingDependency, match="model 'own' cannot be loaded from the folder") as caught:
        complete(folder, [call("hello")])
    assert "copy the weights there again" in caught.value.mend


@pytest.mark.parametrize("device", ["cuda:97", "mps"])
def test_a_device_that_is_not_there_is_an_error_in_words(model_folder: Path, device: str) -> None:
    wants = entry(model_folder).model_copy(update={"device": device})

    with pytest.raises(InvalidInput, match=f"model 'own' wants device '{device}'; this machine has"):
        open_backend(wants).complete([call("hello")], lambda index, answer: None)
