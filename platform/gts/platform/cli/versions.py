"""Commands about versions: ``promote``, ``rollback``, ``retire``, ``history``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import plain, print_table, short_time, stdout, write_json

_SHORT = 12

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="namespace/name.")]
RevisionName = Annotated[
    str, typer.Argument(metavar="REVISION", help="Commit (7 or more digits), branch, tag or alias.")
]
AliasName = Annotated[
    str, typer.Argument(metavar="ALIAS", help="What to call the revision, such as production.")
]
WhyOption = Annotated[str, typer.Option(help="The reason, for those who read the history.")]
ExpectOption = Annotated[
    str | None,
    typer.Option(
        help="Only if the alias names this commit now; none: only if there is no such alias yet.",
        metavar="COMMIT",
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (promote, rollback, retire, history):
        app.command()(command)


def promote(
    model: ModelName,
    revision: RevisionName,
    alias: AliasName,
    why: WhyOption = "",
    expect: ExpectOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Point an alias such as production at a revision of a model, and keep who did it and why."""
    with connect(url, token, data_dir) as client:
        row = client.promote(model, revision, alias, why=why, expect=expect)
    _told(model, row, as_json)


def rollback(
    model: ModelName,
    alias: AliasName,
    why: WhyOption = "",
    expect: ExpectOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let an alias name the revision that it named before; once more, the one before that."""
    with connect(url, token, data_dir) as client:
        row = client.roll_back(model, alias, why=why, expect=expect)
    _told(model, row, as_json)


def retire(
    model: ModelName,
    revision: RevisionName,
    why: WhyOption = "",
    undo: Annotated[bool, typer.Option("--undo", help="Let it be used again.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a revision out of use: no alias can be pointed at it. By its commit id it is still found."""
    if not undo and not why.strip():
        raise InvalidInput("there is no reason", mend='say why nobody should use it: --why "..."')
    with connect(url, token, data_dir) as client:
        if undo:
            row = client.restore(model, revision, why=why)
        else:
            row = client.retire(model, revision, why=why)
    _told(model, row, as_json)


def history(
    model: ModelName,
    alias: Annotated[str | None, typer.Option(help="Only this alias.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many lines, newest first.", min=1)] = 50,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who moved a model's aliases or retired its revisions, when, from where to where and why."""
    with connect(url, token, data_dir) as client:
        found = list(client.history(model, alias=alias, limit=limit))
    if as_json:
        write_json({"model": model, "promotions": found})
        return
    rows = [(row["alias"] or "–", *_line(row)) for row in found]
    columns = ("alias", "when", "what", "from", "to", "who", "why")
    print_table(columns, rows, "nothing has been promoted yet; `gts promote` does")


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    by = f"job {row['job_id'][:_SHORT]}" if row["job_id"] else row["by"]
    commits = (commit[:_SHORT] if commit else "–" for commit in (row["old"], row["new"]))
    return short_time(row["at"]), row["kind"], *commits, by, row["why"]


def _told(model: str, row: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        write_json({"model": model, **row})
        return
    if row["alias"] is None:
        says = f"{(row['old'] or row['new'])[:_SHORT]} is {'retired' if row['old'] else 'in use again'}"
    else:
        was = f", it was {row['old'][:_SHORT]}" if row["old"] else ""
        says = f"{row['alias']} is {row['new'][:_SHORT]}{was}"
    stdout().print(plain(f"{model}: {says}"), markup=False, soft_wrap=True)
