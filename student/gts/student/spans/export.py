"""The published form of a span student: its files, and ONNX graphs that are run without torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.errors import InvalidInput
from gts.student.export import quantized, save_graph, traced
from gts.student.layout import ONNX_FP32, ONNX_INT8, StudentManifest, write_manifest
from gts.student.spans.layout import WEIGHTS_FILE, SpanLayout, read_layout, write_layout
from gts.student.spans.predicting import load_net
from gts.student.spans.runtime import (
    LINK_INPUTS,
    LINKS,
    LINKS_FILE,
    READ_INPUTS,
    SPANS,
    TASK_TYPES,
    VECTORS,
    load_span_student,
)
from gts.student.spans.trunk import TOKENIZER_FILE
from gts.student.writers import make_readable
from gts.tasks.rows import MarkedRow

if TYPE_CHECKING:
    import onnx

    from gts.student.spans.network import SpanNet

LEAST_AGREEMENT = 0.99
"""Share of texts in which int8 must find the very same things, to be served."""

_ROUNDED_TRUNKS = ("bert",)
"""Kinds of trunk that are quicker in int8; the others are too small to gain by it (benchmarks/LOG.md)."""


_READ_AXES = {0: "windows", 1: "tokens"}


def export_span_student(
    student: Path, manifest: StudentManifest, out: Path, texts: Sequence[str | MarkedRow]
) -> dict[str, Any]:
    """Write a student folder: all files but the model card.

    Beside the files of training (``spans.json``, ``tokenizer.json``, ``model.safetensors``) and ``gts.json`` it holds
    ``onnx/model.onnx`` (``input_ids``, ``attention_mask`` and ``traits`` [windows, tokens] to ``vectors`` [windows, tokens, d] and, where
    spans are to be found, logits ``spans`` [windows, tokens, width, labels]); ``onnx/model_quantized.onnx``, the same in int8, for a
    BERT; and ``onnx/links.onnx`` (``vectors`` and ``places`` [windows, places, 2] to logits ``links`` [windows, places, places, labels])
    where there are relations or roles. Int8 is served if in at least :data:`LEAST_AGREEMENT` of the texts it decides the same.

    Args:
        student: Folder that :func:`gts.student.spans.training.train` wrote.
        manifest: Becomes ``gts.json``, but for ``serving``.
        out: Made if need be; what lies there under the same names is replaced.
        texts: Texts of the task to compare both forms on; rows with their entities where those are given.

    Returns:
        ``serving``, and ``int8_agreement``: the share of texts with like decisions, None where nothing could be compared.

    Raises:
        InvalidInput: Student and manifest do not fit each other.
        NotFound: A file of the student is missing.
        StorageError: A file of the student is damaged.
    """
    layout = read_layout(student)
    _check(manifest, layout)
    net = load_net(student, layout).to("cpu").eval()
    out.mkdir(parents=True, exist_ok=True)
    for name in (ONNX_INT8, LINKS_FILE):
        (out / name).unlink(missing_ok=True)
    for name in (TOKENIZER_FILE, WEIGHTS_FILE):
        shutil.copyfile(student / name, out / name)
    write_layout(out, layout)
    reading = _reading(net)
    save_graph(reading, out / ONNX_FP32)
    if layout.labels.links:
        save_graph(_linking(net), out / LINKS_FILE)
    write_manifest(out, manifest.model_copy(update={"serving": "fp32"}))
    share = None
    if layout.trunk["kind"] in _ROUNDED_TRUNKS:
        # The heads decide and are small: to round them would spare hardly anything.
        save_graph(quantized(reading, spared="span_head"), out / ONNX_INT8)
        share = _agreement(out, texts)
        if share is not None and share >= LEAST_AGREEMENT:
            write_manifest(out, manifest.model_copy(update={"serving": "int8"}))
    make_readable(out)
    return {"serving": load_span_student(out).manifest.serving, "int8_agreement": share}


def _check(manifest: StudentManifest, layout: SpanLayout) -> None:
    if manifest.task.type not in TASK_TYPES:
        raise InvalidInput(
            f"the manifest is that of a {manifest.task.type} student, {', '.join(TASK_TYPES)} were expected"
        )
    if manifest.entities_given == bool(layout.labels.spans):
        given, finds = ("given", "finds them") if manifest.entities_given else ("not given", "is given them")
        raise InvalidInput(f"the manifest says that entities are {given}, the student {finds}")


def _agreement(folder: Path, texts: Sequence[str | MarkedRow]) -> float | None:
    """Share of texts in which int8 decides as fp32 does; None without texts in which anything could be decided."""
    rows = [MarkedRow(text) if isinstance(text, str) else text for text in texts]
    exact, small = (load_span_student(folder, variant=variant) for variant in ("fp32", "int8"))
    if exact.manifest.entities_given:
        rows = [row for row in rows if len(row.given) > 1]
    if not rows:
        return None
    found = zip(exact.find(rows), small.find(rows), strict=True)
    return sum(exact.decide(one) == small.decide(other) for one, other in found) / len(rows)


def _reading(net: SpanNet) -> onnx.ModelProto:
    import torch

    finds_spans = bool(net.labels[0])

    class Reading(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, traits: torch.Tensor) -> Any:
            vectors = self.net.read(ids, mask, traits)
            return (vectors, self.net.spans(vectors)) if finds_spans else vectors

    ids, mask, traits = (torch.ones((2, 8), dtype=torch.long) for _ in READ_INPUTS)
    mask[1, 5:] = 0  # a masked tail keeps the mask in the graph
    inputs = dict(zip(READ_INPUTS, (ids, mask, traits), strict=True))
    outputs = [VECTORS, SPANS] if finds_spans else [VECTORS]
    return traced(Reading(), inputs, outputs, {name: _READ_AXES for name in (*inputs, *outputs)})


def _linking(net: SpanNet) -> onnx.ModelProto:
    import torch

    class Linking(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.link_head = net.link_head

        def forward(self, vectors: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.link_head(vectors, places)
            return scores

    places = torch.tensor([[[0, 1], [2, 2], [4, 6]], [[1, 1], [3, 4], [0, 0]]])
    inputs = dict(zip(LINK_INPUTS, (torch.zeros((2, 8, net.trunk.width)), places), strict=True))
    axes = {
        VECTORS: {0: "windows", 1: "tokens"},
        "places": {0: "windows", 1: "places"},
        LINKS: {0: "windows", 1: "places", 2: "places"},
    }
    return traced(Linking(), inputs, [LINKS], axes)
