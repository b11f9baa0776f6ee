"""Commands for whoever runs a registry, on the machine that holds its data: ``registry fsck`` and ``registry gc``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gts.core.errors import InvalidInput
from gts.platform.cli.options import DataDirOption, JsonFlag, settings_of
from gts.platform.cli.output import plain, stderr, write_json, write_line
from gts.platform.cli.server import require_platform_extra

if TYPE_CHECKING:
    from gts.registry.registry import Registry
    from gts.registry.scrubbing import Checkup, Finding

registry_app = typer.Typer(help="Check and clean the registry of this machine.", no_args_is_help=True)
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    app.add_typer(registry_app, name="registry")


@registry_app.command("fsck")
def fsck(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Leave damaged blobs where they are.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read every stored byte and check it; damaged blobs are moved to a quarantine. Exit code 1 if anything is wrong."""
    with _registry(data_dir) as registry:
        started = time.monotonic()
        checkup = registry.fsck(quarantine=not dry_run)
    seconds = time.monotonic() - started
    if as_json:
        write_json(_as_json(checkup, seconds))
    else:
        _tell(checkup, seconds)
    if checkup.findings:
        raise typer.Exit(1)


@registry_app.command("gc")
def gc(
    dry_run: DryRun = False,
    older_than: Annotated[
        str, typer.Option(help="Spare what was written since, such as 30m, 12h or 1d.")
    ] = "1d",
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove blobs that no commit and no pending upload names, and what was left unfinished; safe while others publish."""
    grace = parse_duration(older_than)
    with _registry(data_dir) as registry:
        found = registry.collect_garbage(grace, dry_run=dry_run)
    if as_json:
        write_json({"dry_run": dry_run, "blobs": found.blobs, "bytes": found.bytes, "parts": found.parts})
        return
    done = "would be removed" if dry_run else "removed"
    parts = "" if dry_run else f", {found.parts} unfinished files or uploads removed"
    write_line(f"{found.blobs} blobs ({found.bytes:,} bytes) {done}{parts}")


def parse_duration(text: str) -> timedelta:
    """A time in words of the command line.

    Raises:
        InvalidInput: It is none.

    Example:
        >>> parse_duration("36h") == timedelta(days=1.5), parse_duration("0")
        (True, datetime.timedelta(0))
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhd]?)", text.strip())
    if found is None:
        raise InvalidInput(f"{text!r} is no time", mend="write it like 30m, 12h or 1d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


@contextmanager
def _registry(data_dir: Path | None) -> Iterator[Registry]:
    settings = settings_of(data_dir=data_dir)
    require_platform_extra()
    from gts.core.database import Database
    from gts.migrations import upgrade
    from gts.platform.storage import open_store
    from gts.registry.registry import Registry

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(settings.database)
    database = Database(settings.database)
    try:
        yield Registry(database, open_store(settings))
    finally:
        database.close()


def _tell(checkup: Checkup, seconds: float) -> None:
    told = set()
    for finding in checkup.findings:
        write_line(plain(f"{finding.fault:<9} {_where(finding)}  {finding.message}"))
        if finding.blob in checkup.quarantined and finding.blob not in told:
            told.add(finding.blob)
            write_line(f"          kept in {checkup.quarantined[finding.blob]}")
    for blob in checkup.orphans:
        write_line(f"orphan    {blob.digest}  {blob.size:,} bytes that nothing names")
    found = f"{len(checkup.findings)} findings" if checkup.findings else "nothing is wrong"
    stderr().print(
        f"{checkup.repositories} repositories, {checkup.blobs} blobs ({checkup.bytes:,} bytes) checked in "
        f"{seconds:.1f} s: {found}, {len(checkup.orphans)} orphans",
        soft_wrap=True,
    )
    if any(finding.blob for finding in checkup.findings):
        stderr().print("publish the files again, or bring the blobs back from a backup")
    if checkup.orphans:
        stderr().print("`gts registry gc` removes orphans", markup=False)


def _where(finding: Finding) -> str:
    place = finding.place
    if not place.repository:
        return "(nothing names it)"
    revision = f"@{place.revision[:12]}" if place.revision else " (an upload without a commit yet)"
    return f"{place.repository}{revision} {place.path}".rstrip()


def _as_json(checkup: Checkup, seconds: float) -> dict[str, object]:
    return {
        "ok": not checkup.findings,
        "repositories": checkup.repositories,
        "blobs": checkup.blobs,
        "bytes": checkup.bytes,
        "seconds": round(seconds, 3),
        "findings": [
            {
                "fault": str(finding.fault),
                "repository": finding.place.repository,
                "revision": finding.place.revision,
                "path": finding.place.path,
                "blob": finding.blob,
                "message": finding.message,
                "quarantined": checkup.quarantined.get(finding.blob),
            }
            for finding in checkup.findings
        ],
        "orphans": [{"blob": blob.digest, "bytes": blob.size} for blob in checkup.orphans],
    }
