"""Commands about published models: ``models``, ``alias``, ``pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gts.platform.cli.asking import RevisionOption, split_revision
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import print_table, short_time, stdout, write_json


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (models, alias, pull):
        app.command()(command)


def models(
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the published models."""
    with connect(url, token, data_dir) as client:
        found = client.models()
    if as_json:
        write_json({"models": found})
        return
    rows = [(model["id"], model["commit"][:12], short_time(model["updated_at"])) for model in found]
    columns = ("model", "commit", "published")
    print_table(columns, rows, "no models yet; a finished job publishes one", spare=1)


def alias(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="namespace/name.")],
    name: Annotated[
        str, typer.Argument(metavar="ALIAS", help="What to call the revision, such as production.")
    ],
    revision: Annotated[str, typer.Option(help="Commit, branch, tag or alias.")] = "main",
    remove: Annotated[bool, typer.Option("--remove", help="Forget the alias; the revision stays.")] = False,
    why: Annotated[str, typer.Option(help="The reason, for those who read the history.")] = "",
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a model's revision a name that can move, for serving and downloads."""
    with connect(url, token, data_dir) as client:
        if remove:
            client.remove_alias(model, name, why=why)
            commit = None
        else:
            commit = client.set_alias(model, name, revision=revision, why=why)
    if as_json:
        write_json({"model": model, "alias": name, "commit": commit})
    else:
        says = f"is {commit[:12]}" if commit else "is no longer a name"
        stdout().print(f"{model}@{name} {says}", markup=False, soft_wrap=True)


def pull(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="namespace/name, or namespace/name@revision.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to; default: ./NAME.")
    ] = None,
    revision: RevisionOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Download a model and check its digests."""
    model, revision = split_revision(model, revision)
    folder = output or Path(model.rpartition("/")[2])
    with connect(url, token, data_dir) as client:
        path = client.pull(model, folder, revision=revision)
    if as_json:
        write_json({"model": model, "model_dir": str(path)})
    else:
        stdout().print(str(path), markup=False, soft_wrap=True)
