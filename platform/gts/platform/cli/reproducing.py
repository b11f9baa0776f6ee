"""The command ``reproduce``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gts.core.errors import GTSError, InvalidInput
from gts.platform.cli.asking import RevisionOption, split_revision
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect, settings_of
from gts.platform.cli.output import plain, stderr, stdout, write_json

if TYPE_CHECKING:
    from gts.platform.versions_reproduction import Reproduction

_DIFFERENT = 1


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(reproduce)


def reproduce(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="namespace/name, namespace/name@revision, or a folder.")
    ],
    revision: RevisionOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a student again and say whether it is the same to the byte; exit code 0 if so, 1 if not.

    Run it where the platform keeps its data: the stages are run here, in this process, from the stored task.
    """
    settings = settings_of(data_dir=data_dir)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(model)
        if not folder.is_dir():
            name, found = split_revision(model, revision)
            folder = Path(temporary) / "student"
            with connect(url, token, data_dir) as client:
                client.pull(name, folder, revision=found)
        try:
            result = _reproduce(folder, settings.store_root)
        except GTSError as error:
            raise error.naming(str(folder), model) from error
    if as_json:
        write_json(result.as_json())
    else:
        stdout().print(plain(f"{model}: {result.sentence}"), markup=False, soft_wrap=True)
        if result.first:
            stdout().print(f"the first stage that gave other bytes: {result.first}", markup=False)
        for line in result.surroundings:
            stdout().print(plain(f"what is not as it was: {line}"), markup=False, soft_wrap=True)
    if not result.is_same:
        raise typer.Exit(_DIFFERENT)


def _reproduce(folder: Path, store_root: Path) -> Reproduction:
    from gts.core.threads import limit_threads
    from gts.student.layout import read_lineage

    cores = (read_lineage(folder).get("environment") or {}).get("cores")
    limit_threads(cores if isinstance(cores, int) else None)  # before anything brings torch
    from gts.core.artifacts import ArtifactStore
    from gts.orchestrator.stages import STAGES
    from gts.platform.versions_reproduction import reproduce

    if not store_root.is_dir():
        raise InvalidInput(
            f"there is no store at {store_root}", mend="give the platform's folder: --data-dir, or GTS_HOME"
        )
    console = stderr()

    def on_stage(number: int, total: int, name: str) -> None:
        console.print(f"stage {number} of {total}: {plain(name)}", markup=False)

    try:
        return reproduce(folder, ArtifactStore(store_root), STAGES, on_stage)
    except GTSError as error:
        for line in error.details.get("surroundings", ()):
            console.print(plain(f"what is not as it was: {line}"), markup=False, soft_wrap=True)
        raise
