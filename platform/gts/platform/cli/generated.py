"""Commands about generated texts: ``generated``, ``review``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.jobs import JobArgument
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import plain, print_table, stderr, stdout, write_json

_SHOWN_CHARS = 300
_BY_PEOPLE = ("veto", "edit")
"""Kinds of dropping that are a person's word, not a filter's."""

TextArgument = Annotated[
    str, typer.Argument(metavar="TEXT_ID", help="Id of the text, as `gts generated` shows it.")
]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (generated, review):
        app.command()(command)


def generated(
    job_id: JobArgument,
    label: Annotated[str | None, typer.Option(help="Only texts made for this label.")] = None,
    generator: Annotated[str | None, typer.Option(help="Only texts of this generator.")] = None,
    kept: Annotated[
        bool | None, typer.Option("--kept/--dropped", help="Only what the filters kept, or dropped.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the texts that were generated for a job, kept and dropped, with the reason."""
    with connect(url, token, data_dir) as client:
        texts = client.generated(job_id, generator=generator, label=label, kept=kept, limit=limit + 1)
        found = list(islice(texts, limit))
        more = next(texts, None) is not None
    if as_json:
        write_json({"texts": found, "more": more})
        return
    rows = [(text["id"], ", ".join(_labels(text)) or "none", _what(text), _verdict(text)) for text in found]
    print_table(("id", "labels", "text", "verdict"), rows, "no generated texts; `gts job` says why")
    if more:
        stderr().print(f"and more: --limit {limit * 10}", markup=False)


def review(
    job_id: JobArgument,
    text_id: TextArgument,
    veto: Annotated[bool, typer.Option("--veto", help="It shall not be trained on.")] = False,
    text: Annotated[str | None, typer.Option(help="Put this text in its place.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Give it this label; several times for several.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take a veto or an edit back.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Veto a generated text, edit it, or take that back; the next job of the same name respects it."""
    is_edit = text is not None or bool(label)
    if veto + undo + is_edit != 1:
        raise InvalidInput(
            "say one thing of the text: a veto, an edit, or that you take it back",
            mend="give --veto, or --text and --label (one or both), or --undo",
        )
    with connect(url, token, data_dir) as client:
        if undo:
            client.take_back(job_id, text_id)
            found: dict[str, Any] = {"id": text_id, "review": None}
        else:
            found = client.review(
                job_id, text_id, "veto" if veto else "edit", text=text, labels=label or None
            )
    if as_json:
        write_json(found)
        return
    said = {"veto": "will not be trained on", "edit": "is replaced"}
    outcome = said[found["review"]["verdict"]] if found["review"] else "is as it was generated"
    stdout().print(f"text {plain(text_id)} {outcome} in the next job of this name", markup=False)


def _labels(text: Mapping[str, Any]) -> list[str]:
    review = text["review"]
    labels: list[str] = review["labels"] if review and review["verdict"] == "edit" else text["labels"]
    return labels


def _what(text: Mapping[str, Any]) -> str:
    said: str = (text["review"] or {}).get("text") or text["text"]
    return said if len(said) <= _SHOWN_CHARS else said[: _SHOWN_CHARS - 1] + "…"


def _verdict(text: Mapping[str, Any]) -> str:
    if text["review"]:
        return {"veto": "vetoed", "edit": "edited"}[text["review"]["verdict"]]
    if text["kept"]:
        return "kept"
    reason = text["reason"] or text["kind"]
    return reason if text["kind"] in _BY_PEOPLE else f"dropped: {reason}"
