"""The published form of a span student says what the trained one says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from gts.core.errors import InvalidInput, NotFound
from gts.student.layout import ONNX_FP32, ONNX_INT8, read_manifest
from gts.student.spans.examples import padded, padded_places
from gts.student.spans.export import export_span_student
from gts.student.spans.layout import read_layout
from gts.student.spans.predicting import TorchScorer, load_net, predict
from gts.student.spans.runtime import LINKS_FILE, load_span_student
from gts.student.spans.tokens import Cutter
from gts.student.tokenizing import load_tokenizer
from gts.tasks.rows import MarkedRow

STUDENTS = [
    *(("bert", task) for task in ("nested", "relation", "given", "event")),
    *(("local", task) for task in ("nested", "given", "event")),
]
LOGITS = 1e-3


def texts_of_all_lengths(rows: list[MarkedRow]) -> list[MarkedRow]:
    long = " ".join(row.text for row in rows)
    odd = ["", " ", "soup", "😀 goal soup 👩\u200d🚀", "\ud800 goal very coach", "字 soup\u3000"]
    return [*rows, *(MarkedRow(text, given=rows[0].given) for text in odd), MarkedRow(long)]


@pytest.mark.parametrize(("trunk", "task"), STUDENTS)
def test_it_finds_what_the_trained_student_finds(
    trunk: str, task: str, span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student(task, trunk)
    export_span_student(folder, span_manifest(task), tmp_path, [])
    served = load_span_student(tmp_path)
    asked = texts_of_all_lengths(rows)

    expected, found = predict(folder, asked), served.find(asked)

    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        assert np.allclose(list(one.values()), list(other.values()), atol=LOGITS)
        assert served.decide(one) == served.decide(other)
    assert sum(len(beliefs) for beliefs in found) > len(rows) / 4


@pytest.mark.parametrize(("trunk", "task"), STUDENTS)
def test_its_graphs_compute_the_networks_logits(
    trunk: str, task: str, span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student(task, trunk)
    export_span_student(folder, span_manifest(task), tmp_path, [])
    layout = read_layout(folder)
    scorer = TorchScorer(load_net(folder, layout))
    cutter = Cutter(load_tokenizer(folder), layout.length, layout.overlap)
    reading = ort.InferenceSession(tmp_path / ONNX_FP32)
    for batch in (rows[:1], rows[:2], rows[:7], rows):
        windows = [cutter.windows(row.text)[0] for row in batch]
        ids, mask, traits = padded(windows)
        vectors, spans = scorer.read(ids, mask, traits)
        names = ["vectors", *([] if spans is None else ["spans"])]
        made = reading.run(names, {"input_ids": ids, "attention_mask": mask, "traits": traits})
        real = mask.astype(bool)
        assert np.abs(made[0] - np.asarray(vectors))[real].max() < LOGITS
        if spans is not None:
            inside = np.arange(ids.shape[1])[:, None] + np.arange(layout.width)
            held = real[:, :, None] & (inside < mask.sum(1)[:, None, None])
            assert np.abs(made[1] - spans)[held].max() < LOGITS
        if layout.labels.links:
            places, _ = padded_places([[(1, 2), (3, 3), (0, 1)][: 1 + row % 3] for row in range(len(batch))])
            linking = ort.InferenceSession(tmp_path / LINKS_FILE)
            (links,) = linking.run(["links"], {"vectors": made[0], "places": places})
            assert np.abs(links - scorer.links(vectors, places)).max() < LOGITS


def test_int8_is_served_where_it_decides_the_same(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student("nested")
    facts = export_span_student(folder, span_manifest("nested"), tmp_path, [row.text for row in rows])

    assert facts["serving"] == ("int8" if facts["int8_agreement"] >= 0.99 else "fp32")
    assert read_manifest(tmp_path).serving == facts["serving"]
    exact, small = (load_span_student(tmp_path, variant=variant) for variant in ("fp32", "int8"))
    like = [
        exact.decide(one) == small.decide(other)
        for one, other in zip(exact.find(rows), small.find(rows), strict=True)
    ]
    assert facts["int8_agreement"] == np.mean(like) > 0.8
    assert (tmp_path / ONNX_INT8).stat().st_size < (tmp_path / ONNX_FP32).stat().st_size


def test_int8_is_not_served_where_it_decides_otherwise(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student("nested")
    # At the median of all beliefs the slightest change decides otherwise.
    beliefs = [belief for found in predict(folder, rows) for belief in found.values()]
    manifest = span_manifest("nested", decision={"entity": float(np.median(beliefs))})

    facts = export_span_student(folder, manifest, tmp_path, [row.text for row in rows])

    assert facts["int8_agreement"] < 0.99
    assert facts["serving"] == read_manifest(tmp_path).serving == "fp32"


def test_given_entities_are_compared_with_their_rows(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student("given")
    manifest = span_manifest("given")

    assert export_span_student(folder, manifest, tmp_path, rows)["int8_agreement"] > 0.8
    bare = [row.text for row in rows]
    assert export_span_student(folder, manifest, tmp_path, bare) == {
        "serving": "fp32",
        "int8_agreement": None,
    }


def test_small_trunks_are_not_rounded(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, rows = span_student("nested", "local")
    facts = export_span_student(folder, span_manifest("nested", tier="static"), tmp_path, rows)

    assert facts == {"serving": "fp32", "int8_agreement": None}
    assert not (tmp_path / ONNX_INT8).exists()


def test_a_student_may_replace_another(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    export_span_student(span_student("event")[0], span_manifest("event"), tmp_path, [])
    assert (tmp_path / LINKS_FILE).exists()

    folder, rows = span_student("nested", "local")
    export_span_student(folder, span_manifest("nested"), tmp_path, [])

    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"gts.json", "spans.json", "tokenizer.json", "model.safetensors", ONNX_FP32}
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in tmp_path.rglob("*"))
    assert load_span_student(tmp_path).find(rows)


def test_the_folder_tells_nothing_of_this_machine(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, _ = span_student("event")
    export_span_student(folder, span_manifest("event"), tmp_path, [])

    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"site-packages" not in content and b"/tmp/" not in content and b"/home/" not in content
    assert json.loads((tmp_path / "gts.json").read_text())["looks_for"]["events"]["meal"]["roles"] == {
        "what": ""
    }


def test_student_and_manifest_must_fit(
    span_student: Callable, span_manifest: Callable, tmp_path: Path
) -> None:
    folder, _ = span_student("relation")
    with pytest.raises(InvalidInput, match="entities are given, the student finds them"):
        export_span_student(folder, span_manifest("given"), tmp_path, [])
    task = span_manifest("nested").task.model_copy(update={"type": "summarization"})
    with pytest.raises(InvalidInput, match="summarization"):
        export_span_student(folder, span_manifest("relation", task=task), tmp_path, [])
    with pytest.raises(NotFound, match=r"spans\.json"):
        export_span_student(tmp_path / "nowhere", span_manifest("relation"), tmp_path / "out", [])
    assert not any(tmp_path.iterdir())
