"""Having a generator write new texts, for each fold from that fold's texts alone."""

from __future__ import annotations

from typing import Any

from gts.core.llm.entries import find
from gts.orchestrator import costs, model_costs
from gts.orchestrator.aims import Aim, aims_of
from gts.orchestrator.choosing import best_trial
from gts.orchestrator.run import Run
from gts.orchestrator.site_models import TEACHING, WRITING, asked_with
from gts.orchestrator.stages.common import fold_of_gold, indicators
from gts.orchestrator.trials import heldout_logits
from gts.tasks.dataset import TaskData, fair_sample
from gts.tasks.spec import EMBEDDED


def generate(run: Run[TaskData], name: str, tier: str) -> dict[str, Any]:
    """Let a generator write for every fold and for all gold; each has an equal share of the tokens and the money.

    More is written for labels on which the student errs.

    Args:
        run: The run.
        name: ``embedded``, or a language model.
        tier: The tier that is to learn from the texts.

    Returns:
        Summary for all gold, with ``artifact``.

    Raises:
        Unavailable: The language model cannot be reached, or has stopped answering.
    """
    sizes, profile = run.evidence.sizes, run.evidence.profile
    forecast = costs.generate_s(profile, sizes, tier) / (sizes.folds + 1)
    own: dict[str, Any] = {"generator": name, "count": costs.GENERATED_PER_LABEL}
    if name != EMBEDDED:
        facts = run.evidence.examined[name]
        entry = find(name)
        own |= asked_with(name, WRITING) | {
            "count": model_costs.texts_to_write(
                run.evidence, facts, costs.generate_s(profile, sizes, tier)
            ).count,
            "search": entry.search,
            "tune": entry.tune,
            "schema": facts["schema"],
        }
        forecast += own["count"] * profile.labels * model_costs.write_s(profile, facts) + model_costs.tune_s(
            facts
        )
    if judges := run.evidence.judges:
        own["judges"] = {judge: asked_with(judge, TEACHING) for judge in judges}
    for judge in judges:
        forecast += own["count"] * profile.labels * run.evidence.examined[judge]["text_seconds"]
    aims = _aims(run)
    for number, fold in enumerate(run.folds):
        params = run.fold_params(fold) | own | {"aim": aims[fold]}
        if name != EMBEDDED or judges:
            params |= run.allowance(1 / (len(run.folds) - number))
        inputs = {
            "teach": run.artifacts[f"teach {fold}"],
            "audit": run.artifacts["audit"],
            **run.consulted(fold),
        }
        if "reviews" in run.artifacts:
            inputs["reviews"] = run.artifacts["reviews"]
        result = run.runner.run("generate", f"{name}, {run.fold_name(fold)}", params, forecast, **inputs)
        run.artifacts[f"generate {name} {fold}"] = result.artifact
    return result.summary | {"artifact": result.artifact}


def _aims(run: Run[TaskData]) -> dict[int | None, Aim]:
    """Where the student to publish errs: for each fold on the other folds' held-out rows, under ``None`` on all."""
    trial = best_trial(run.evidence)
    if trial is None or run.data.multi_label:
        return {fold: {} for fold in run.folds}
    # Its folds are students that teachers taught, also where their seed-only twin is better: these will learn from the texts.
    targets = indicators(run.data)
    fold = fold_of_gold(targets, len(trial.folds), run.data.spec.seed)
    fair = fair_sample(example.origin for example in run.data.gold)
    true, said = targets[fair].argmax(axis=1), heldout_logits(run, trial.folds)[fair].argmax(axis=1)
    return aims_of(true, said, fold[fair], len(trial.folds), run.data.labels)
