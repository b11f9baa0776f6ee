"""The report of a finished job: one JSON account, of which page, CLI and model card are views."""

from __future__ import annotations

from typing import Any

from gts.orchestrator.evidence import Evidence, Trial
from gts.orchestrator.production import Production
from gts.tasks.saving import AnyTask


def report_of(production: Production) -> dict[str, Any]:
    """The report of a finished run, in the form of docs/architecture.md."""
    evidence, trial, data = production.evidence, production.trial, production.data
    used = trial.generators if trial.helps else ()
    return {
        "name": data.spec.name,
        "type": data.spec.type,
        "labels": _labels(data),
        "metric": data.spec.metric,
        "language": data.spec.language,
        "multi_label": bool(data.spec.multi_label),
        "counts": {
            "gold": len(data.gold),
            "pool": len(data.pool),
            "generated": sum(evidence.generations[name]["accepted"] for name in used),
            "test": len(data.test),
        },
        "tier": trial.tier,
        "published": trial.winner,
        "estimate": trial.best.as_json(),
        "seed_only": trial.seed_only.as_json(),
        "teachers": _teachers(evidence),
        "generators": [_generator(name, name in used, production) for name in evidence.generations],
        "generation_note": None if evidence.generations else _why_none(evidence),
        "students": [_student(t, production) for t in _by_tier(production)],
        "test": evidence.tests.get(trial.tier),
        "stages": list(production.stages),
        "decisions": list(production.decisions),
        "notes": list(data.notes),
        "models": list(production.models),
        "seconds": round(evidence.spent_s, 2),
        "tokens": evidence.spent_tokens,
        "money": round(evidence.spent_money, 6),
    }


def _labels(data: AnyTask) -> list[str]:
    """Labels of a classification, else the types that are looked for."""
    spec = data.spec
    return [*spec.labels, *spec.entities, *spec.relations, *spec.events]


def _by_tier(production: Production) -> list[Trial]:
    found = (production.evidence.trial(tier) for tier in ("static", "mini"))
    return [trial for trial in found if trial is not None]


def _teachers(evidence: Evidence) -> list[dict[str, Any]]:
    audit = evidence.audit or {}
    rows = []
    for name, weight in audit.get("weights", {}).items():
        reason = (
            f"{weight:.0%} of the ensemble"
            if weight > 0
            else "others explain held-out gold better without it"
        )
        if silent := audit.get("abstained", {}).get(name):
            reason += f"; it had no opinion on {silent} texts"
        rows.append(
            {
                "name": name,
                "value": round(audit["accuracy"][name], 4),
                "loss": round(audit["loss"][name], 4),
                "weight": round(weight, 4),
                "used": weight > 0,
                "reason": reason,
            }
        )
    rows.sort(key=lambda row: (-row["weight"], -row["value"]))
    for name in evidence.spec.teachers:
        facts = {**evidence.examined.get(name, {}), **evidence.consulted.get(name, {})}
        if "problem" in facts:
            left_out = {"value": None, "loss": None, "weight": 0.0, "used": False}
            rows.append({"name": name, **left_out, "reason": f"left out: {facts['problem']}"})
    return rows


def _why_none(evidence: Evidence) -> str:
    if not evidence.spec.generators:
        return "not tried: the task wants no generator"
    return "not tried: there is enough unlabelled text, the target was met, or the budget was spent"


def _generator(name: str, used: bool, production: Production) -> dict[str, Any]:
    facts = production.evidence.generations[name]
    decided = [
        d
        for d in production.decisions
        if d["action"].startswith("generate ") and d["action"].endswith(f" by {name}")
    ]
    return {
        "name": name,
        "used": used,
        "reason": decided[-1]["outcome"],
        "accepted": facts.get("accepted", 0),
        "rejected": facts["acceptance"]["rejected"] if "acceptance" in facts else {},
        "artifact": facts.get("artifact"),
    }


def _student(trial: Trial, production: Production) -> dict[str, Any]:
    package = production.evidence.packages.get(trial.tier, {})
    test = production.evidence.tests.get(trial.tier)
    metric = production.data.spec.metric
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
        "test": test["student"][metric] if test else None,
        "seed_only_test": test["seed_only"][metric] if test else None,
    }
