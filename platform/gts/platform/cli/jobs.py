"""Commands about jobs: ``produce``, ``submit``, ``jobs``, ``job``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import GTSError, InvalidInput, StageFailed
from gts.platform.cli.options import (
    DataDirOption,
    JsonFlag,
    LabelColumnOption,
    TextColumnOption,
    TokenOption,
    UrlOption,
    connect,
    settings_of,
)
from gts.platform.cli.output import plain, print_table, short_time, stderr, stdout, write_json
from gts.platform.cli.progress import Progress, print_report
from gts.platform.cli.understood import print_preview

if TYPE_CHECKING:
    from gts.platform.client import Client

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
TaskArgument = Annotated[Path, typer.Argument(metavar="TASK.yaml", help="The task file.")]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (produce, submit, jobs, job):
        app.command()(command)


def produce(
    task: TaskArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the student goes.")],
    seconds: Annotated[
        float | None, typer.Option(help="Budget in seconds; over the task's own.", min=1)
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Produce a student here, in this process, without a server."""
    from gts.core.threads import limit_threads

    limit_threads()
    from gts.platform.logs import set_up_logging
    from gts.tasks.taskfile import load_task_file

    settings = settings_of(data_dir=data_dir)
    set_up_logging("warning" if settings.log_level == "info" else settings.log_level)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InvalidInput(
            f"{output} exists already and is not an empty folder", mend="give a new folder to -o"
        )
    data = load_task_file(task, text_column=text_column, label_column=label_column)
    if seconds is not None:
        import dataclasses

        spec = data.spec.evolve(budget={"seconds": seconds})
        data = dataclasses.replace(data, spec=spec)
    # After the task has been read: a mistake in it is told at once, not after seconds of imports.
    from gts.orchestrator.produce import produce as produce_student

    with Progress() as progress:
        report = produce_student(data, output, store_root=settings.store_root, on_event=progress.show)
    if as_json:
        write_json(report)
        return
    print_report(report)
    stdout().print(
        f"\nthe student is in {output}; try: gts predict {output} 'some text'", markup=False, soft_wrap=True
    )


def submit(
    task: TaskArgument,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow the job to its end and print its report.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what was understood.")] = False,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Submitting twice with one key gives one job.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a task and its data to the platform, which starts a job."""
    with connect(url, token, data_dir) as client:
        answer = client.submit(
            task,
            text_column=text_column,
            label_column=label_column,
            idempotency_key=idempotency_key,
            dry_run=dry_run,
        )
        if dry_run:
            write_json(answer) if as_json else print_preview(answer)
        elif wait:
            stderr().print(f"job {answer['id']} submitted", markup=False)
            _follow(client, answer["id"], as_json)
        elif as_json:
            write_json(answer)
        else:
            stdout().print(answer["id"])
            stderr().print(f"follow it: gts job {answer['id']} --follow", markup=False)


def jobs(
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1)] = 20,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List jobs."""
    with connect(url, token, data_dir) as client:
        found = list(client.jobs(limit))
    if as_json:
        write_json({"jobs": found})
        return
    rows = [
        (job["id"], job["name"], job["state"], short_time(job["created_at"]), job["model"] or "")
        for job in found
    ]
    columns = ("id", "name", "state", "created", "model")
    print_table(columns, rows, "no jobs yet; `gts submit TASK.yaml` starts one", spare=2)


def job(
    job_id: JobArgument,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress until the job ends.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one job and, when it has ended, its report."""
    with connect(url, token, data_dir) as client:
        if follow:
            _follow(client, job_id, as_json)
            return
        found = client.job(job_id)
        report = client.report(job_id) if found["model"] else None
    if as_json:
        write_json({**found, "report": report})
        return
    console = stdout()
    for key in ("id", "name", "state", "created_at", "started_at", "finished_at", "model"):
        if found.get(key):
            console.print(
                f"{key.removesuffix('_at'):<10}{plain(str(found[key]))}", markup=False, soft_wrap=True
            )
    for part in ("budget", "goal"):
        if limits := limits_line(found[part]):
            console.print(f"{part:<10}{plain(limits)}", markup=False, soft_wrap=True)
    if found.get("error"):
        console.print(f"{'error':<10}{plain(found['error']['message'])}", markup=False, soft_wrap=True)
    if found["state"] == "waiting":
        console.print(f"{'':<10}{waiting_line(job_id, report)}", markup=False, soft_wrap=True)
    if report:
        console.print()
        print_report(report)


def _follow(client: Client, job_id: str, as_json: bool) -> None:
    """Show a job's progress until it has ended or waits for a person, then its report.

    Raises:
        StageFailed: It failed or was cancelled.
    """
    with Progress() as progress:
        ended = client.wait(job_id, progress.show)
    if ended["state"] not in ("succeeded", "waiting"):
        raise _ended_badly(ended)
    report = client.report(job_id)
    if as_json:
        write_json({**ended, "report": report})
        return
    print_report(report)
    stdout().print(
        f"\nmodel {ended['model']}; download it: gts pull {ended['model']}", markup=False, soft_wrap=True
    )
    if ended["state"] == "waiting":
        stdout().print(waiting_line(job_id, report), markup=False, soft_wrap=True)


def waiting_line(job_id: str, report: Mapping[str, Any] | None) -> str:
    """What a person is told of a job that waits.

    Example:
        >>> waiting_line("JOB", {"questions": {"open": 3}})
        'a first student is published; 3 questions wait for you: gts answer JOB'
    """
    count = ((report or {}).get("questions") or {}).get("open") or 0
    return (
        f"a first student is published; {count} question{'' if count == 1 else 's'} "
        f"wait{'s' if count == 1 else ''} for you: gts answer {job_id}"
    )


def limits_line(limits: Mapping[str, Any]) -> str:
    """Budget or goal of a job in a line; empty where nothing is set.

    Example:
        >>> limits_line({"seconds": 300.0, "tokens": None})
        'seconds 300'
    """
    said = (
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in limits.items()
        if value is not None
    )
    return ", ".join(said)


def _ended_badly(job: dict[str, Any]) -> GTSError:
    if job["state"] == "cancelled":
        return StageFailed(
            f"job {job['id']} was cancelled",
            mend=f"`gts continue {job['id']}` takes it up again; finished stages are reused",
            job=job,
        )
    error = job.get("error") or {}
    return StageFailed(
        f"job {job['id']} failed: {error.get('message', 'no reason was recorded')}",
        mend=str(error.get("mend", "")),
        job=job,
    )
