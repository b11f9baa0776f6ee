"""Examples for a classification task that has none: unlabelled texts that speak clearly for a label."""

from __future__ import annotations

from dataclasses import replace

from gts.core.artifacts import StageResult
from gts.orchestrator import costs
from gts.orchestrator.decisions import Decisions, Forecast
from gts.orchestrator.encoders import encoder_of
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.site_models import OUT_OF_REACH, TEACHING, asked_with, in_words
from gts.tasks.dataset import TaskData, load_task

_SHARE = 0.25
"""Of the tokens and money of a job, what may be spent on guessing."""


def prepare(runner: StageRunner, data: TaskData, decisions: Decisions) -> TaskData:
    """Have examples guessed where there are none; all later stages work on these.

    The first language model that the task names as a teacher has the last word on them; where it cannot be asked, a note
    says so and likeness to names and descriptions decides alone.

    Raises:
        DataError: For a label hardly any text is found.
    """
    if data.gold:
        return data
    reason = "no examples: take the unlabelled texts that speak most clearly for a label"
    notes = data.notes
    with decisions.made("guess", reason, Forecast(costs.GUESS_S)) as done:
        result = None
        if data.spec.teachers:
            try:
                result = _guess(runner, data, data.spec.teachers[0])
            except OUT_OF_REACH as error:
                notes = (
                    *notes,
                    f"{data.spec.teachers[0]} was not asked for examples: {in_words(error)}",
                )
        if result is None:
            result = _guess(runner, data, None)
        done(f"{result.summary['guessed']} texts of {len(data.labels)} labels")
    runner.task = result.artifact
    guessed = load_task(runner.store.path(result.artifact), with_pool=False)
    return replace(data, gold=guessed.gold, notes=notes)


def _guess(runner: StageRunner, data: TaskData, model: str | None) -> StageResult:
    params = {**encoder_of(data.spec.language), "model": model}
    if model is not None:
        budget = data.spec.budget
        params |= asked_with(model, TEACHING) | {
            "tokens": None if budget.tokens is None else int(_SHARE * budget.tokens),
            "money": None if budget.money is None else _SHARE * budget.money,
        }
    return runner.run("guess", model or "", params, costs.GUESS_S)
