"""The command ``lineage``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from gts.platform.cli.asking import RevisionOption, split_revision
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import plain, short_time, stdout, write_json

_KINDS = {
    "gold": "given labels",
    "answered": "answers of people",
    "guessed": "guessed labels",
    "pool": "without labels",
    "test": "test, from which nothing learnt",
    "base_model": "base model",
    "language_model": "language model",
    "teacher": "teacher",
    "generator": "generator",
    "parent": "revision before it",
    "student": "student",
}


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(lineage)


def lineage(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="namespace/name, or namespace/name@revision.")
    ],
    revision: RevisionOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show where a model comes from: data, teachers, generators, base model and their licences."""
    name, found = split_revision(model, revision)
    with connect(url, token, data_dir) as client:
        told = client.lineage(name, revision=found)
    if as_json:
        write_json(told)
        return
    for line in _lines(told):
        stdout().print(plain(line), markup=False, soft_wrap=True)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The student and, indented, what it was made of."""
    yield f"{told['model']} {told['commit'][:12]}, published {short_time(told['created_at'])} by {told['author']}"
    if told["job_id"]:
        yield f"job {told['job_id']}"
    nodes = {node["id"]: node for node in told["nodes"]}
    yield _in_words(nodes["student"])
    for node in told["nodes"]:
        if {"from": node["id"], "to": "student"} in told["edges"]:
            yield f"  {_in_words(node)}"
            sources = (edge["from"] for edge in told["edges"] if edge["to"] == node["id"])
            yield from (f"    {_in_words(nodes[source])}" for source in sources)
    yield from (_in_words(node) for node in told["nodes"] if node["kind"] == "test")
    environment = told["environment"]
    if environment:
        packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
        yield f"made with Python {environment['python']}, {packages}"
    if not told["reproducible"]:
        yield "it is not written down how to make it again"


def _in_words(node: Mapping[str, Any]) -> str:
    said = [f"{_KINDS.get(node['kind'], node['kind'])} {node['name']}".strip()]
    if node["rows"] is not None:
        said.append(f"{node['rows']:,} rows")
    if node["share"] is not None:
        said.append(f"{node['share']:.0%} of what the teachers say")
    if node["kind"] in ("base_model", "language_model", "student"):
        said.append(f"licence {node['licence'] or 'not known'}")
    return ", ".join(said)
