"""A stage table whose stages cost nothing and whose students are as good as they are told to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.orchestrator import stages
from gts.orchestrator.experience import Experience
from gts.orchestrator.stage import Progress, Stage
from gts.orchestrator.stages.common import indicators, load_split, save_arrays, write_json
from gts.student.layout import StudentManifest, TaskInfo, write_manifest
from gts.tasks.dataset import TaskData, load_task

Quality = Mapping[str, float]
"""Share of texts that a student is right on: by ``mini``, ``static``, ``mini seed-only``, ``static generated`` ..."""

Logits = Callable[[str, np.ndarray], np.ndarray]
"""From what the student is (as in :data:`Quality`) and true label indicators to logits."""

SIZES = {"static": (7_800_000, 0.1, 20_000.0), "mini": (22_700_000, 6.0, 300.0)}


def logits_of(quality: Quality) -> Logits:
    """Students that are right on the first so many texts."""

    def logits(student: str, targets: np.ndarray) -> np.ndarray:
        told = np.where(targets > 0.5, 2.0, -2.0).astype(np.float32)
        wrong = round(len(targets) * (1 - quality.get(student, 0.75)))
        if wrong:
            told[-wrong:] = -told[-wrong:]
        return told

    return logits


def canned(
    logits: Logits, *, encoder: str | None = "tiny/encoder", ran: list[str] | None = None
) -> dict[str, Stage]:
    """The stage table.

    Args:
        logits: What each student says.
        encoder: The encoder that the profile finds.
        ran: Told the name of each stage that really runs.
    """

    def profile(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        counts = indicators(data).sum(axis=0)
        return {
            "gold": len(data.gold),
            "pool": len(data.pool),
            "labels": len(data.labels),
            "smallest_label": int(counts.min()),
            "language": data.spec.language or "und",
            "encoder": encoder,
            "encode_s": 0.0001 if encoder else None,
            "bases": [],
            "chars": 40.0,
            "experience": Experience().as_json(),
        }

    def audit(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        return {
            "weights": {"lexical": 0.25, "tuned": 0.75, "encoder-spread": 0.0},
            "rest": {"lexical": 0.25, "tuned": 0.75, "encoder-spread": 0.0},
            "models": {},
            "accuracy": {"lexical": 0.7, "tuned": 0.8, "encoder-spread": 0.4},
            "loss": {"lexical": 0.9, "tuned": 0.6, "encoder-spread": 2.0},
            "ensemble_accuracy": 0.8,
            "ensemble_loss": 0.55,
            "exponent": 2.0,
        }

    def distil(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        kind = (
            " seed-only"
            if params["seed_only"]
            else " generated"
            if any(name.startswith("generate ") for name in inputs)
            else ""
        )
        kind = " refined" if params.get("steps") else kind
        said = logits(params["tier"] + kind, indicators(data))
        split = load_split(inputs, params)
        save_arrays(out / "heldout.safetensors", {"logits": said[split.heldout]})
        write_json(out / "who.json", params["tier"] + kind)
        return {}

    def generate(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        return {"accepted": 12, "drafts": 20, "acceptance": {"kept": 12, "rejected": {"copy": 8}}}

    def package(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        tier = params["tier"]
        task = TaskInfo(name=data.spec.name, multi_label=data.multi_label)
        write_manifest(out, StudentManifest(task=task, labels=data.labels, tier=tier))
        # Publishing looks into these.
        save_arrays(out / "model.safetensors", {"weight": np.arange(8, dtype=np.float32)})
        write_json(out / "config.json", {"made_from": (inputs["student"] / "who.json").read_text()})
        parameters, latency_ms, speed = SIZES[tier]
        return {
            "parameters": parameters,
            "latency_ms": latency_ms,
            "texts_per_second": speed,
            "bytes": 4 * parameters,
            "serving": "fp32",
            "int8_agreement": None,
        }

    def evaluate(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        measures = {"accuracy": 0.5, "macro_f1": 0.5, "n": len(load_task(inputs["test"]).test)}
        return {"student": measures, "seed_only": measures}

    def expect(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        return {"value": 0.8, "low": 0.7, "high": 0.9, "power": 1.0, "pool": len(data.pool), "changed": 0.0}

    def nothing(data: TaskData, inputs: Any, params: Any, out: Path) -> dict[str, Any]:
        return {}

    def stage(name: str, work: Callable[..., dict[str, Any]]) -> Stage:
        def run(
            inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
        ) -> dict[str, Any]:
            progress(0.5, f"{name} is at work")
            summary = work(load_task(inputs["task"]), inputs, params, out)
            # Every call leaves an artifact of its own, as real ones do.
            write_json(out / "call.json", {"name": name, "params": dict(params)})
            if ran is not None:
                ran.append(name)
            return summary

        return Stage(name, stages.STAGES[name].version, run)

    works = {
        "profile": profile,
        "audit": audit,
        "distil": distil,
        "generate": generate,
        "package": package,
        "evaluate": evaluate,
        "expect": expect,
    }
    return {name: stage(name, works.get(name, nothing)) for name in stages.STAGES}
