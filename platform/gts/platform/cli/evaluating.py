"""The command ``evaluate``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gts.core.errors import Forbidden
from gts.platform.cli.asking import ModelArgument, RevisionOption, opened_model
from gts.platform.cli.options import (
    DataDirOption,
    JsonFlag,
    LabelColumnOption,
    TextColumnOption,
    TokenOption,
    UrlOption,
)
from gts.platform.cli.output import print_table, stderr, stdout, write_json

_TITLES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "f1": "F1",
    "spearman": "Spearman",
    "triple_f1": "triple F1",
    "trigger_f1": "trigger F1",
    "argument_f1": "argument F1",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
}
_SHARES = {"precision": "precision", "recall": "recall", "f1": "F1"}


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(evaluate)


def evaluate(
    model: ModelArgument,
    test: Annotated[
        Path, typer.Argument(metavar="TEST", help="Labelled rows: JSONL, CSV, TSV, Parquet, CoNLL ...")
    ],
    metric: Annotated[
        str | None, typer.Option(help="Which measure decides; default: the first of the model's task type.")
    ] = None,
    revision: RevisionOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a model of any task type on labelled rows, by the answers that its users get."""
    from gts.platform.datafiles import read_test
    from gts.platform.scoring import check_metric, score_answers
    from gts.tasks.columns import Columns
    from gts.tasks.source import FileSource

    with opened_model(model, revision, url, token, data_dir, is_test=True) as asked:
        if asked.student is None:
            raise Forbidden(
                f"the token may ask {model}, but not read what it is",
                mend="give a token that has the scope `read` too",
            )
        decides = check_metric(metric, asked.student)
        tested = read_test(FileSource(test), asked.student, Columns(text=text_column, label=label_column))
        answers = [said for _, said in asked.answers(tested.asked())]
        result = score_answers(asked.student, tested.rows, answers, decides)
    for note in tested.notes:
        stderr().print(note, markup=False, soft_wrap=True)
    if as_json:
        write_json(result)
        return
    measures = ", ".join(f"{title} {result[key]:.4f}" for key, title in _TITLES.items() if key in result)
    stdout().print(f"{measures}, n = {result['n']}")
    if rows := list(_label_rows(result.get("per_label", {}))):
        print_table(("label", *_SHARES.values(), "n"), rows, "")
    if rows := list(_type_rows(result)):
        print_table(("type", *_SHARES.values(), "right", "found", "wanted"), rows, "")


def _shares(scores: Mapping[str, Any]) -> Iterator[str]:
    return (f"{scores[key]:.3f}" for key in _SHARES)


def _label_rows(per_label: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for label, scores in per_label.items():
        yield label, *_shares(scores), scores["support"]


def _type_rows(result: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """A line for each type; under those of events their roles."""
    per_role: Mapping[str, Mapping[str, Any]] = result.get("per_role", {})
    per_type: Mapping[str, Any] = result.get("per_type", {})
    for name in dict.fromkeys((*per_type, *per_role)):
        lines = {name: per_type[name]} if name in per_type else {}
        lines |= {f"  {role} ({name})": scores for role, scores in per_role.get(name, {}).items()}
        for title, scores in lines.items():
            yield title, *_shares(scores), scores["right"], scores["found"], scores["wanted"]
