"""The command ``check``."""

from __future__ import annotations

import typer

from gts.platform.cli.jobs import TaskArgument
from gts.platform.cli.options import JsonFlag, LabelColumnOption, TextColumnOption
from gts.platform.cli.output import write_json
from gts.platform.cli.understood import print_preview


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(check)


def check(
    task: TaskArgument,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read and check a task here, without a server, and look over its labels; nothing is started."""
    from gts.orchestrator.site_models import check_models
    from gts.tasks.preview import preview
    from gts.tasks.taskfile import load_task_file

    data = load_task_file(task, text_column=text_column, label_column=label_column)
    check_models(data.spec)
    understood = preview(data)
    if as_json:
        write_json(understood)
    else:
        print_preview(understood)
