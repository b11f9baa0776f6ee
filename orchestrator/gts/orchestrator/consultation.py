"""Asking a language model as a teacher: first about gold texts, to judge it; about the pool only if it earns its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gts.core.artifacts import StageResult
from gts.core.llm.values import Fault
from gts.orchestrator import model_costs
from gts.orchestrator.run import Run
from gts.orchestrator.site_models import TEACHING, asked_with
from gts.orchestrator.stages.beliefs import CONSULTED, LIKELIHOOD
from gts.tasks.dataset import TaskData

_FEW_LABELS = 20
"""Beyond these, weighing the words of every label takes longer than it is worth."""


def consult(run: Run[TaskData], model: str) -> dict[str, Any]:
    """Let a model label the held-out gold of each fold, audit it, and let it label pool texts if it has a weight.

    Returns:
        ``weight`` (of all its ways together), ``texts`` (pool texts asked about) and ``outcome`` in words; ``unasked`` if nothing
        was left to ask it anything.

    Raises:
        Unavailable: It cannot be reached, or has stopped answering.
    """
    facts, sizes = run.evidence.examined[model], run.evidence.sizes
    if lacking := model_costs.is_spent(run.evidence, facts, sizes.folds):
        return _unasked(f"the budget of {lacking} was spent")
    ways = [model]
    if facts["scores"] and run.evidence.profile.labels <= _FEW_LABELS and not run.data.multi_label:
        ways.append(model + LIKELIHOOD)
    heldout = [
        _ask(run, model, ways, fold, "heldout", run.allowance(1 / (sizes.folds - fold)))
        for fold in range(sizes.folds)
    ]
    for k, result in enumerate(heldout):
        run.artifacts[f"heldout {model} {k}"] = result.artifact
    if faults := _why_silent(heldout, ways):
        return _unasked("the budget was spent") if set(faults) == {Fault.BUDGET.value} else _silent(faults)
    models = [*_judged(run), model]
    inputs = {f"fold{k}": run.artifacts[f"teach {k}"] for k in range(sizes.folds)}
    for name in models:
        inputs |= {f"{name} fold{k}": run.artifacts[f"heldout {name} {k}"] for k in range(sizes.folds)}
    params = {"folds": sizes.folds, "models": models}
    audit = run.runner.run("audit", f"with {model}", params, 1.0, **inputs)
    run.artifacts["audit"] = audit.artifact
    run.evidence = run.evidence.evolve(audit=audit.summary)
    weights = audit.summary["weights"]
    used = [way for way in ways if weights[way] > 0]
    right = ", ".join(_told(way, audit.summary) for way in ways)
    if not used:
        return {
            "weight": 0.0,
            "texts": 0,
            "outcome": f"right on held-out gold: {right}; the others are better without it",
        }
    texts = model_costs.texts_to_ask(run.evidence, _measured(heldout))
    if texts:
        kept = model_costs.kept_for_writers(run.evidence)
        about = {fold: texts if fold is None else max(1, texts // (2 * sizes.folds)) for fold in run.folds}
        asked = 0
        for fold, count in about.items():
            share = count / (sum(about.values()) - asked)
            allowance = run.allowance(share, kept.tokens, kept.money)
            result = _ask(run, model, used, fold, count, allowance)
            run.artifacts[f"{CONSULTED}{model} of {fold}"] = result.artifact
            asked += count
    weight = sum(weights[way] for way in used)
    where = f"it labels {texts} unlabelled texts" if texts else "too little is left to ask it about the pool"
    return {
        "weight": weight,
        "texts": texts,
        "outcome": f"right on held-out gold: {right}; {weight:.0%} of the ensemble, {where}",
    }


def _unasked(why: str) -> dict[str, Any]:
    return {"weight": 0.0, "texts": 0, "unasked": True, "outcome": f"not asked: {why}"}


def _silent(faults: Mapping[str, int]) -> dict[str, Any]:
    counted = ", ".join(f"{why} {count}" for why, count in faults.items())
    return {
        "weight": 0.0,
        "texts": 0,
        "unasked": True,
        "outcome": f"it gave no usable answer about any gold text ({counted})",
    }


def _why_silent(results: Sequence[StageResult], ways: Sequence[str]) -> dict[str, int]:
    """Why a model had no opinion on any text: faults to their counts; empty where it had one."""
    for result in results:
        if any(result.summary["abstained"][way] < result.summary["texts"] for way in ways):
            return {}
    faults: Counter[str] = Counter()
    for result in results:
        for account in result.summary["asked"]:
            faults.update(account["faults"])
    return dict(faults) or {"answers of another kind": sum(result.summary["texts"] for result in results)}


def _told(way: str, audit: Mapping[str, Any]) -> str:
    """How often a model was right, of the texts that it answered."""
    accuracy, silent = audit["accuracy"][way], audit["abstained"][way]
    if accuracy is None:
        return f"{way} without an answer"
    return f"{way} {accuracy:.1%}" + (f" ({silent} without an answer)" if silent else "")


def _judged(run: Run[TaskData]) -> list[str]:
    """Models that have been asked about held-out gold before, and said something."""
    return [
        name
        for name, facts in run.evidence.consulted.items()
        if "problem" not in facts and not facts.get("unasked")
    ]


def _ask(
    run: Run[TaskData],
    model: str,
    ways: list[str],
    fold: int | None,
    about: int | str,
    allowance: Mapping[str, Any],
) -> StageResult:
    evidence = run.evidence
    params = run.fold_params(fold) | asked_with(model, TEACHING)
    params |= {**allowance, "model": model, "ways": ways, "about": about}
    inputs = {"teach": run.artifacts[f"teach {fold}"]}
    if about == "heldout":
        texts, what = evidence.profile.gold // evidence.sizes.folds, "gold"
    else:
        inputs["audit"] = run.artifacts["audit"]
        texts, what = int(about), "pool"
    forecast = evidence.examined[model]["text_seconds"] * texts
    return run.runner.run("consult", f"{model}, {what}, {run.fold_name(fold)}", params, forecast, **inputs)


def _measured(results: Sequence[StageResult]) -> dict[str, float]:
    """What a text took, on the average of the stages; where answers came from the store, what they once took."""
    texts = max(1, sum(result.summary["texts"] for result in results))
    asked = [account for result in results for account in result.summary["asked"]]
    calls_s = sum(account["seconds"] for account in asked)
    return {
        "text_seconds": max(calls_s, sum(result.seconds for result in results)) / texts,
        "text_tokens": sum(account["tokens"] for account in asked) / texts,
        "text_money": sum(account["money"] for account in asked) / texts,
    }
