"""A model that commands can ask: a folder in this process, or one that the platform serves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import Forbidden, GTSError, InvalidInput
from gts.platform.cli.options import connect

if TYPE_CHECKING:
    from gts.platform.client import Client
    from gts.student.layout import StudentManifest
    from gts.student.opening import AnyStudent

_BATCH_ROWS = 256

ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model, namespace/name or namespace/name@revision, or a folder."),
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, branch or alias; default: the newest.")]
Row = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A model that can be asked.

    Attributes:
        student: What it is; None where the token may ask the model and not read it.
        answers: Each row with what the model says of it, as :meth:`gts.student.opening.AnyStudent.answer` gives it; some are
            read ahead.
        leaves_open: Whether it may leave rows without an answer.
    """

    student: StudentManifest | None
    answers: Callable[[Iterable[Row]], Iterator[tuple[Row, Row]]]
    leaves_open: bool = False


@dataclass(frozen=True)
class Bound:
    """A bound on errors.

    Attributes:
        max_error: Share of wrong answers to be expected among those that a student gives.
        fallback: The language model that answers the rest.
    """

    max_error: float
    fallback: str | None = None


@contextmanager
def opened_model(
    name: str,
    revision: str | None,
    url: str | None,
    token: str | None,
    data_dir: Path | None,
    bound: Bound | None = None,
    *,
    is_test: bool = False,
) -> Iterator[Model]:
    """Open a model by the name that a person gave, to be asked within a bound on its errors if there is one.

    What tests it is not kept as traffic.

    Raises:
        NotFound: There is no such folder, model or revision.
        ServerUnreachable: The name is none of a folder, and no platform can be asked.
    """
    if Path(name).is_dir() or not is_served_name(name):
        from gts.core.threads import available_cores, limit_threads
        from gts.student.opening import open_student

        limit_threads()
        student = open_student(Path(name), threads=available_cores())
        asker = _folder_asker(student, bound)
        yield Model(student.manifest, lambda rows: _in_batches(asker, rows), bound is not None)
        return
    name, revision = split_revision(name, revision)
    with connect(url, token, data_dir) as client:
        manifest = served_manifest(client, name, revision)
        if bound is None:
            yield Model(manifest, lambda rows: _of_platform(client, name, revision, rows, is_test))
            return

        def ask(batch: list[Row]) -> list[Row]:
            found = client.cascade(
                name, batch, max_error=bound.max_error, fallback=bound.fallback, revision=revision
            )
            answers: list[Row] = found["predictions"]
            return answers

        yield Model(manifest, lambda rows: _in_batches(ask, rows), leaves_open=True)


def _folder_asker(student: AnyStudent, bound: Bound | None) -> Callable[[list[Row]], list[Row]]:
    if bound is None:
        return student.answer
    if bound.fallback is not None:
        raise InvalidInput(
            "a folder has no platform behind it whose language models could answer",
            mend="ask a model of the platform, namespace/name, or leave --fallback out",
        )
    from gts.platform.cascade import cascade

    return lambda batch: cascade(student.manifest, batch, student.answer(batch), bound.max_error).answers


def _in_batches(ask: Callable[[list[Row]], list[Row]], rows: Iterable[Row]) -> Iterator[tuple[Row, Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH_ROWS)):
        yield from zip(batch, ask(batch), strict=True)


def _of_platform(
    client: Client, name: str, revision: str | None, rows: Iterable[Row], is_test: bool
) -> Iterator[tuple[Row, Row]]:
    from gts.platform.remote import error_told

    sent: deque[Row] = deque()

    def noted() -> Iterator[Row]:
        for row in rows:
            sent.append(row)
            yield row

    for said in client.predict_lines(name, noted(), revision=revision, test=is_test):
        if "error" in said:
            raise error_told(said["error"])
        yield sent.popleft(), said


def is_served_name(name: str) -> bool:
    """Whether a name is that of a served model rather than of a folder."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def served_manifest(client: Client, name: str, revision: str | None) -> StudentManifest | None:
    """What a served model is; None where the token may not read it."""
    from gts.student.layout import MANIFEST, read_manifest

    with TemporaryDirectory() as folder:
        try:
            pulled = client.pull(name, Path(folder) / "student", revision=revision, only=(MANIFEST,))
        except Forbidden:
            return None
        if not (pulled / MANIFEST).is_file():
            raise InvalidInput(
                f"{name} holds no {MANIFEST}, so it is no student that could be asked",
                mend=f"load it with its own library: `hf download {name}` under HF_ENDPOINT",
            )
        try:
            return read_manifest(pulled)
        except GTSError as error:
            raise error.naming(str(pulled), name) from error


def split_revision(model: str, revision: str | None) -> tuple[str, str | None]:
    """Name and revision of ``namespace/name@revision``.

    Raises:
        InvalidInput: A revision is given twice, or it is no name of a model.

    Example:
        >>> split_revision("local/tickets@production", None), split_revision("local/tickets", None)
        (('local/tickets', 'production'), ('local/tickets', None))
    """
    name, _, at = model.partition("@")
    if at and revision:
        raise InvalidInput(
            f"two revisions are given: {at!r} and {revision!r}",
            mend="give one of them, after @ or with --revision",
        )
    if not is_served_name(name):
        raise InvalidInput(f"{model!r} is neither a folder nor a model", mend="write it as namespace/name")
    return name, at or revision
