"""Speed of one process that classifies: this runtime beside the libraries that load the same weights.

    python benchmarks/library_speed.py --data ../shared/data --out benchmarks/results/library_speed.json

The students are written for this: `mini` is the shipped encoder with a head of six labels that nobody trained, `static` its token vectors with
one, since speed does not depend on what they have learnt. Each contender runs in a process of its own, three rounds in turn; told are
the medians. Texts: banking77 (short) and AG News (long), test files. p50 and p99 are milliseconds of single texts; memory is the
resident set at the end. `--only` takes a few contenders.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from few_shot import processor, read_rows
from task_types import commit

TEXTS = {"short": "banking77", "long": "ag_news"}
_LABELS = tuple("abcdef")
_SINGLES, _BATCHES, _BATCH, _WARM = 300, 20, 32, 30
_ROUNDS = 3

Predict = Callable[[list[str]], Any]


def gts_student(folder: Path, variant: str) -> Predict:
    from gts.student.runtime import load_student

    return load_student(folder, threads=os.cpu_count() or 1, variant=variant).predict


def transformers_pipeline(folder: Path) -> Predict:
    from transformers import pipeline

    run = pipeline("text-classification", model=str(folder), device="cpu")
    return lambda texts: run(texts, batch_size=len(texts), top_k=None)


def sentence_encoder(folder: Path) -> Predict:
    """sentence-transformers and a head, as SetFit predicts."""
    import numpy as np
    from sentence_transformers import SentenceTransformer, models

    words = models.Transformer(str(folder))
    encoder = SentenceTransformer(modules=[words, models.Pooling(words.get_embedding_dimension())])
    head = np.zeros((384, len(_LABELS)), np.float32)
    return lambda texts: encoder.encode(texts, batch_size=len(texts)) @ head


def plain_onnxruntime(folder: Path) -> Predict:
    """onnxruntime and tokenizers as their documentation shows them, on the same int8 file."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    session = onnxruntime.InferenceSession(str(folder / "onnx/model_quantized.onnx"))

    def predict(texts: list[str]) -> Any:
        rows = tokenizer.encode_batch(texts)
        feed = {
            "input_ids": [row.ids for row in rows],
            "attention_mask": [row.attention_mask for row in rows],
        }
        return session.run(None, {name: np.array(value, np.int64) for name, value in feed.items()})

    return predict


def model2vec_pipeline(folder: Path) -> Predict:
    from model2vec.inference import StaticModelPipeline

    return StaticModelPipeline.from_pretrained(str(folder)).predict_proba


CONTENDERS: dict[str, tuple[str, Callable[[Path], Predict]]] = {
    "static: gts": ("static", lambda folder: gts_student(folder, "auto")),
    "static: model2vec": ("static", model2vec_pipeline),
    "mini: gts, int8": ("mini", lambda folder: gts_student(folder, "int8")),
    "mini: gts, fp32": ("mini", lambda folder: gts_student(folder, "fp32")),
    "mini: onnxruntime, int8": ("mini", plain_onnxruntime),
    "mini: transformers.pipeline": ("mini", transformers_pipeline),
    "mini: sentence-transformers": ("mini", sentence_encoder),
}


def write_students(out: Path) -> None:
    """Both students."""
    import numpy as np
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from gts.core import catalogue
    from gts.student.layout import StudentManifest, TaskInfo
    from gts.student.writers import write_mini, write_static

    source = catalogue.locate("sentence-transformers/all-MiniLM-L6-v2")
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=len(_LABELS))
    facts: dict[str, Any] = {"task": TaskInfo(name="speed"), "labels": _LABELS, "max_length": 256}
    write_mini(out / "mini", model, tokenizer, StudentManifest(tier="mini", **facts))
    rng = np.random.default_rng(0)
    table = rng.normal(size=(len(tokenizer), 256)).astype(np.float16)
    head = rng.normal(size=(len(_LABELS), 256)).astype(np.float32)
    bias = np.zeros(len(_LABELS), np.float32)
    write_static(
        out / "static",
        tokenizer.backend_tokenizer,
        table,
        head,
        bias,
        StudentManifest(tier="static", **facts),
    )


def timed(predict: Predict, texts: Sequence[str]) -> dict[str, float]:
    """Singles and batches of 32."""
    for text in texts[:_WARM]:
        predict([text])
    taken = []
    for text in texts[_WARM : _WARM + _SINGLES]:
        started = time.perf_counter()
        predict([text])
        taken.append(time.perf_counter() - started)
    predict(list(texts[:_BATCH]))
    started = time.perf_counter()
    for number in range(_BATCHES):
        predict(list(texts[number * _BATCH : (number + 1) * _BATCH]))
    batched = time.perf_counter() - started
    cuts = quantiles(taken, n=100)
    return {
        "single_per_s": len(taken) / sum(taken),
        "p50_ms": 1000 * cuts[49],
        "p99_ms": 1000 * cuts[98],
        "batch_per_s": _BATCHES * _BATCH / batched,
    }


def contend(name: str, students: Path, data: Path) -> dict[str, Any]:
    """One contender in this process."""
    import psutil

    tier, load = CONTENDERS[name]
    started = time.perf_counter()
    predict = load(students / tier)
    predict(["a text to begin with"])
    found: dict[str, Any] = {"load_s": time.perf_counter() - started}
    for length, source in TEXTS.items():
        texts = [row["text"] for row in read_rows(data / "classification" / source, "test")]
        found[length] = timed(predict, texts)
    found["memory_mb"] = psutil.Process().memory_info().rss / 1e6
    return found


def show(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Medians over rounds."""
    print(
        "| | "
        + " | ".join(f"{t}: 1 a call, p50, p99 ms; 32 a call" for t in TEXTS)
        + " | start s | memory MB |"
    )
    print("|---" * (len(TEXTS) + 3) + "|")
    for name, rounds in runs.items():
        cells = []
        for length in TEXTS:
            mid = {key: median(one[length][key] for one in rounds) for key in rounds[0][length]}
            cells.append(
                f"{mid['single_per_s']:,.0f}/s, {mid['p50_ms']:.2f}, {mid['p99_ms']:.2f}; {mid['batch_per_s']:,.0f}/s"
            )
        cells.append(f"{median(one['load_s'] for one in rounds):.2f}")
        cells.append(f"{median(one['memory_mb'] for one in rounds):.0f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=CONTENDERS, nargs="*", default=list(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--contend", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--students", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.contend:
        print(json.dumps(contend(args.contend, args.students, args.data)))
        return
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        write_students(Path(temporary))
        for _ in range(args.rounds):
            for name in args.only:
                command = [sys.executable, __file__, "--data", str(args.data), "--contend", name]
                command += ["--students", temporary]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(done.stderr[-2000:])
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    show(runs)
    if args.out:
        machine = {"processor": processor(), "cores": os.cpu_count()}
        facts = {"date": date.today().isoformat(), "commit": commit(), "machine": machine}
        args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
