"""The command line, ``gts``: every command in one of the sibling files, imported without anything heavy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, TyperException
from typer.main import get_command

from gts.core.errors import GTSError, InvalidInput
from gts.platform.cli.answering import add_commands as add_answering_commands
from gts.platform.cli.checking import add_commands as add_checking_commands
from gts.platform.cli.comparing import add_commands as add_comparing_commands
from gts.platform.cli.evaluating import add_commands as add_evaluating_commands
from gts.platform.cli.exporting import add_commands as add_exporting_commands
from gts.platform.cli.generated import add_commands as add_generated_commands
from gts.platform.cli.importing import add_commands as add_importing_commands
from gts.platform.cli.jobs import add_commands as add_job_commands
from gts.platform.cli.language import add_commands as add_language_commands
from gts.platform.cli.lineages import add_commands as add_lineage_commands
from gts.platform.cli.models import add_commands as add_model_commands
from gts.platform.cli.output import write_json
from gts.platform.cli.planning import add_commands as add_planning_commands
from gts.platform.cli.predicting import add_commands as add_predicting_commands
from gts.platform.cli.registry import add_commands as add_registry_commands
from gts.platform.cli.reproducing import add_commands as add_reproducing_commands
from gts.platform.cli.server import add_commands as add_server_commands
from gts.platform.cli.steering import add_commands as add_steering_commands
from gts.platform.cli.traffic import add_commands as add_traffic_commands
from gts.platform.cli.versions import add_commands as add_version_commands

INTERRUPTED = 130
_USER_ERROR, _OTHER_ERROR = 2, 1

app = typer.Typer(
    name="gts",
    help="From a handful of labelled examples to a small, fast language model you own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for add_commands in (
    add_server_commands,
    add_checking_commands,
    add_planning_commands,
    add_job_commands,
    add_steering_commands,
    add_generated_commands,
    add_answering_commands,
    add_model_commands,
    add_exporting_commands,
    add_version_commands,
    add_traffic_commands,
    add_comparing_commands,
    add_lineage_commands,
    add_reproducing_commands,
    add_predicting_commands,
    add_evaluating_commands,
    add_language_commands,
    add_importing_commands,
    add_registry_commands,
):
    add_commands(app)


def main() -> None:
    """Entry point of the ``gts`` script."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    0 is success, 2 a mistake in what the user gave, 130 Ctrl-C, 1 anything else. Errors are told on
    standard error; with ``--json`` the error's JSON is also the last line of standard output.
    """
    as_json = "--json" in arguments
    try:
        code = get_command(app).main(args=list(arguments), prog_name="gts", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        problem = InvalidInput(error.format_message(), mend="`gts --help` and `gts COMMAND --help` show how")
        return _tell(problem, as_json)
    except GTSError as error:
        return _tell(error, as_json)
    except (KeyboardInterrupt, Abort):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OTHER_ERROR
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _tell(GTSError(f"{error.strerror or error}{where}"), as_json)
    except Exception as error:  # the border of the process: a bug is told in one line, its place on demand
        if os.environ.get("GTS_DEBUG"):
            raise
        mend = "this is a bug; run again with GTS_DEBUG=1 for its place and report it"
        return _tell(GTSError(f"{type(error).__name__}: {error}", mend=mend), as_json)


def _tell(error: GTSError, as_json: bool) -> int:
    from rich.markup import escape

    from gts.platform.cli.output import stderr

    console = stderr()
    console.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True, highlight=False)
    if error.mend:
        console.print(f"       {escape(error.mend)}", soft_wrap=True, highlight=False)
    if as_json:
        write_json(json.loads(json.dumps(error.as_json(), default=str)))
    return _USER_ERROR if isinstance(error, InvalidInput) else _OTHER_ERROR
