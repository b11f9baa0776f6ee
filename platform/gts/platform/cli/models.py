"""Commands about models: ``models``, ``alias``, ``pull``, ``predict``, ``evaluate``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.options import (
    DataDirOption,
    JsonFlag,
    LabelColumnOption,
    TextColumnOption,
    TokenOption,
    UrlOption,
    connect,
)
from gts.platform.cli.output import plain, print_table, short_time, stderr, stdout, write_json, write_line

_T = TypeVar("_T")
_BATCH_TEXTS = 256
_SHOWN_SCORES = 3

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model, namespace/name, or a folder.")]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, branch or alias; default: the newest.")]
Ask = Callable[[Sequence[str]], list[dict[str, Any]]]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (models, alias, pull, predict, evaluate):
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
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a model's revision a name that can move, for serving and downloads."""
    with connect(url, token, data_dir) as client:
        if remove:
            client.remove_alias(model, name)
            commit = None
        else:
            commit = client.set_alias(model, name, revision=revision)
    if as_json:
        write_json({"model": model, "alias": name, "commit": commit})
    else:
        says = f"is {commit[:12]}" if commit else "is no longer a name"
        stdout().print(f"{model}@{name} {says}", markup=False, soft_wrap=True)


def pull(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="namespace/name.")],
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
    folder = output or Path(model.rpartition("/")[2])
    with connect(url, token, data_dir) as client:
        path = client.pull(model, folder, revision=revision)
    if as_json:
        write_json({"model": model, "model_dir": str(path)})
    else:
        stdout().print(str(path), markup=False, soft_wrap=True)


def predict(
    model: ModelArgument,
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to label.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Texts in a file: JSONL, CSV, TSV, text ..."),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where predictions go, as JSON lines.")
    ] = None,
    revision: RevisionOption = None,
    text_column: TextColumnOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Label texts with a model, from a folder or served by the platform.

    A file is streamed: a line of output is written for each line of input, whatever its length.
    """
    if bool(texts) == (input_file is not None):
        raise InvalidInput(
            "texts are expected, or a file of them", mend="gts predict MODEL TEXT..., or --input FILE"
        )
    with _asking(model, revision, url, token, data_dir) as ask:
        if input_file is None:
            _predict_texts(ask, texts or [], output_file, as_json)
        else:
            count = _predict_file(ask, input_file, output_file, text_column)
            if as_json and output_file is not None:
                write_json({"n": count, "output": str(output_file)})


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A student's folder.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="Labelled texts: JSONL, CSV, TSV, Parquet.")],
    metric: Annotated[str, typer.Option(help="accuracy or macro_f1: which decides.")] = "accuracy",
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a student on labelled texts."""
    from gts.core.threads import available_cores, limit_threads
    from gts.platform.datafiles import read_labelled
    from gts.student.runtime import load_student
    from gts.tasks.metrics import evaluate as measure

    if metric not in ("accuracy", "macro_f1"):
        raise InvalidInput(f"the metric {metric!r} is not known", mend="use accuracy or macro_f1")
    limit_threads()
    student = load_student(folder, threads=available_cores())
    multi_label = student.manifest.multi_label
    examples = read_labelled(
        test, student.labels, multi_label=multi_label, text_column=text_column, label_column=label_column
    )
    predicted: list[tuple[str, ...]] = []
    for batch in _batches((placed.example.text for placed in examples), _BATCH_TEXTS):
        predicted += student.decide(student.predict(batch))
    gold = [placed.example.labels for placed in examples]
    result = measure(student.labels, gold, predicted, multi_label, metric=metric)
    if as_json:
        write_json(result)
        return
    stdout().print(f"accuracy {result['accuracy']:.4f}, macro F1 {result['macro_f1']:.4f}, n = {result['n']}")
    rows = [
        (label, *(f"{scores[key]:.3f}" for key in ("precision", "recall", "f1")), scores["support"])
        for label, scores in result["per_label"].items()
    ]
    print_table(("label", "precision", "recall", "F1", "n"), rows, "no labels")


@contextmanager
def _asking(
    model: str, revision: str | None, url: str | None, token: str | None, data_dir: Path | None
) -> Iterator[Ask]:
    """What answers for a model: a folder in this process, or the platform."""
    if Path(model).is_dir() or not _is_served_name(model):
        from gts.core.threads import available_cores, limit_threads
        from gts.student.opening import open_student

        limit_threads()
        student = open_student(Path(model), threads=available_cores())
        yield lambda texts: student.answer([{"text": text} for text in texts])
        return
    with connect(url, token, data_dir) as client:
        yield lambda texts: client.predict(model, texts, revision=revision)


def _is_served_name(model: str) -> bool:
    return model.count("/") == 1 and not model.startswith((".", "/", "~")) and not model.endswith("/")


def _predict_texts(ask: Ask, texts: Sequence[str], output_file: Path | None, as_json: bool) -> None:
    answers = [{"text": text, **answer} for text, answer in zip(texts, ask(texts), strict=True)]
    if output_file is not None:
        with _writing(output_file) as handle:
            for answer in answers:
                _write_line(handle, answer)
    if as_json:
        write_json({"predictions": answers})
    elif output_file is None:
        for answer in answers:
            scores = ", ".join(
                f"{item['label']} {item['score']:.3f}" for item in answer["scores"][:_SHOWN_SCORES]
            )
            labels = " + ".join(answer["labels"]) or "(none)"
            write_line(f"{plain(labels)}\t{plain(answer['text'])}\t({plain(scores)})")


def _predict_file(ask: Ask, input_file: Path, output_file: Path | None, text_column: str | None) -> int:
    from gts.platform.datafiles import read_texts

    count = 0
    with _writing(output_file) as handle:
        for batch in _batches(read_texts(input_file, text_column), _BATCH_TEXTS):
            texts = [row.text for row in batch]
            for text, answer in zip(texts, ask(texts), strict=True):
                _write_line(handle, {"text": text, **answer})
            count += len(batch)
    stderr().print(f"{count} texts")
    return count


@contextmanager
def _writing(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with path.open("w", encoding="utf-8") as handle:
        yield handle


def _write_line(handle: TextIO, value: dict[str, Any]) -> None:
    handle.write(json.dumps(value, ensure_ascii=handle is sys.stdout) + "\n")


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
