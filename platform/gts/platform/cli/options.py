"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gts.platform.client import Client
    from gts.platform.settings import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for programs.")]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="GTS_URL", help="Address of the platform; default: the local one."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="GTS_TOKEN", show_envvar=True, help="Access token; default: the local one."
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the platform; default: $GTS_HOME, else ~/.gts."),
]

TextColumnOption = Annotated[
    str | None,
    typer.Option("--text-column", help="Name of the text column, where it is not found by itself."),
]
LabelColumnOption = Annotated[str | None, typer.Option("--label-column", help="The same for the labels.")]


def connect(url: str | None, token: str | None, data_dir: Path | None) -> Client:
    """The client for a command's options."""
    from gts.platform.client import Client

    return Client(url, token, data_dir=data_dir)


def settings_of(**flags: Any) -> Settings:
    """The settings under a command's options."""
    from gts.platform.settings import load_settings

    return load_settings(flags)
