"""The command ``plan``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gts.platform.cli.jobs import TaskArgument
from gts.platform.cli.options import DataDirOption, JsonFlag, LabelColumnOption, TextColumnOption, settings_of
from gts.platform.cli.output import plain, print_table, stdout, write_json

_WIDTH = 40
_PERCENT = 100


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(plan)


def plan(
    task: TaskArgument,
    strategy: Annotated[
        str | None, typer.Option(help="Another strategy than the task's: greedy, fixed, all, seed-only.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a job would do, what it takes and what it promises; only the data is counted and this machine timed."""
    from gts.core.threads import limit_threads

    limit_threads()
    from gts.platform.logs import set_up_logging
    from gts.tasks.document import spec_of
    from gts.tasks.taskfile import load_task_file

    settings = settings_of(data_dir=data_dir)
    set_up_logging("warning" if settings.log_level == "info" else settings.log_level)
    data = load_task_file(task, text_column=text_column, label_column=label_column)
    if strategy is not None:
        import dataclasses

        document = data.spec.model_dump(mode="json")
        document["planner"] = {**document["planner"], "strategy": strategy}
        data = dataclasses.replace(data, spec=spec_of(document))
    from gts.core.artifacts import ArtifactStore
    from gts.orchestrator.planning import plan_task

    found = plan_task(data, ArtifactStore(settings.store_root)).as_json()
    write_json(found) if as_json else print_plan(found)


def print_plan(plan: Mapping[str, Any]) -> None:
    """A plan on standard output: its steps, the curve of quality over cost, and what it rests on."""
    console = stdout()
    rows = [
        (
            step["action"],
            f"{step['seconds']:.0f} s",
            f"{step['tokens']:,}" if step["tokens"] else "",
            f"{step['money']:.4g}" if step["money"] else "",
            _interval(step),
            plain(step["reason"]),
        )
        for step in plan["steps"]
    ]
    print_table(("step", "takes", "tokens", "money", plan["metric"], "why"), rows, "nothing to do", spare=5)
    last = None
    for step in plan["steps"]:
        if step["value"] is not None and step["value"] != last:
            last = step["value"]
            bar = "#" * round(_WIDTH * last)
            console.print(f"{step['spent_s']:7.0f} s  {bar} {_PERCENT * last:.0f}%", markup=False)
    whole = plan["steps"][-1]["spent_s"] if plan["steps"] else 0.0
    total = f"{plan['strategy']}: {whole:.0f} s, {whole - plan['seconds']:.0f} of them for counting the data"
    if plan["tokens"]:
        total += f", {plan['tokens']:,} tokens, {plan['money']:.4g} of money"
    if whole > plan["budget_s"]:
        total += (
            f"; that is more than the budget of {plan['budget_s']:g} s, for it is the least that a job does"
        )
    console.print(f"{total}; {plan['basis']}", markup=False, soft_wrap=True)


def _interval(step: Mapping[str, Any]) -> str:
    if step["value"] is None:
        return ""
    return f"{step['value']:.2f} ({step['low']:.2f} to {step['high']:.2f})"
