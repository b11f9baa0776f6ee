"""Accuracy over the number of answers: the planner's choice of questions beside chance and margin sampling.

    python benchmarks/questions.py --data ../shared/data --out benchmarks/results/questions.json

A person is played by the hidden labels. Vectors are those of the frozen encoder and the student is a head on them, taught by a head
and by spreading as in a job, so that a hundred rounds take minutes; tuning and the rest of a job are left out. Each round asks ten
questions and learns anew. Start: two labelled texts a label; pool: 2,000 texts of train; measured on the test file.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import numpy as np
from few_shot import processor, read_rows
from task_types import commit

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.core.features import FeatureStore
from gts.core.threads import available_cores, limit_threads
from gts.orchestrator.selection import doubts, select
from gts.teacher.heads import LogisticHead
from gts.teacher.spreading import SpreadConfig, spread

SETS = ("trec6", "ag_news", "banking77")
_ENCODER, _TOKENS = "sentence-transformers/all-MiniLM-L6-v2", 256
_SHOTS, _POOL, _BATCH, _ROUNDS = 2, 2000, 10, 10

Choose = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], list[int]]
"""Vectors of the pool, beliefs about it, vectors of what is labelled, randomness: rows to ask about."""


def ours(pool: np.ndarray, beliefs: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> list[int]:
    """What jobs ask."""
    return [chosen.row for chosen in select(pool, doubts(beliefs, False), known, _BATCH)]


def margin(pool: np.ndarray, beliefs: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Where the two likeliest labels are nearest to each other."""
    top = np.sort(beliefs, axis=1)
    return [int(row) for row in np.argsort(top[:, -1] - top[:, -2], kind="stable")[:_BATCH]]


def chance(pool: np.ndarray, beliefs: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Any."""
    return [int(row) for row in rng.permutation(len(pool))[:_BATCH]]


CHOOSERS: Mapping[str, Choose] = {"ours": ours, "margin": margin, "random": chance}


def run(
    vectors: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], choose: Choose, seed: int
) -> list[float]:
    """Test accuracy before any question and after each round."""
    rng, choosing = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    order, kinds = rng.permutation(len(labels["train"])), int(labels["train"].max()) + 1
    gold: list[int] = []
    for row in order:
        if np.sum(labels["train"][gold] == labels["train"][row]) < _SHOTS:
            gold.append(int(row))
    pool = [int(row) for row in order if row not in set(gold)][:_POOL]
    one_hot, found = np.eye(kinds, dtype=np.float32), []
    for _ in range(_ROUNDS + 1):
        known, asked = vectors["train"][gold], vectors["train"][pool]
        targets = one_hot[labels["train"][gold]]
        head = LogisticHead(False).fit(known, targets).predict(asked)
        config = SpreadConfig(neighbours=15 if kinds <= 20 else 8, balanced=True)
        near = spread(np.concatenate([known, asked]), targets, head, config)[len(known) :]
        beliefs = (head + near) / 2
        student = LogisticHead(False).fit(np.concatenate([known, asked]), np.concatenate([targets, beliefs]))
        found.append(float((student.predict(vectors["test"]).argmax(1) == labels["test"]).mean()))
        rows = choose(asked, beliefs, known, choosing)
        gold += [pool[row] for row in rows]
        pool = [text for row, text in enumerate(pool) if row not in set(rows)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=SETS, nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--features", type=Path, default=Path("out/features"))
    parser.add_argument(
        "--held-out", action="store_true", help="measure on other rows of train, for development"
    )
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    limit_threads()
    encoder = Encoder(catalogue.locate(_ENCODER), _TOKENS)
    store = FeatureStore(args.features)
    runs: list[dict[str, Any]] = []
    for name in args.only:
        files = {role: read_rows(args.data / "classification" / name, role) for role in ("train", "test")}
        rng = np.random.default_rng(0)
        files["train"] = [files["train"][row] for row in rng.permutation(len(files["train"]))[:6000]]
        if args.held_out:
            files = {"train": files["train"][:4000], "test": files["train"][4000:]}
        kinds = sorted({str(row["label"]) for row in files["train"]})
        labels = {
            role: np.array([kinds.index(str(row["label"])) for row in rows]) for role, rows in files.items()
        }
        weights = catalogue.identity(_ENCODER)
        vectors = {
            role: store.embed(encoder, weights, [row["text"] for row in rows]) for role, rows in files.items()
        }
        for chooser, choose in CHOOSERS.items():
            curves = [run(vectors, labels, choose, seed) for seed in range(args.seeds)]
            runs.append({"set": name, "chooser": chooser, "curves": curves})
            print(name, chooser, [round(value, 3) for value in np.mean(curves, axis=0)], flush=True)
    if args.out:
        facts = {"date": date.today().isoformat(), "commit": commit()}
        machine = {"processor": processor(), "cores": available_cores()}
        args.out.write_text(
            json.dumps({**facts, "machine": machine, "batch": _BATCH, "runs": runs}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
