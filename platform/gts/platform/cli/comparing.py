"""The command ``compare``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import Forbidden, InvalidInput
from gts.platform.cli.asking import served_manifest
from gts.platform.cli.options import (
    DataDirOption,
    JsonFlag,
    LabelColumnOption,
    TextColumnOption,
    TokenOption,
    UrlOption,
    connect,
)
from gts.platform.cli.output import plain, print_table, stdout, write_json
from gts.platform.cli.versions import ModelName

if TYPE_CHECKING:
    from gts.platform.client import Client

_SHORT = 12
_TEXT_CHARS = 200


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(compare)


def compare(
    model: ModelName,
    old: Annotated[str, typer.Argument(metavar="REV_A", help="Commit, branch, tag or alias.")],
    new: Annotated[str, typer.Argument(metavar="REV_B", help="Another.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Labelled rows to ask both about; default: those of the job that made one of them.",
        ),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Which measure decides; default: the first of the model's task type.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold two revisions of a model against each other: measures, size, speed, and which answers flipped."""
    with connect(url, token, data_dir) as client:
        rows = None
        if data is not None:
            rows = _read(client, model, (old, new), data, text_column, label_column)
        found = client.compare(model, old, new, rows=rows, metric=metric)
    if as_json:
        write_json(found)
        return
    _print_facts(found["old"], found["new"])
    if found["asked"] is None:
        stdout().print(found["unasked"], markup=False, soft_wrap=True)
    else:
        _print_asked(found["asked"])


def _read(
    client: Client, model: str, revisions: tuple[str, str], path: Path, text: str | None, label: str | None
) -> list[dict[str, Any]]:
    """The rows of a file as the server takes them, checked against what both students know."""
    from gts.platform.datafiles import read_test
    from gts.tasks.columns import Columns
    from gts.tasks.dataset import Example
    from gts.tasks.row_forms import as_given
    from gts.tasks.source import FileSource

    old, new = (served_manifest(client, model, revision) for revision in revisions)
    if old is None or new is None:
        raise Forbidden(f"the token may not read {model}", mend="give a token that has the scope `read`")
    if old.task.type != new.task.type:
        raise InvalidInput(
            f"{revisions[0]} is for {old.task.type}, {revisions[1]} for {new.task.type}",
            mend="compare them without --data",
        )
    known = new.model_copy(update={"labels": tuple(dict.fromkeys((*new.labels, *old.labels)))})
    tested = read_test(FileSource(path), known, Columns(text=text, label=label))
    return [
        _example(row, known.multi_label) if isinstance(row, Example) else as_given(row, known.task.type)
        for row in tested.rows
    ]


def _example(row: Any, many: bool) -> dict[str, Any]:
    return {"text": row.text, **({"labels": list(row.labels)} if many else {"label": row.labels[0]})}


def _print_facts(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    rows = [
        ("published", *(side["created_at"][:10] for side in (old, new))),
        ("tier", *(side["tier"] or "–" for side in (old, new))),
        ("expected", *(_estimate(side["estimate"]) for side in (old, new))),
        ("on held-out gold", *(_estimate(side["measured"]) for side in (old, new))),
        ("size", *(f"{side['bytes'] / 1e6:,.1f} MB" for side in (old, new))),
        ("parameters", *(_number(side["parameters"]) for side in (old, new))),
        ("texts a second", *(_number(side["texts_per_second"]) for side in (old, new))),
        ("one text, ms", *(_number(side["latency_ms"]) for side in (old, new))),
        ("retired", *(side["retired"] or "no" for side in (old, new))),
    ]
    print_table(("", old["commit"][:_SHORT], new["commit"][:_SHORT]), rows, "")
    if old["measured_on"] and old["measured_on"] != new["measured_on"]:
        stdout().print(
            "the two were measured on different labelled rows: their measures say little about which is better"
        )


def _estimate(measured: Mapping[str, Any] | None) -> str:
    if not measured:
        return "–"
    low, high = measured.get("low"), measured.get("high")
    interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{measured.get('metric', '')} {measured['value']:.3f}{interval}".strip()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _print_asked(asked: Mapping[str, Any]) -> None:
    console = stdout()
    origin = {"given": "rows of yours", "test": "test rows of the job", "gold": "labelled rows of the job"}
    console.print(
        f"on {asked['n']:,} {origin[asked['origin']]}: {asked['chance']['sentence']}", soft_wrap=True
    )
    for note in asked["notes"]:
        console.print(plain(note), markup=False, soft_wrap=True)
    rows = [
        (name, *(f"{values[side]:.3f}" for side in ("old", "new")))
        for name, values in asked["measures"].items()
    ]
    print_table(("measure", "before", "now"), rows, "")
    if labels := list(_label_rows(asked["per_label"])):
        print_table(("F1 of", "before", "now", "difference"), labels, "")
    flipped = asked["flipped"]
    console.print(
        f"{flipped['count']} answers flipped: {flipped['better']} for the better, {flipped['worse']} for the worse, "
        f"{flipped['other']} otherwise"
    )
    for example in asked["examples"]:
        for line in _example_lines(example):
            console.print(plain(line), markup=False, soft_wrap=True)


def _label_rows(per_label: Mapping[str, Mapping[str, float | None]]) -> Iterator[tuple[str, ...]]:
    for name, values in per_label.items():
        old, new = values["old"], values["new"]
        difference = "–" if old is None or new is None else f"{new - old:+.3f}"
        yield name, *("–" if value is None else f"{value:.3f}" for value in (old, new)), difference


def _example_lines(example: Mapping[str, Any]) -> Iterator[str]:
    from gts.platform.versions_flips import in_words

    row = example["row"]
    text = " / ".join(row[key] for key in ("text", "text_a", "text_b") if key in row)
    yield f"{example['verdict']}: {' '.join(text.split())[:_TEXT_CHARS]}"
    for title, key in (("wanted", "wanted"), ("before", "old"), ("now", "new")):
        yield f"  {title:<7}{in_words(example[key])}"
