"""Asking a language model as a teacher: first about gold texts, to judge it; about the pool only if it earns its place."""

from __future__ import annotations

from typing import Any

from gts.core.llm.entries import find
from gts.orchestrator import costs
from gts.orchestrator.run import Run
from gts.orchestrator.stages.beliefs import CONSULTED, LIKELIHOOD
from gts.tasks.dataset import TaskData

_FEW_LABELS = 20
"""Beyond these, weighing the words of every label takes longer than it is worth."""


def consult(run: Run[TaskData], model: str) -> dict[str, Any]:
    """Let a model label the held-out gold of each fold, audit it, and let it label pool texts if it has a weight.

    Returns:
        ``weight`` (of all its ways together), ``texts`` (pool texts asked about) and ``outcome`` in words.

    Raises:
        Unavailable: It cannot be reached, or has stopped answering.
    """
    facts, sizes = run.evidence.examined[model], run.evidence.sizes
    ways = [model]
    if facts["scores"] and run.evidence.profile.labels <= _FEW_LABELS and not run.data.multi_label:
        ways.append(model + LIKELIHOOD)
    heldout = [_ask(run, model, ways, fold, "heldout") for fold in range(sizes.folds)]
    models = [*_judged(run), model]
    inputs = {f"fold{k}": run.artifacts[f"teach {k}"] for k in range(sizes.folds)}
    for k, result in enumerate(heldout):
        run.artifacts[f"heldout {model} {k}"] = result.artifact
    for name in models:
        inputs |= {f"{name} fold{k}": run.artifacts[f"heldout {name} {k}"] for k in range(sizes.folds)}
    params = {"folds": sizes.folds, "models": models}
    audit = run.runner.run("audit", f"with {model}", params, 1.0, **inputs)
    run.artifacts["audit"] = audit.artifact
    run.evidence = run.evidence.evolve(audit=audit.summary)
    weights = audit.summary["weights"]
    used = [way for way in ways if weights[way] > 0]
    right = ", ".join(f"{way} {audit.summary['accuracy'][way]:.1%}" for way in ways)
    if not used:
        return {
            "weight": 0.0,
            "texts": 0,
            "outcome": f"right on held-out gold: {right}; the others are better without it",
        }
    texts = costs.texts_to_ask(run.evidence, _measured(heldout))
    if texts:
        for fold in run.folds:
            about = texts if fold is None else max(1, texts // (2 * sizes.folds))
            result = _ask(run, model, used, fold, about)
            run.artifacts[f"{CONSULTED}{model} of {fold}"] = result.artifact
    weight = sum(weights[way] for way in used)
    where = f"it labels {texts} unlabelled texts" if texts else "too little is left to ask it about the pool"
    return {
        "weight": weight,
        "texts": texts,
        "outcome": f"right on held-out gold: {right}; {weight:.0%} of the ensemble, {where}",
    }


def _judged(run: Run[TaskData]) -> list[str]:
    """Models that have been asked about held-out gold before."""
    return [name for name, facts in run.evidence.consulted.items() if "problem" not in facts]


def _ask(run: Run[TaskData], model: str, ways: list[str], fold: int | None, about: int | str) -> Any:
    run.take_stock()
    evidence = run.evidence
    params = run.fold_params(fold) | {
        "model": model,
        "identity": find(model).identity(),
        "ways": ways,
        "about": about,
        "tokens": evidence.left_tokens,
        "money": evidence.left_money,
    }
    inputs = {"teach": run.artifacts[f"teach {fold}"]}
    if about == "heldout":
        texts, what = evidence.profile.gold // evidence.sizes.folds, "gold"
    else:
        inputs["audit"] = run.artifacts["audit"]
        texts, what = int(about), "pool"
    forecast = evidence.examined[model]["text_seconds"] * texts
    return run.runner.run("consult", f"{model}, {what}, {run.fold_name(fold)}", params, forecast, **inputs)


def _measured(results: list[Any]) -> dict[str, float]:
    """What a text took, on the average of the stages."""
    texts = max(1, sum(result.summary["texts"] for result in results))
    asked = [account for result in results for account in result.summary["asked"]]
    return {
        "text_seconds": sum(result.seconds for result in results) / texts,
        "text_tokens": sum(account["tokens"] for account in asked) / texts,
        "text_money": sum(account["money"] for account in asked) / texts,
    }
