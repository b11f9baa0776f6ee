"""Many students in one process: stand-ins of a few kilobytes; benchmarks/many_students.py has real sizes."""

import asyncio
import os
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import psutil
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from tiny_student import LABELS, write_tiny_student

from gts.platform.serving.local import LocalEngine
from gts.student.layout import HEAD, HEAD_BIAS, ONNX_FP32, StudentManifest, TaskInfo
from gts.student.writers import write_mini

STATIC, TRANSFORMERS = 500, 50


def in_favour(number):
    """A bias by which every student has its own answer to a text that tells nothing."""
    return np.array([1, -1], np.float32) * (0.1 + number / 100) * (-1) ** number


@pytest.fixture(scope="module")
def transformer(tiny_encoder, tmp_path_factory):
    from transformers import AutoTokenizer, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("transformer")
    model = BertForSequenceClassification.from_pretrained(tiny_encoder, num_labels=2)
    manifest = StudentManifest(task=TaskInfo(name="tiny"), labels=LABELS, tier="mini", max_length=64)
    write_mini(folder, model, AutoTokenizer.from_pretrained(tiny_encoder), manifest)
    return folder


class Folders:
    """A registry as far as an engine needs one: its models are folders."""

    def __init__(self, root):
        self.root = root

    def resolve(self, namespace, name, revision):
        return SimpleNamespace(oid=name)

    def materialize(self, namespace, name, revision, target):
        return self.root / name

    def add(self, name, source, changed, write):
        """A copy of a folder of which one file is another."""
        folder = Path(shutil.copytree(source, self.root / name, copy_function=os.link))
        (folder / changed).unlink()
        write(folder / changed)


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "models")


@pytest.fixture
def crowd(folders, transformer, tmp_path):
    """Makes the students; the probability of the first label that each gives, by model."""
    source, expected = write_tiny_student(tmp_path / "static"), {}
    head = load_file(source / HEAD)
    for number in range(STATIC):
        bias = in_favour(number)
        folders.add(f"static-{number}", source, HEAD, partial(save_file, {**head, HEAD_BIAS: bias}))
        expected[f"many/static-{number}"] = float(1 / (1 + np.exp(bias[1] - bias[0])))
    proto = onnx.load(transformer / ONNX_FP32)
    (stored,) = (tensor for tensor in proto.graph.initializer if tensor.name.endswith("classifier.bias"))
    for number in range(TRANSFORMERS):
        bias = in_favour(number) * 100  # what the network makes of the text does not count beside it
        stored.CopyFrom(numpy_helper.from_array(bias, stored.name))
        folders.add(f"transformer-{number}", transformer, ONNX_FP32, partial(onnx.save, proto))
        expected[f"many/transformer-{number}"] = float(bias[0] > bias[1])
    return expected


def test_hundreds_of_students_answer_from_one_process(folders, crowd, settings):
    async def ask_all():
        found = {}
        for model in crowd:
            _, (answer,) = await engine.predict(model, "main", [{"text": "hello there"}])
            found[model] = next(item["score"] for item in answer["scores"] if item["label"] == LABELS[0])
        return found

    engine = LocalEngine(folders, settings)
    before = psutil.Process().memory_info().rss
    first, second = asyncio.run(ask_all()), asyncio.run(ask_all())
    taken = psutil.Process().memory_info().rss - before
    text = engine.metrics.text().decode()
    engine.close()
    assert first == second
    assert first == pytest.approx(crowd, abs=1e-3)
    assert taken < 300 << 20
    assert (
        text.count("gts_students_loaded{") == STATIC + TRANSFORMERS
        and "gts_students_dropped_total{" not in text
    )
