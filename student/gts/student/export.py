"""ONNX files of students: ``input_ids`` and ``attention_mask`` [n, tokens] to ``logits`` [n, labels]."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.export_check import check_graph
from gts.student.layout import ONNX_FP32, ONNX_INT8

if TYPE_CHECKING:
    import onnx

OPSET = 18
MEAN_POOLING = "mean_pooling_layer"
"""Mark in a model's configuration: its last layer does nothing but average the states of all tokens."""

INPUTS = ("input_ids", "attention_mask")
_IR_VERSION = 10


def quantize_rows(table: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round each row to int8 by a scale of its own.

    Args:
        table: Values [rows, columns].

    Returns:
        int8 values [rows, columns] and scales [rows, 1]; their product is the table to 1/254 of each row's largest value.
    """
    values = table.astype(np.float32)
    scales = np.abs(values).max(axis=1, keepdims=True) / 127
    scales[scales == 0] = 1
    return np.rint(values / scales).astype(np.int8), scales


def quantize_table(table: NDArray[Any]) -> tuple[NDArray[np.int8], float]:
    """Round a table to int8 by one scale, as model2vec does.

    Args:
        table: Values [rows, columns].

    Returns:
        int8 values [rows, columns] and the scale; their product is the table to 1/254 of its largest value.
    """
    values = table.astype(np.float32)
    scale = float(np.abs(values).max(initial=0)) / 127 or 1.0
    return np.rint(values / scale).astype(np.int8), scale


def export_static(
    folder: Path, table: NDArray[np.int8], weight: NDArray[Any], bias: NDArray[Any], unknown: int | None
) -> None:
    """Write both ONNX files of a static student; they are the same, as its table is int8 anyway.

    Texts must be tokenised without special tokens, as model2vec does.

    Args:
        folder: The student folder.
        table: Token vectors [vocabulary, dim].
        weight: Head [labels, dim].
        bias: Head [labels].
        unknown: Id of the unknown token, which does not count.
    """
    graph = _static_graph(table, weight, bias, unknown)
    for name in (ONNX_FP32, ONNX_INT8):
        save_graph(graph, folder / name)


def _static_graph(
    table: NDArray[np.int8], weight: NDArray[Any], bias: NDArray[Any], unknown: int | None
) -> onnx.ModelProto:
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, NDArray[Any]] = {
        "table": table,
        "weight": weight.astype(np.float32),
        "bias": bias.astype(np.float32),
        "unknown": np.array(-1 if unknown is None else unknown, np.int64),
        "one": np.array(1, np.float32),
        "last": np.array([-1], np.int64),
        "tokens": np.array([1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Equal", ["input_ids", "unknown"], ["is_unknown"]),
        node("Not", ["is_unknown"], ["is_known"]),
        node("Cast", ["attention_mask"], ["is_text"], to=TensorProto.BOOL),
        node("And", ["is_known", "is_text"], ["counts"]),
        node("Cast", ["counts"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["column"]),
        node("Gather", ["table", "input_ids"], ["integers"]),
        node("Cast", ["integers"], ["vectors"], to=TensorProto.FLOAT),
        node("Mul", ["vectors", "column"], ["kept"]),
        node("ReduceSum", ["kept", "tokens"], ["sums"], keepdims=0),
        node("ReduceSum", ["mask", "tokens"], ["number"], keepdims=1),
        node("Max", ["number", "one"], ["divisor"]),
        node("Div", ["sums", "divisor"], ["means"]),
        node("Gemm", ["means", "weight", "bias"], ["logits"], transB=1),
    ]
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in INPUTS]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(bias)])
    stored = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "static-student", ids, [logits], initializer=stored)
    return _model(graph)


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    from onnx import helper

    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, producer_name="gts", opset_imports=opsets, ir_version=_IR_VERSION)


def export_transformer(folder: Path, model: Any) -> None:
    """Write both ONNX files of a transformer student.

    In the smaller one the weights of matrix products are int8 per channel (activations are quantised on the fly) and the
    token table is int8 per row.

    Args:
        folder: The student folder.
        model: A transformers sequence classification model; it is left in evaluation mode on the CPU.
    """
    import torch

    model.to("cpu", torch.float32).eval()
    plain = _plain(model)
    module = _averaging(model) if getattr(model.config, MEAN_POOLING, False) else plain
    export_module(folder, module, "logits", plain)


def export_module(folder: Path, module: Any, output: str, model: Any = None) -> None:
    """Write both ONNX files of a module that makes one thing of ``input_ids`` and ``attention_mask``.

    Args:
        folder: The student folder.
        module: A torch module on the CPU in float32; it looks its tokens up in one table.
        output: Name of what it returns, [n, ...].
        model: What it has to agree with; default: itself.

    Raises:
        GTSError: The graph says something else than the model.
    """
    import torch

    ids = torch.arange(16).reshape(2, 8) % 4  # every vocabulary has four tokens
    mask = torch.ones((2, 8), dtype=torch.long)
    mask[1, 5:] = 0  # a masked tail keeps the mask in the graph
    shape = {0: "batch", 1: "tokens"}
    inputs = dict(zip(INPUTS, (ids, mask), strict=True))
    proto = traced(module, inputs, [output], dict.fromkeys(INPUTS, shape), model)
    save_graph(proto, folder / ONNX_FP32)
    save_graph(quantized(proto), folder / ONNX_INT8)


def traced(
    module: Any,
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
    model: Any = None,
) -> onnx.ModelProto:
    """The ONNX graph of a torch module, which says what the module says.

    Args:
        module: The module, on the CPU in float32; it is left in evaluation mode.
        inputs: Name to an example, in the order in which the module takes them.
        outputs: Names of what it returns.
        axes: Input or output to names of those of its axes that may be of any length.
        model: What the graph has to agree with; default: the module.

    Raises:
        GTSError: The graph says something else.
    """
    import onnx
    import torch

    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings(), torch.no_grad():
        path = Path(place) / "traced.onnx"
        # The exporter warns of its own internals.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            path,
            dynamo=False,  # 2 s where the newer exporter takes 13, and a graph that runs as fast (benchmarks/LOG.md)
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(named) for name, named in axes.items()},
        )
        proto = _without_metadata(onnx.load(path))
    # Notes on inner shapes are stale after the exporter's own rewriting; who needs them infers them.
    del proto.graph.value_info[:]
    check_graph(proto, (model or module).eval(), inputs, outputs, axes)
    return proto


def _plain(model: Any) -> Any:
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
            return logits

    return Logits()


def _averaging(model: Any) -> Any:
    """The same function with the averaging layer written as an average: a seventh less to compute, nothing to round."""
    import copy

    import torch

    trunk = copy.copy(model.bert)
    trunk._modules = dict(model.bert._modules)
    trunk.encoder = copy.copy(model.bert.encoder)
    trunk.encoder._modules = {"layer": model.bert.encoder.layer[:-1]}
    pooling = model.bert.encoder.layer[-1]
    scale = pooling.attention.output.dense.weight[0, 0].item()

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.pooler, self.classifier = trunk, model.bert.pooler.dense, model.classifier
            self.first, self.second = pooling.attention.output.LayerNorm, pooling.output.LayerNorm

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.trunk(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            shares = attention_mask[..., None].to(states.dtype)
            mean = (states * shares).sum(1) / shares.sum(1)
            pooled = self.second(self.first(scale * mean + states[:, 0]))
            logits: torch.Tensor = self.classifier(torch.tanh(self.pooler(pooled)))
            return logits

    return Logits()


def _without_metadata(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The tracer writes stack traces into the graph: paths of this machine, no business of the model's users."""
    graph = proto.graph
    for part in (
        proto,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        del part.metadata_props[:]
        part.doc_string = ""
    return proto


def quantized(proto: onnx.ModelProto, spared: str | None = None) -> onnx.ModelProto:
    """A copy with int8 weights; see :func:`export_transformer`.

    Args:
        proto: A graph that looks ``input_ids`` up in one table.
        spared: Matrix products whose name holds this are left as they are.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    small = _small_token_table(proto)
    # Says that no preparation is wanted; the quantiser would else call for one on the root logger.
    add_pre_process_metadata(small)
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "fp32.onnx", Path(place) / "int8.onnx"
        onnx.save(small, source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[node.name for node in small.graph.node if spared and spared in node.name],
            per_channel=True,
            weight_type=QuantType.QInt8,
            # Processors without VNNI add products in 16 bits, where full-range weights overflow silently.
            reduce_range=True,
        )
        return _without_metadata(onnx.load(target))


def _small_token_table(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose token table, the greatest part of a small model, is int8 with a scale for each row."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    small = onnx.ModelProto()
    small.CopyFrom(proto)
    graph = small.graph
    lookup = next(node for node in graph.node if node.op_type == "Gather" and node.input[1] == INPUTS[0])
    table, vectors = lookup.input[0], lookup.output[0]
    stored = next(tensor for tensor in graph.initializer if tensor.name == table)
    numbers, scales = quantize_rows(numpy_helper.to_array(stored))
    graph.initializer.remove(stored)
    graph.initializer.append(numpy_helper.from_array(numbers, f"{table}.int8"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{table}.scales"))
    place = list(graph.node).index(lookup)
    graph.node.remove(lookup)
    for node in (
        helper.make_node("Mul", ["token.floats", "token.scale"], [vectors]),
        helper.make_node("Gather", [f"{table}.scales", INPUTS[0]], ["token.scale"]),
        helper.make_node("Cast", ["token.integers"], ["token.floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{table}.int8", INPUTS[0]], ["token.integers"]),
    ):
        graph.node.insert(place, node)
    return small


def save_graph(proto: onnx.ModelProto, path: Path) -> None:
    """Write an ONNX file; folders are made if need be."""
    import onnx

    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)
