"""Commands about jobs: ``produce``, ``submit``, ``jobs``, ``job``, ``cancel``."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from gts.platform.client import Client

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
TaskArgument = Annotated[Path, typer.Argument(metavar="TASK.yaml", help="The task file.")]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    for command in (produce, submit, jobs, job, cancel):
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
            _show_preview(answer, as_json)
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
        report = client.report(job_id) if found["state"] == "succeeded" else None
    if as_json:
        write_json({**found, "report": report})
        return
    console = stdout()
    for key in ("id", "name", "state", "created_at", "started_at", "finished_at", "model"):
        if found.get(key):
            console.print(
                f"{key.removesuffix('_at'):<10}{plain(str(found[key]))}", markup=False, soft_wrap=True
            )
    if found.get("error"):
        console.print(f"{'error':<10}{plain(found['error']['message'])}", markup=False, soft_wrap=True)
    if report:
        console.print()
        print_report(report)


def cancel(
    job_id: JobArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Cancel a job; what it finished so far stays cached."""
    with connect(url, token, data_dir) as client:
        found = client.cancel(job_id)
    if as_json:
        write_json(found)
    else:
        state = "will be cancelled within seconds" if found["state"] == "running" else f"is {found['state']}"
        stdout().print(f"job {found['id']} {state}", markup=False)


def _follow(client: Client, job_id: str, as_json: bool) -> None:
    with Progress() as progress:
        ended = client.wait(job_id, progress.show)
    report = client.report(job_id) if ended["state"] == "succeeded" else None
    if report is not None and not as_json:
        print_report(report)
        stdout().print(
            f"\nmodel {ended['model']}; download it: gts pull {ended['model']}", markup=False, soft_wrap=True
        )
    if report is not None and as_json:
        write_json({**ended, "report": report})
    if report is None:
        raise _ended_badly(ended)


def _ended_badly(job: dict[str, Any]) -> GTSError:
    if job["state"] == "cancelled":
        return StageFailed(
            f"job {job['id']} was cancelled", mend="submit it again; finished stages are reused", job=job
        )
    error = job.get("error") or {}
    return StageFailed(
        f"job {job['id']} failed: {error.get('message', 'no reason was recorded')}",
        mend=str(error.get("mend", "")),
        job=job,
    )


def _show_preview(preview: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(preview)
        return
    console = stdout()
    counts = preview["counts"]
    kind = "multi-label" if preview["multi_label"] else "single-label"
    console.print(
        f"{preview['name']}: {kind} {preview['type']}, language {preview['language']}; "
        f"{counts['gold']} examples, {counts['pool']} unlabelled texts, {counts['test']} test texts",
        markup=False,
        soft_wrap=True,
    )
    rows = [(label["name"], label["gold"], label["description"]) for label in preview["labels"]]
    print_table(("label", "examples", "description"), rows, "no labels")
    for note in preview["notes"]:
        console.print(f"note: {plain(note)}", markup=False, soft_wrap=True)
