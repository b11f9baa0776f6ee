"""Commands for jobs that are there: ``change``, ``cancel``, ``continue``, ``finish``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gts.platform.cli.jobs import JobArgument, limits_line
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import stdout, write_json

_NONE = "none"


def _limit(help: str) -> Any:
    return typer.Option(help=f"{help} `{_NONE}` takes the limit away.", metavar="LIMIT")


SecondsOption = Annotated[
    str | None, _limit("Seconds of all stages together, from here on; stages that are found again count.")
]
MoneyOption = Annotated[str | None, _limit("What language models may cost altogether.")]
TokensOption = Annotated[str | None, _limit("Tokens that language models may read and write altogether.")]
QuestionsOption = Annotated[str | None, _limit("Questions that you are willing to answer altogether.")]
TargetOption = Annotated[str | None, _limit("Where the measure is good enough, between 0 and 1.")]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for name, command in (
        ("change", change),
        ("cancel", cancel),
        ("continue", continue_),
        ("finish", finish),
    ):
        app.command(name)(command)


def change(
    job_id: JobArgument,
    seconds: SecondsOption = None,
    money: MoneyOption = None,
    tokens: TokensOption = None,
    questions: QuestionsOption = None,
    target: TargetOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change budget or target of a job; a running one heeds it at its next decision."""
    wishes = _wishes(target, seconds=seconds, money=money, tokens=tokens, questions=questions)
    with connect(url, token, data_dir) as client:
        found = client.change(job_id, **wishes)
    _tell(found, f"is {found['state']} with other limits", as_json)


def cancel(
    job_id: JobArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Cancel a job; what it finished so far stays cached."""
    with connect(url, token, data_dir) as client:
        found = client.cancel(job_id)
    state = "will be cancelled within seconds" if found["state"] == "running" else f"is {found['state']}"
    _tell(found, state, as_json, limits=False)


def continue_(
    job_id: JobArgument,
    seconds: SecondsOption = None,
    money: MoneyOption = None,
    tokens: TokensOption = None,
    questions: QuestionsOption = None,
    target: TargetOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Go on with a job that has ended or waits for you, with more budget or another target."""
    wishes = _wishes(target, seconds=seconds, money=money, tokens=tokens, questions=questions)
    with connect(url, token, data_dir) as client:
        found = client.continue_job(job_id, **wishes)
    _tell(found, "is in the queue again", as_json)


def finish(
    job_id: JobArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that the student of a job that waits for your answers is good enough."""
    with connect(url, token, data_dir) as client:
        found = client.finish(job_id)
    _tell(found, f"has {found['state']}; its model is {found['model']}", as_json, limits=False)


def _wishes(target: str | None, **limits: str | None) -> dict[str, dict[str, Any]]:
    budget = {name: _value(value) for name, value in limits.items() if value is not None}
    goal = {} if target is None else {"target": _value(target)}
    return {"budget": budget, "goal": goal}


def _value(given: str) -> str | None:
    return None if given.strip().casefold() == _NONE else given


def _tell(job: dict[str, Any], what: str, as_json: bool, *, limits: bool = True) -> None:
    if as_json:
        write_json(job)
        return
    stdout().print(f"job {job['id']} {what}", markup=False, soft_wrap=True)
    for part in ("budget", "goal") if limits else ():
        if line := limits_line(job[part]):
            stdout().print(f"{part:<10}{line}", markup=False, soft_wrap=True)
