"""A model that commands can ask: a folder in this process, or one that the platform serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import Forbidden
from gts.platform.cli.options import connect

if TYPE_CHECKING:
    from gts.platform.client import Client
    from gts.student.layout import StudentManifest

_BATCH_ROWS = 256

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model, namespace/name, or a folder.")]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, branch or alias; default: the newest.")]
Row = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A model that can be asked.

    Attributes:
        student: What it is; None where the token may ask the model and not read it.
        ask: What it says of rows, as :meth:`gts.student.opening.AnyStudent.answer` gives it.
    """

    student: StudentManifest | None
    ask: Callable[[Sequence[Mapping[str, Any]]], list[Row]]

    def answers(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Row]]:
        """Each row with what the model says of it; a few are read ahead."""
        iterator = iter(rows)
        while batch := list(islice(iterator, _BATCH_ROWS)):
            yield from zip(batch, self.ask(batch), strict=True)


@contextmanager
def opened_model(
    name: str, revision: str | None, url: str | None, token: str | None, data_dir: Path | None
) -> Iterator[Model]:
    """Open a model by the name that a person gave.

    Raises:
        NotFound: There is no such folder, model or revision.
        ServerUnreachable: The name is none of a folder, and no platform can be asked.
    """
    if Path(name).is_dir() or not is_served_name(name):
        from gts.core.threads import available_cores, limit_threads
        from gts.student.opening import open_student

        limit_threads()
        student = open_student(Path(name), threads=available_cores())
        yield Model(student.manifest, student.answer)
        return
    with connect(url, token, data_dir) as client:
        manifest = served_manifest(client, name, revision)
        yield Model(manifest, lambda rows: client.predict(name, rows, revision=revision))


def is_served_name(name: str) -> bool:
    """Whether a name is that of a served model rather than of a folder."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def served_manifest(client: Client, name: str, revision: str | None) -> StudentManifest | None:
    """What a served model is; None where the token may not read it."""
    from gts.student.layout import MANIFEST, read_manifest

    with TemporaryDirectory() as folder:
        try:
            return read_manifest(
                client.pull(name, Path(folder) / "student", revision=revision, only=(MANIFEST,))
            )
        except Forbidden:
            return None
