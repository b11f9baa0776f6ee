from __future__ import annotations

import json

import numpy as np
import pytest

from gts.core.errors import InvalidInput
from gts.generator.protocol import REGISTRY, GeneratedText, Judged, PoolWeights, Request, make_generator
from gts.tasks.dataset import Example, Origin


def test_unknown_generator_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="no generator is named 'gpt'; known: embedded"):
        make_generator("gpt")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_registered_generator_carries_its_name(name: str) -> None:
    assert make_generator(name).name == name


def test_options_are_checked() -> None:
    with pytest.raises(InvalidInput, match="no option temperature; known: attempts"):
        make_generator("embedded", temperature=1)
    with pytest.raises(InvalidInput, match="attempts is 0; expected 1 to 1000"):
        make_generator("embedded", attempts=0)
    with pytest.raises(InvalidInput, match="attempts is 'many'"):
        make_generator("embedded", attempts="many")
    with pytest.raises(InvalidInput, match="min_novelty is nan"):
        make_generator("embedded", min_novelty=float("nan"))


def test_a_request_takes_one_label_or_a_set() -> None:
    assert Request("a", 1).labels == ("a",)
    assert Request(("a", "b"), 1).labels == ("a", "b")
    assert Request((), 1).labels == ()
    with pytest.raises(InvalidInput, match="-1 texts"):
        Request("a", -1)


@pytest.mark.parametrize(
    "values", [np.zeros(3), np.zeros((3, 1)), np.full((3, 2), 1.5), np.full((3, 2), np.nan)]
)
def test_pool_weights_must_be_probabilities_of_the_labels(values: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="pool weights"):
        PoolWeights(("a", "b"), values)


def test_a_generated_text_becomes_an_example_and_a_row() -> None:
    text = GeneratedText("new", ("a", "b"), "embedded", ("old",), {"novelty": 0.5})
    assert text.as_example() == Example("new", ("a", "b"), Origin.GENERATED)
    row = json.loads(json.dumps(Judged(text, False, "copy", "too like an old one").as_json()))
    assert row["labels"] == ["a", "b"]
    assert (row["seeds"], row["kind"], row["kept"]) == (["old"], "copy", False)
