"""Commands about the platform itself: ``up``, ``doctor``, ``token``, ``version``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import GTSError, MissingDependency
from gts.core.extras import install_line
from gts.platform.cli.options import DataDirOption, JsonFlag, settings_of
from gts.platform.cli.output import plain, print_table, short_time, stderr, stdout, write_json

if TYPE_CHECKING:
    from gts.platform.tokens import Token, TokenStore

token_app = typer.Typer(help="Make, list and revoke access tokens.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    """Hang this file's commands into ``gts``."""
    app.command()(up)
    app.command()(worker)
    app.command()(doctor)
    app.add_typer(token_app, name="token")
    app.command()(version)


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8750")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.", show_default="1")] = None,
    compute: Annotated[str | None, typer.Option(help="ray or inline.", show_default="ray")] = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Start the platform here and keep it running until Ctrl-C."""
    settings = settings_of(host=host, port=port, workers=workers, compute=compute, data_dir=data_dir)
    require_platform_extra()
    from gts.platform.logs import set_up_logging
    from gts.platform.supervisor import Address, run_platform

    set_up_logging(settings.log_level)

    def ready(address: Address) -> None:
        if as_json:
            write_json({"url": address.url, "token": address.token, "data_dir": str(settings.data_dir)})
            return
        console = stdout()
        console.print(f"\n  GTS is running:  [bold]{address.link}[/]\n", soft_wrap=True)
        console.print(f"  data in {settings.data_dir}; Ctrl-C stops it\n", soft_wrap=True, markup=False)

    run_platform(settings, ready)
    stderr().print("stopped")


def worker(data_dir: DataDirOption = None) -> None:
    """Run one more worker, on this machine or another, until Ctrl-C (`gts up` starts its own)."""
    settings = settings_of(data_dir=data_dir)
    require_platform_extra()
    from gts.platform.logs import set_up_logging
    from gts.platform.worker_main import run_worker

    set_up_logging(settings.log_level)
    run_worker(settings)


def doctor(data_dir: DataDirOption = None, as_json: JsonFlag = False) -> None:
    """Look over this installation: versions, extras, weights, machine, settings."""
    settings = settings_of(data_dir=data_dir)
    from gts.platform.doctor import examine, settings_table

    checks = examine(settings)
    table = settings_table(settings)
    healthy = all(check.ok for check in checks)
    if as_json:
        write_json({"ok": healthy, "checks": [check.as_json() for check in checks], "settings": table})
        return
    console = stdout()
    for check in checks:
        mark = "[green]ok  [/]" if check.ok else "[yellow]warn[/]"
        console.print(f"{mark} [bold]{check.name:<12}[/] ", end="")
        console.print(plain(check.found), markup=False, soft_wrap=True)
        if check.mend:
            console.print(f"{'':<18}{plain(check.mend)}", markup=False, soft_wrap=True, style="dim")
    rows = [(row["name"], row["value"], row["source"], row["help"]) for row in table]
    console.print()
    print_table(("setting", "value", "from", "meaning"), rows, "")


def version(as_json: JsonFlag = False) -> None:
    """Print the version."""
    from importlib.metadata import version as installed_version

    found = installed_version("gts")
    if as_json:
        write_json({"version": found})
    else:
        stdout().print(found)


@token_app.command("new")
def token_new(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write or infer; repeat for several.", show_default="all")
    ] = None,
    repo: Annotated[
        list[str] | None,
        typer.Option(
            help="ns/name of a model, datasets/ns/name of a data set; repeat for several.", show_default="all"
        ),
    ] = None,
    days: Annotated[
        float | None, typer.Option(help="Days until it expires.", show_default="never", min=0)
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token; it is shown this once."""
    tokens = _token_store(data_dir)
    from gts.core.database import now
    from gts.platform.tokens import ALL_SCOPES, parse_repositories, parse_scopes

    expires_at = now() + timedelta(days=days) if days is not None else None
    scopes = parse_scopes(scope) if scope else ALL_SCOPES
    repositories = parse_repositories(repo) if repo else None
    secret, token = tokens.create(name, scopes=scopes, repositories=repositories, expires_at=expires_at)
    if as_json:
        write_json({"token": secret, **_token_json(token)})
    else:
        stdout().print(secret, markup=False, soft_wrap=True)
        stderr().print("keep it: only its hash is stored")


@token_app.command("list")
def token_list(data_dir: DataDirOption = None, as_json: JsonFlag = False) -> None:
    """List tokens (their hashes and secrets are never shown)."""
    found = [_token_json(token) for token in _token_store(data_dir).list()]
    if as_json:
        write_json({"tokens": found})
        return
    rows = [
        (
            token["id"],
            token["name"],
            " ".join(token["scopes"]),
            "yes" if token["active"] else "no",
            "all" if token["repositories"] is None else " ".join(token["repositories"]),
            short_time(token["created_at"]),
            short_time(token["last_used_at"]),
        )
        for token in found
    ]
    columns = ("id", "name", "scopes", "active", "repositories", "created", "last used")
    print_table(columns, rows, "no tokens yet", spare=2)


@token_app.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `gts token list` shows it.")],
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End a token at once."""
    token = _token_store(data_dir).revoke(token_id)
    if as_json:
        write_json(_token_json(token))
    else:
        stdout().print(f"revoked {token.id} ({plain(token.name)})", markup=False)


def _token_store(data_dir: Path | None) -> TokenStore:
    settings = settings_of(data_dir=data_dir)
    require_platform_extra()
    from gts.core.database import Database
    from gts.migrations import upgrade
    from gts.platform.tokens import TokenStore

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(settings.database)
    return TokenStore(Database(settings.database))


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "kind": token.kind,
        "scopes": sorted(token.scopes),
        "repositories": None if token.repositories is None else sorted(token.repositories),
        "active": token.active,
        "created_at": token.created_at.isoformat(),
        "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }


def require_platform_extra() -> None:
    """Say what is not installed where a command needs it.

    Raises:
        MissingDependency: Something is not.
    """
    from importlib.util import find_spec

    needed = ("fastapi", "sqlalchemy", "uvicorn", "httptools", "prometheus_client", "alembic")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        error: GTSError = MissingDependency(
            f"the server needs {', '.join(missing)}, which is not installed",
            mend=install_line("train", "platform"),
        )
        raise error
