"""Stage ``rows.examine``: see what a language model can do, and what it costs to ask it about a row of this task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gts.core.llm.probe import probe
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Scene
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.tasks.rows import load_row_task

_MOST_ROWS = 8


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Ask a model a few questions, some of them about rows of the task.

    Args:
        inputs: ``task``.
        params: ``model`` (its name), ``identity`` (of its weights), ``machine``.
        out: Nothing is written.
        progress: Progress.

    Returns:
        ``logprobs``, ``schema``, ``tokens_per_second``, ``at_once``, ``tries`` and ``tuning_tokens`` (see stage ``examine``; here
        a model only writes as it is), ``text_seconds`` (one row of the task, among others), ``text_tokens``, ``text_money``, and ``asked``: what the calls took.

    Raises:
        Unavailable: The model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    task = load_row_task(inputs["task"])
    craft = craft_of(task.spec.type)
    model = open_model(params["model"])
    progress(0.1, "asking a few questions")
    abilities = probe(model.backend)
    asking = Asking(model, None, None, lambda fraction: None)
    rows = task.gold[:_MOST_ROWS]
    craft.consult(
        Scene(task, task.gold[_MOST_ROWS:] or task.gold, (), (), None), rows, asking, abilities.schema
    )
    account = asking.account()
    progress(1.0, "examined")
    return {
        "logprobs": abilities.logprobs,
        "schema": abilities.schema,
        "tokens_per_second": round(abilities.tokens_per_second, 2),
        "at_once": model.entry.concurrency,
        "tries": 1.0,
        "tuning_tokens": 0,
        "text_seconds": account["seconds"] / len(rows),
        "text_tokens": account["tokens"] / len(rows),
        "text_money": account["money"] / len(rows),
        "asked": [account],
    }
