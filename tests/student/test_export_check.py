"""A graph that says something else than the model it was made of is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import numpy_helper

from gts.core.errors import GTSError
from gts.student.export import INPUTS, traced
from gts.student.export_check import check_graph

AXES = {name: {0: "batch", 1: "tokens"} for name in INPUTS}


class Words(torch.nn.Module):
    """Sums of token vectors; one that is wrong takes the number of tokens for a constant."""

    def __init__(self, is_wrong: bool = False) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(4, 3)
        self.is_wrong = is_wrong

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = (self.table(input_ids) * attention_mask[..., None]).sum(1)
        return found / int(input_ids.shape[1]) if self.is_wrong else found


def inputs() -> dict[str, Any]:
    return dict(
        zip(INPUTS, (torch.arange(8).reshape(2, 4) % 4, torch.ones((2, 4), dtype=torch.long)), strict=True)
    )


def test_a_graph_that_says_the_same_passes() -> None:
    assert traced(Words(), inputs(), ["logits"], AXES).graph.output[0].name == "logits"


def test_what_depends_on_the_input_must_not_become_a_constant() -> None:
    with pytest.raises(GTSError, match="gives other logits than the torch model") as caught:
        traced(Words(is_wrong=True), inputs(), ["logits"], AXES)
    assert "constraints.txt" in caught.value.mend


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_other_weights_are_noticed(value: float) -> None:
    model = Words()
    proto = traced(model, inputs(), ["logits"], AXES)
    (table,) = (t for t in proto.graph.initializer if t.dims == [4, 3])
    table.CopyFrom(numpy_helper.from_array(np.full((4, 3), value, np.float32), table.name))
    with pytest.raises(GTSError, match="other logits"):
        check_graph(proto, model, inputs(), ["logits"], AXES)


def test_a_graph_may_be_held_against_another_form_of_its_model() -> None:
    one, other = Words(), Words()
    with pytest.raises(GTSError, match="other logits"):
        traced(one, inputs(), ["logits"], AXES, other)
    other.load_state_dict(one.state_dict())
    traced(one, inputs(), ["logits"], AXES, other)
