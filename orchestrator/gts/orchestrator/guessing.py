"""Examples for a classification task that has none: unlabelled texts that speak clearly for a label."""

from __future__ import annotations

from dataclasses import replace

from gts.orchestrator import costs
from gts.orchestrator.encoders import encoder_of
from gts.orchestrator.runner import StageRunner
from gts.orchestrator.site_models import OUT_OF_REACH, TEACHING, asked_with, in_words
from gts.tasks.dataset import TaskData, load_task

_SHARE = 0.25
"""Of the tokens and money of a job, what may be spent on guessing."""


def prepare(runner: StageRunner, data: TaskData) -> TaskData:
    """Have examples guessed where there are none; all later stages work on these.

    The first language model that the task names as a teacher has the last word on them; where it cannot be asked, a note
    says so and likeness to names and descriptions decides alone.

    Raises:
        DataError: For a label hardly any text is found.
    """
    if data.gold:
        return data
    result, notes = None, data.notes
    params = encoder_of(data.spec.language)
    for name in data.spec.teachers[:1]:
        budget = data.spec.budget
        allowed = {
            "tokens": None if budget.tokens is None else int(_SHARE * budget.tokens),
            "money": None if budget.money is None else _SHARE * budget.money,
        }
        try:
            asked = {"model": name, **asked_with(name, TEACHING), **allowed}
            result = runner.run("guess", name, params | asked, costs.GUESS_S)
        except OUT_OF_REACH as error:
            notes = (*notes, f"{name} was not asked for examples: {in_words(error)}")
    if result is None:
        result = runner.run("guess", "", params | {"model": None}, costs.GUESS_S)
    runner.task = result.artifact
    guessed = load_task(runner.store.path(result.artifact), with_pool=False)
    return replace(data, gold=guessed.gold, notes=notes)
