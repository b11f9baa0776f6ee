"""A model that keeps what it has read says the same as one that reads all of it again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_causal import write_tiny_causal

from gts.core.errors import InvalidInput
from gts.core.llm.entries import ModelEntry
from gts.core.llm.tokens import Continuation, LocalTokenModel, Prefix, Sampling

LINES = ("the red car is fast\n", "my old car is very slow\n", "a car stands in the street\n")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalTokenModel:
    folder = write_tiny_causal(tmp_path_factory.mktemp("causal"), LINES)
    return LocalTokenModel(ModelEntry(name="own", kind="transformers", model=str(folder)))


def write(
    model: LocalTokenModel, prefixes: list[Prefix], seeds: list[int], most: int = 30, keep: int = 4
) -> list[Continuation]:
    return model.write(prefixes, [most] * len(prefixes), keep, Sampling(), seeds)


def test_log_probabilities_step_by_step_are_those_of_one_full_pass(model: LocalTokenModel) -> None:
    prompt = model.encode("the red car")
    first = write(model, [model.read(prompt)], [3])[0]
    assert first.after is not None
    second = write(model, [first.after], [4])[0]

    whole = model.read(prompt + first.tokens)
    np.testing.assert_allclose(first.log_probs, whole.log_probs[len(prompt) - 1 :], atol=1e-4)
    assert first.after.tokens == prompt + first.tokens[:4]
    branch = model.read(first.after.tokens + second.tokens)
    np.testing.assert_allclose(second.log_probs, branch.log_probs[len(first.after.tokens) - 1 :], atol=1e-4)
    np.testing.assert_allclose(
        first.after.log_probs, branch.log_probs[: len(first.after.tokens) - 1], atol=1e-4
    )


def test_a_full_pass_is_that_of_the_model_itself(model: LocalTokenModel) -> None:
    import torch

    tokens = model.encode("my old car")
    with torch.inference_mode():
        logits = model._model(input_ids=torch.tensor([tokens])).logits[0].log_softmax(-1)
    by_hand = [float(logits[i, token]) for i, token in enumerate(tokens[1:])]
    np.testing.assert_allclose(model.read(tokens).log_probs, by_hand, atol=1e-5)


def test_a_batch_of_different_lengths_gives_what_one_by_one_gives(model: LocalTokenModel) -> None:
    prefixes = [model.read(model.encode("my old car is very slow\n"[:n])) for n in (0, 1, 5, 13, 24)]
    prefixes += [line.after for line in write(model, prefixes, [1, 2, 3, 4, 5]) if line.after is not None]
    assert len(prefixes) > 6
    seeds = list(range(10, 10 + len(prefixes)))

    together = write(model, prefixes, seeds)
    alone = [write(model, [prefix], [seed])[0] for prefix, seed in zip(prefixes, seeds, strict=True)]

    assert [line.tokens for line in together] == [line.tokens for line in alone]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-4)


def test_a_line_ends_at_its_end_and_is_not_computed_further(model: LocalTokenModel) -> None:
    prefix = model.read(model.encode("the red car is fast"))
    before = model.evaluated

    lines = model.write([prefix] * 4, [200, 200, 3, 1], 2, Sampling(top_k=1), [0, 1, 2, 3])

    assert [model.decode(line.tokens) for line in lines] == ["\n"] * 4
    assert all(line.is_finished and line.after is None for line in lines)
    assert model.evaluated - before == sum(len(line.tokens) for line in lines)
    short = model.write([model.read(model.encode("the"))], [3], 5, Sampling(), [0])[0]
    assert len(short.tokens) == 3
    assert not short.is_finished
    assert short.after is None


def test_a_kept_prefix_is_not_read_again(model: LocalTokenModel) -> None:
    first = write(model, [model.read(model.encode("my old car is"))], [0], keep=3)[0]
    assert first.after is not None
    before = model.evaluated

    second = write(model, [first.after], [1])[0]

    assert model.evaluated - before == len(second.tokens)


def test_a_sharper_draw_is_likelier(model: LocalTokenModel) -> None:
    prefixes = [model.read(model.encode("a"))] * 20
    seeds = list(range(20))
    sharp = model.write(prefixes, [10] * 20, 2, Sampling(temperature=0.2), seeds)
    flat = model.write(prefixes, [10] * 20, 2, Sampling(temperature=5.0, top_k=300, top_p=1.0), seeds)

    assert np.mean([np.mean(line.log_probs) for line in sharp]) > np.mean(
        [np.mean(line.log_probs) for line in flat]
    )


def test_a_prompt_that_does_not_fit_is_refused(model: LocalTokenModel) -> None:
    assert model.context == 512
    with pytest.raises(InvalidInput, match="was given 513 tokens to read; expected 1 to 512"):
        model.read([5] * 513)
    with pytest.raises(InvalidInput, match="0 tokens"):
        model.read([])


def test_a_model_behind_a_server_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'big' is of kind openai"):
        LocalTokenModel(ModelEntry(name="big", kind="openai", model="m", base_url="http://x/v1"))


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_k": 0}, {"top_p": 1.5}])
def test_a_draw_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Sampling(**wrong)
