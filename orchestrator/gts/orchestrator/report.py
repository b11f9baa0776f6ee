"""The report of a finished job: one JSON account, of which page, CLI and model card are views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.orchestrator.evidence import Trial, Variant
from gts.orchestrator.production import Production


def report_of(production: Production) -> dict[str, Any]:
    """The report of a finished run, in the form of docs/architecture.md."""
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
        "students": [_student(t, production) for t in _by_tier(production)],
        "test": evidence.tests.get(trial.tier),
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


def _student(trial: Trial, production: Production) -> dict[str, Any]:
    package = production.evidence.packages.get(trial.tier, {})
    test = production.evidence.tests.get(trial.tier)
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
        "seed_only_test_accuracy": test["seed_only"]["accuracy"] if test else None,
    }
