"""The command ``predict``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.asking import Bound, Model, ModelArgument, RevisionOption, Row, opened_model
from gts.platform.cli.findings import finding_lines
from gts.platform.cli.options import DataDirOption, JsonFlag, TextColumnOption, TokenOption, UrlOption
from gts.platform.cli.output import plain, stderr, write_json, write_line

if TYPE_CHECKING:
    from gts.student.layout import StudentManifest

_FOUND = ("entities", "relations", "events")


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(predict)


def predict(
    model: ModelArgument,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; for a similarity model two.")
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Texts, pairs or rows in a file: JSONL, CSV, text ..."),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where predictions go, as JSON lines.")
    ] = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            help="Answer only where at most this share of answers is to be expected wrong (classifiers)."
        ),
    ] = None,
    fallback: Annotated[
        str | None, typer.Option(metavar="NAME", help="Language model of the platform that answers the rest.")
    ] = None,
    revision: RevisionOption = None,
    text_column: TextColumnOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a model of any task type, from a folder or served by the platform.

    A file is streamed: a line of output is written for each row of input, whatever its length.
    """
    if bool(texts) == (input_file is not None):
        raise InvalidInput(
            "texts are expected, or a file of them", mend="gts predict MODEL TEXT..., or --input FILE"
        )
    if fallback is not None and max_error is None:
        raise InvalidInput(
            "--fallback was given without --max-error", mend="say how many errors are bearable"
        )
    bound = None if max_error is None else Bound(max_error, fallback)
    with opened_model(model, revision, url, token, data_dir, bound) as asked:
        if input_file is None:
            _predict_texts(asked, texts or [], output_file, as_json)
        else:
            told = _predict_file(asked, input_file, output_file, text_column)
            if as_json and output_file is not None:
                write_json({**told, "output": str(output_file)})


def rows_of(student: StudentManifest | None, texts: Sequence[str]) -> list[Row]:
    """The rows that texts on the command line stand for.

    Raises:
        InvalidInput: The student takes something else.
    """
    if student is not None and student.task.type == "similarity":
        if len(texts) != 2:
            number = "one text was" if len(texts) == 1 else f"{len(texts)} texts were"
            raise InvalidInput(
                f"{number} given; a similarity model compares two",
                mend="gts predict MODEL TEXT TEXT, or pairs in a file: --input FILE",
            )
        return [{"text_a": texts[0], "text_b": texts[1]}]
    if student is not None and student.entities_given:
        raise InvalidInput(
            "this model tells relations between given entities, and a text alone has none",
            mend='give rows such as {"text": "...", "entities": [{"start": 0, "end": 3}]} in a file: --input FILE',
        )
    return [{"text": text} for text in texts]


def _predict_texts(model: Model, texts: Sequence[str], output_file: Path | None, as_json: bool) -> None:
    found = list(model.answers(rows_of(model.student, texts)))
    told = [{**row, **said} for row, said in found]
    if output_file is not None:
        _write_lines(output_file, told)
    if as_json:
        write_json({"predictions": told})
    elif output_file is None:
        for row, said in found:
            # What is found in a text is told without it: of several, one must see which it was.
            titled = len(found) > 1 and any(name in said for name in _FOUND)
            if titled:
                write_line(plain(row["text"]))
            for line in finding_lines(row, said):
                write_line(f"  {line}" if titled else line)


def _predict_file(
    model: Model, input_file: Path, output_file: Path | None, text_column: str | None
) -> dict[str, int]:
    """Ask about the rows of a file; how many there were, and how many were left open where that may be."""
    from gts.platform.datafiles import read_asked

    there = output_file is not None and output_file.exists() and input_file.exists()
    if there and output_file is not None and output_file.samefile(input_file):
        raise InvalidInput(
            f"{input_file} is to be read and written at once", mend="give another file to --output"
        )
    count, left_open = 0, 0

    def told() -> Iterator[Row]:
        nonlocal count, left_open
        for row, said in model.answers(read_asked(input_file, model.student, text_column)):
            count += 1
            left_open += "answered_by" in said and said["answered_by"] is None
            yield {**row, **said}

    _write_lines(output_file, told())
    is_pairs = model.student is not None and model.student.task.type == "similarity"
    also = f", {left_open} left open" if left_open else ""
    stderr().print(f"{count} {'pairs' if is_pairs else 'texts'}{also}")
    return {"n": count, **({"left_open": left_open} if model.leaves_open else {})}


def _write_lines(path: Path | None, rows: Iterable[Row]) -> None:
    """Rows as JSON lines; what a file held before stays until there is a first row to write in its place."""
    rows = iter(rows)
    first = list(islice(rows, 1))
    with _writing(path) as handle:
        for row in chain(first, rows):
            _write_line(handle, row)


@contextmanager
def _writing(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    # Half a surrogate pair becomes the escape that JSON has for it.
    with path.open("w", encoding="utf-8", errors="backslashreplace") as handle:
        yield handle


def _write_line(handle: TextIO, value: dict[str, Any]) -> None:
    handle.write(json.dumps(value, ensure_ascii=handle is sys.stdout) + "\n")
