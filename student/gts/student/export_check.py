"""An exported graph that does not say what its model says is not written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import GTSError

if TYPE_CHECKING:
    import onnx

TOLERANCE = 1e-3
"""Largest difference, as a share of the largest value; float32 sums in another order differ by a hundredth of it."""


def check_graph(
    proto: onnx.ModelProto,
    model: Any,
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Hold an ONNX graph against the torch model that it was made of, on inputs twice as long as those it was traced with.

    What the tracer took for a constant though it depends on the input shows there.

    Args:
        proto: The graph, in float32.
        model: The torch module, on the CPU in evaluation mode.
        inputs: Name to an example, in the order in which the module takes them.
        outputs: Names of what it returns.
        axes: Input or output to names of those of its axes that may be of any length.

    Raises:
        GTSError: They differ.
    """
    import onnxruntime as ort
    import torch

    longer = {name: _doubled(example, axes.get(name, ())) for name, example in inputs.items()}
    with torch.inference_mode():
        said = model(*longer.values())
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {name: value.numpy() for name, value in longer.items()})
    for name, one, other in zip(outputs, said if isinstance(said, tuple) else (said,), found, strict=True):
        wanted = one.numpy()
        if wanted.shape != other.shape or not _is_close(wanted, other):
            raise GTSError(
                f"the ONNX graph gives other {name} than the torch model it was made of",
                mend="this is a fault of the versions of torch and onnxruntime together: install those of constraints.txt",
            )


def _doubled(example: Any, axes: Mapping[int, str] | Sequence[int]) -> Any:
    import torch

    for axis in axes:
        example = torch.cat([example, example], dim=axis)
    return example


def _is_close(wanted: NDArray[Any], found: NDArray[Any]) -> bool:
    most = TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0)))
    # A value that is no number is close to nothing.
    return bool((np.abs(wanted - found) <= most).all())
