"""Commands that ask large language models: ``probe``."""

from __future__ import annotations

from typing import Annotated

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.options import JsonFlag
from gts.platform.cli.output import stdout, write_json


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(probe)


def probe(
    subject: Annotated[str, typer.Argument(help="What stands before the relation.")],
    relation: Annotated[str, typer.Argument(help="The relation as one says it, such as 'can treat'.")],
    target: Annotated[str, typer.Argument(metavar="OBJECT", help="What stands after it.")],
    model: Annotated[
        str | None, typer.Option(help="A model of GTS_MODELS; the first that can, if left out.")
    ] = None,
    opposite: Annotated[
        str | None, typer.Option(help="The relation's opposite, where 'not' is not it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a language model whether a statement holds: which is likelier, it or its opposite."""
    from gts.core.llm.backend import Scorer, open_backend
    from gts.core.llm.entries import check_known, entries, find
    from gts.core.threads import limit_threads
    from gts.teacher.perplexity import believes

    for name, said in (("SUBJECT", subject), ("RELATION", relation), ("OBJECT", target)):
        if not said.strip():
            raise InvalidInput(
                f"{name} is empty", mend="give all three, such as: gts probe zanamivir 'can treat' influenza"
            )
    if model is not None:
        check_known([model])
    local = [entry for entry in entries() if entry.kind == "transformers"]
    if model is None and not local:
        raise InvalidInput(
            "no language model on this machine is named",
            mend="add one of kind transformers to the file GTS_MODELS names",
        )
    entry = find(model) if model else local[0]
    limit_threads()
    scorer = open_backend(entry)
    if not isinstance(scorer, Scorer):
        raise InvalidInput(
            f"model {entry.name!r} is behind a server, which does not say how likely a text is",
            mend="name a model of kind transformers",
        )
    belief = believes(scorer, subject, relation, target, opposite)
    rows = (
        (belief.statement, belief.perplexity, belief.probability),
        (belief.opposite, belief.opposite_perplexity, 1 - belief.probability),
    )
    if as_json:
        fields = ("statement", "perplexity", "probability")
        write_json({"model": entry.name, "statements": [dict(zip(fields, row, strict=True)) for row in rows]})
        return
    for statement, perplexity, probability in rows:
        stdout().print(
            f"{probability:6.1%}  perplexity {perplexity:8.1f}  {statement}", markup=False, soft_wrap=True
        )
