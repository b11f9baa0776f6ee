"""The report of a finished job: one JSON account, of which page, CLI and model card are views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.core.artifacts import ArtifactStore
from gts.orchestrator.estimate import decide, label_sets
from gts.orchestrator.evidence import Trial, Variant
from gts.orchestrator.production import Production
from gts.orchestrator.stages.common import load_arrays
from gts.tasks.dataset import TaskData
from gts.tasks.metrics import evaluate


def report_of(production: Production, store: ArtifactStore) -> dict[str, Any]:
    """The report, in the form of docs/architecture.md.

    Args:
        production: The finished run.
        store: Where its artifacts lie (test predictions of seed-only students are read from there).
    """
    evidence, trial, data = production.evidence, production.trial, production.data
    generation = evidence.generation
    uses_generated = trial.variant == Variant.GENERATED and trial.helps
    return {
        "name": data.spec.name,
        "type": data.spec.type,
        "labels": list(data.labels),
        "language": data.spec.language,
        "multi_label": data.multi_label,
        "counts": {
            "gold": len(data.gold),
            "pool": len(data.pool),
            "generated": generation["accepted"] if generation and uses_generated else 0,
            "test": len(data.test),
        },
        "tier": trial.tier,
        "published": trial.winner,
        "estimate": trial.best.as_json(),
        "seed_only": trial.seed_only.as_json(),
        "teachers": _teachers(evidence.audit or {}),
        "generator": _generator(generation, uses_generated, production),
        "students": [_student(t, production, store) for t in _by_tier(production)],
        "test": _test(trial, production, store),
        "stages": list(production.stages),
        "decisions": list(production.decisions),
        "notes": list(data.notes),
        "seconds": round(evidence.spent_s, 2),
    }


def _by_tier(production: Production) -> list[Trial]:
    found = (production.evidence.trial(tier) for tier in ("static", "mini"))
    return [trial for trial in found if trial is not None]


def _teachers(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, weight in audit.get("weights", {}).items():
        value = audit["accuracy"][name]
        reason = (
            f"{weight:.0%} of the ensemble"
            if weight > 0
            else "others explain held-out gold better without it"
        )
        rows.append(
            {
                "name": name,
                "value": round(value, 4),
                "loss": round(audit["loss"][name], 4),
                "weight": round(weight, 4),
                "used": weight > 0,
                "reason": reason,
            }
        )
    return sorted(rows, key=lambda row: (-row["weight"], -row["value"]))


def _generator(generation: Mapping[str, Any] | None, used: bool, production: Production) -> dict[str, Any]:
    if generation is None:
        reason = "not tried: there is enough unlabelled text, the target was met, or the budget was spent"
        return {"name": "embedded", "used": False, "reason": reason, "accepted": 0, "rejected": {}}
    outcome = next(d["outcome"] for d in production.decisions if d["action"].startswith("generate"))
    return {
        "name": "embedded",
        "used": used,
        "reason": outcome,
        "accepted": generation["accepted"],
        "rejected": generation["acceptance"]["rejected"],
    }


def _student(trial: Trial, production: Production, store: ArtifactStore) -> dict[str, Any]:
    package = production.evidence.packages.get(trial.tier, {})
    test = _test(trial, production, store)
    return {
        "tier": trial.tier,
        "estimate": round(trial.best.value, 4),
        "seed_only": round(trial.seed_only.value, 4),
        "published": trial is production.trial,
        "parameters": package.get("parameters"),
        "bytes": package.get("bytes"),
        "texts_per_second": package.get("texts_per_second"),
        "latency_ms": package.get("latency_ms"),
        "serving": package.get("serving"),
        "test_accuracy": test["student"]["accuracy"] if test else None,
    }


def _test(trial: Trial, production: Production, store: ArtifactStore) -> dict[str, Any] | None:
    data, package = production.data, production.evidence.packages.get(trial.tier)
    if not data.test or package is None:
        return None
    seed = test_metrics(data, store, trial.artifacts["seed_only"])
    return {"student": dict(package["test"]), "seed_only": seed}


def test_metrics(data: TaskData, store: ArtifactStore, artifact: str) -> dict[str, Any]:
    """Accuracy, macro F1 and count of an unpackaged student on the task's test examples."""
    logits = load_arrays(store.path(artifact) / "test.safetensors")["logits"]
    predicted = label_sets(decide(logits, data.multi_label), data.labels)
    result = evaluate(data.labels, [example.labels for example in data.test], predicted, data.multi_label)
    return {name: result[name] for name in ("accuracy", "macro_f1", "n")}
