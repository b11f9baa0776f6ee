"""The command ``export``: a student in the form of another tool."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gts.core.blobs import storage_errors
from gts.core.errors import Conflict, InvalidInput
from gts.platform.cli.asking import ModelArgument, RevisionOption, is_served_name
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import stdout, write_json

Export = Callable[[Path, Path], None]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(export)


def export(
    model: ModelArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="File or folder to write.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="tar, transformers.js, mlflow (any student) or mlflow-transformers (transformer classifiers).",
        ),
    ] = "tar",
    revision: RevisionOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a student in the form of another tool."""
    write = _exporter(form)
    if output.exists():
        raise Conflict(f"{str(output)!r} is there already", mend="name a path where nothing is, or remove it")
    with _folder_of(model, revision, url, token, data_dir) as folder, storage_errors(output.name):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".part-") as temporary:
            part = Path(temporary) / output.name
            write(folder, part)
            shutil.move(part, output)
    if as_json:
        write_json({"model": model, "format": form, "output": str(output)})
    else:
        stdout().print(str(output), markup=False, soft_wrap=True)


def _exporter(form: str) -> Export:
    known = _formats()
    if form not in known:
        raise InvalidInput(f"{form!r} is no format of export", mend=f"one of {', '.join(known)}")
    return known[form]


def _formats() -> Mapping[str, Export]:
    from gts.student.exchange.archives import pack
    from gts.student.exchange.mlflow import save_mlflow
    from gts.student.exchange.transformers_js import write_transformers_js

    return {
        "tar": pack,
        "transformers.js": write_transformers_js,
        "mlflow": save_mlflow,
        "mlflow-transformers": lambda student, out: save_mlflow(student, out, "transformers"),
    }


@contextmanager
def _folder_of(
    name: str, revision: str | None, url: str | None, token: str | None, data_dir: Path | None
) -> Iterator[Path]:
    if Path(name).is_dir() or not is_served_name(name):
        from gts.student.layout import read_manifest

        read_manifest(Path(name))
        yield Path(name)
        return
    with connect(url, token, data_dir) as client, tempfile.TemporaryDirectory() as temporary:
        yield client.pull(name, Path(temporary) / name.rpartition("/")[2], revision=revision)
