"""The report of a finished job: one JSON account, of which page, CLI and model card are views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gts.core.fingerprint import fingerprint
from gts.orchestrator.choosing import why_untried
from gts.orchestrator.estimate import Estimate
from gts.orchestrator.evidence import Evidence, Trial, Variant
from gts.orchestrator.production import Production
from gts.orchestrator.runner import ModelAccount
from gts.tasks.dataset import TaskData, fair_sample
from gts.tasks.diagnosis import diagnose
from gts.tasks.measures import AGREEMENT
from gts.tasks.saving import AnyTask

_DIGITS = 16


def report_of(production: Production) -> dict[str, Any]:
    """The report of a finished run, in the form of docs/architecture.md."""
    evidence, trial, data = production.evidence, production.trial, production.data
    used = trial.generators if trial.helps else ()
    guessed = isinstance(data, TaskData) and data.is_guessed
    return {
        "name": data.spec.name,
        "type": data.spec.type,
        "labels": _labels(data),
        "metric": data.spec.metric,
        "language": data.spec.language,
        "multi_label": bool(data.spec.multi_label),
        "counts": {
            "gold": 0 if guessed else len(data.gold),
            "guessed": len(data.gold) if guessed else 0,
            "pool": evidence.profile.pool + evidence.profile.aside,
            "generated": sum(evidence.generations[name]["accepted"] for name in used),
            "test": len(data.test),
        },
        "tier": trial.tier,
        "published": trial.winner,
        "estimate": _estimate(production.expected, guessed),
        "measured": _estimate(trial.best, guessed),
        "measured_on": _measured_on(data),
        "seed_only": _estimate(trial.seed_only, guessed),
        "teachers": _teachers(evidence),
        "generators": _generators(used, production),
        "generation_note": None if evidence.generations else _why_none(evidence),
        "students": [_student(t, production) for t in _by_tier(production)],
        "ablation": _ablation(evidence, trial.tier),
        "test": evidence.tests.get(trial.tier),
        "stages": list(production.stages),
        "decisions": list(production.decisions),
        "notes": list(data.notes),
        "findings": [finding.as_json() for finding in diagnose(data)],
        "models": _models(production),
        "questions": {"answered": evidence.n_answered, "open": len(production.questions)},
        "seconds": round(evidence.spent_s, 2),
        "tokens": evidence.spent_tokens,
        "money": round(evidence.spent_money, 6),
        "paid": round(sum(model["paid"] for model in production.models), 6),
    }


def _estimate(estimate: Estimate, guessed: bool) -> dict[str, Any]:
    """What was measured on guessed examples is how far the student agrees with the guesses, nothing else."""
    return estimate.as_json() | ({"metric": AGREEMENT} if guessed else {})


def _ablation(evidence: Evidence, tier: str) -> list[dict[str, Any]]:
    """What each way of making the published tier reached on held-out gold, as far as the job has tried it."""
    found = [trial for trial in evidence.trials if trial.tier == tier]
    rows: list[tuple[str, int, tuple[str, ...], Estimate]] = [
        (Variant.SEED.value, 0, (), found[-1].seed_only)
    ]
    rows += [
        (trial.variant.value, trial.pool, trial.generators, trial.student)
        for trial in found
        if trial.variant != Variant.SEED
    ]
    return [
        {
            "variant": variant,
            "pool": pool,
            "generators": list(generators),
            **{name: _rounded(getattr(measured, name)) for name in ("value", "low", "high")},
        }
        for variant, pool, generators, measured in rows
    ]


def _measured_on(data: AnyTask) -> str:
    """A name of the gold rows that were measured on: two students can be compared where it is the same."""
    rows = [asdict(data.gold[i]) for i in fair_sample(row.origin for row in data.gold)]
    return fingerprint(rows)[:_DIGITS]


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
                "value": _rounded(audit["accuracy"][name]),
                "loss": _rounded(audit["loss"][name]),
                "weight": round(weight, 4),
                "used": weight > 0,
                "reason": reason,
            }
        )
    rows.sort(key=lambda row: (-row["weight"], -(row["value"] or 0.0)))
    for name in evidence.spec.teachers:
        facts = {**evidence.examined.get(name, {}), **evidence.consulted.get(name, {})}
        left_out = {"value": None, "loss": None, "weight": 0.0, "used": False}
        if "problem" in facts:
            rows.append({"name": name, **left_out, "reason": f"left out: {facts['problem']}"})
        elif facts.get("unasked"):
            rows.append({"name": name, **left_out, "reason": facts["outcome"]})
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _models(production: Production) -> list[dict[str, Any]]:
    """What asking took, also of models that were wanted and could not be asked."""
    evidence = production.evidence
    nothing = ModelAccount().as_json()
    asked = {model["name"]: dict(model) for model in production.models}
    wanted = [*asked, *(name for name in evidence.spec.language_models if name not in asked)]
    return [
        {**asked.get(name, {"name": name, **nothing}), "problem": _problem(evidence, name)} for name in wanted
    ]


def _problem(evidence: Evidence, name: str) -> str | None:
    """Why a language model was left out, if it was."""
    for found in (evidence.examined, evidence.consulted, evidence.generations):
        if problem := found.get(name, {}).get("problem"):
            return str(problem)
    return None


def _why_none(evidence: Evidence) -> str:
    if not evidence.spec.generators:
        return "not tried: the task wants no generator"
    reasons = {name: why_untried(evidence, name) for name in evidence.spec.generators}
    if len(reasons) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _generators(used: Sequence[str], production: Production) -> list[dict[str, Any]]:
    """Those that wrote, and those that were wanted and did not."""
    evidence = production.evidence
    untried = {"used": False, "accepted": 0, "rejected": {}, "artifact": None}
    names = dict.fromkeys((*evidence.spec.generators, *evidence.generations))
    return [
        _generator(name, name in used, production)
        if name in evidence.generations
        else {"name": name, **untried, "reason": why_untried(evidence, name)}
        for name in names
    ]


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
        "int8_agreement": package.get("int8_agreement"),
        "int8_loss": package.get("int8_loss"),
        "test": test["student"][metric] if test else None,
        "seed_only_test": test["seed_only"][metric] if test else None,
    }
