"""The command ``traffic``: what a model is asked, whether it looks like what it was made for, and learning from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gts.core.errors import InvalidInput
from gts.platform.cli.asking import RevisionOption
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import plain, print_table, short_time, stdout, write_json

_SHOW = "show"
_ROW_CHARS = 60

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="namespace/name.")]


class _ModelFirst(TyperGroup):
    """``gts traffic MODEL`` for ``gts traffic show MODEL``: names of models hold a slash, those of commands never."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front that was not named."""
        if args and args != ["--help"] and not self.commands.keys() & set(args):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


traffic_app = typer.Typer(
    cls=_ModelFirst,
    help="What a model is asked: `gts traffic MODEL` says whether it looks like what the model was made for.",
    no_args_is_help=True,
)


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    app.add_typer(traffic_app, name="traffic")


@traffic_app.command(_SHOW)
def show(
    model: ModelName,
    revision: RevisionOption = None,
    days: Annotated[
        int | None, typer.Option(help="How far back is looked.", show_default="30", min=1)
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold what a model is asked against what it was made for."""
    with connect(url, token, data_dir) as client:
        found = client.traffic(model, revision=revision, days=days)
    if as_json:
        write_json(found)
        return
    _say(f"{model}: {found['sentence']}")
    _say(_logging_line(found["logging"]))
    if found["shifts"]:
        columns = ("quantity", "verdict", "index", "by chance", "in training", "now")
        print_table(columns, [_cells(shift) for shift in found["shifts"]], "")


@traffic_app.command("log")
def log(
    model: ModelName,
    share: Annotated[
        float | None, typer.Option(help="Share of the rows that is kept, 0 to 1.", min=0, max=1)
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Do as the installation's setting says.")
    ] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what is kept of what a model is asked."""
    if default == (share is not None):
        raise InvalidInput(
            "either a share or the default", mend="write --share 1, --share 0.1, --share 0 or --default"
        )
    with connect(url, token, data_dir) as client:
        found = client.log_traffic(model, share)
    if as_json:
        write_json(found["logging"])
    else:
        _say(f"{model}: {_logging_line(found['logging'])}")


@traffic_app.command("rows")
def rows(
    model: ModelName,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1)] = 50,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what a model was asked, as far as it is kept; with --json each row with its whole answer, one a line."""
    with connect(url, token, data_dir) as client:
        found = list(client.traffic_rows(model, limit=limit))
    if as_json:
        for row in found:
            write_json(row)
        return
    lines = [(short_time(row["at"]), _sure(row["confidence"]), _short(row["row"])) for row in found]
    print_table(("when", "confidence", "row"), lines, "nothing is kept; `gts traffic log` changes that")


@traffic_app.command("clear")
def clear(
    model: ModelName,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Forget what a model was asked. Jobs that have learnt from some of it have that in their data."""
    with connect(url, token, data_dir) as client:
        deleted = client.clear_traffic(model)
    if as_json:
        write_json({"model": model, "deleted": deleted})
    else:
        _say(f"{model}: {deleted:,} row{'' if deleted == 1 else 's'} forgotten")


@traffic_app.command("improve")
def improve(
    model: ModelName,
    rows: Annotated[
        int | None, typer.Option(help="At most so many rows.", show_default="2000", min=1)
    ] = None,
    questions: Annotated[
        int | None,
        typer.Option(
            help="Questions that you are willing to answer from here on.", show_default="as before", min=0
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Seconds of all stages.", show_default="as before", min=1)
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let the job that made a model go on with recent traffic among its unlabelled rows."""
    with connect(url, token, data_dir) as client:
        found = client.improve(model, rows=rows, questions=questions, seconds=seconds)
    if as_json:
        write_json(found)
        return
    unsure = f", {found['unsure']:,} of them since the model was least sure there" if found["unsure"] else ""
    _say(f"job {found['job']['id']} goes on with {found['added']:,} new rows of {found['kept']:,}{unsure}")


def _say(text: str) -> None:
    stdout().print(plain(text), markup=False, soft_wrap=True)


def _logging_line(logging: Mapping[str, Any]) -> str:
    who = f"chosen by {logging['chosen_by']}" if logging["chosen_by"] else "the installation's setting"
    line = f"{logging['share']:.0%} of the rows are kept ({who}); {logging['kept']:,} there now"
    return line + (f", {logging['dropped']:,} could not be kept" if logging["dropped"] else "")


def _cells(shift: Mapping[str, Any]) -> tuple[str, ...]:
    typical = [
        "–" if value is None else f"{value:.3g}" for value in (shift["typical_then"], shift["typical_now"])
    ]
    verdict = shift["verdict"] if shift["verdict"] == "same" else f"moved ({shift['verdict']})"
    return shift["quantity"], verdict, f"{shift['index']:.2f}", f"{shift['by_chance']:.2f}", *typical


def _sure(confidence: float | None) -> str:
    return "–" if confidence is None else f"{confidence:.0%}"


def _short(row: Mapping[str, Any]) -> str:
    texts = [row[key] for key in ("text", "text_a", "text_b") if key in row]
    said = " | ".join(texts) or json.dumps(row, ensure_ascii=False)
    return said if len(said) <= _ROW_CHARS else said[: _ROW_CHARS - 1] + "…"
