"""``gts doctor``: is everything here that producing and serving need, and what to do where it is not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.errors import GTSError, InvalidInput
from gts.core.extras import install_line
from gts.core.threads import available_cores
from gts.platform.settings import Settings, fields

if TYPE_CHECKING:
    from gts.core.llm.entries import ModelEntry

_GIB = 1 << 30
_MEMORY_GIB, _DISK_GIB = 4, 5
_EXTRAS = {
    "platform": (
        "fastapi",
        "sqlalchemy",
        "alembic",
        "uvicorn",
        "httptools",
        "prometheus_client",
        "ray",
        "celery",
        "psutil",
    ),
    "train": ("torch", "transformers", "model2vec", "scikit-learn", "onnx", "pyarrow"),
    "llm": ("accelerate", "openai", "peft"),
}
_VARIABLES = {
    "GTS_MODELS": "File of the language models there are; no flag or line of gts.toml sets it.",
    "GTS_CATALOGUE": "File of base models of your own; no flag or line of gts.toml sets it.",
    "GTS_PROMPTS": "Folder of prompts of your own; no flag or line of gts.toml sets it.",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        ok: Whether it is as it should be.
        found: What was found.
        mend: What to do where it is not.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """The check as JSON."""
        return asdict(self)


def examine(settings: Settings) -> list[Check]:
    """Look at everything; nothing is changed."""
    checks = [_python(), *(_extra(name, packages) for name, packages in _EXTRAS.items())]
    checks += [
        _encoder(),
        _cores(),
        _memory(),
        _disk(settings),
        _ray(settings),
        _database(settings),
        _blobs(settings),
        _server(settings),
        *_prompts(),
        *_models(),
    ]
    return checks


def settings_table(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its value, where that came from, and what it means. The token is not shown.

    Behind them the environment variables that are no settings.
    """
    table = [
        {
            "name": name,
            "variable": variable,
            "value": _shown(name, getattr(settings, name)),
            "source": settings.sources.get(name, "default"),
            "help": help_text,
        }
        for name, variable, help_text in fields()
    ]
    for variable, help_text in _VARIABLES.items():
        value = os.environ.get(variable, "")
        table.append(
            {
                "name": variable.removeprefix("GTS_").lower(),
                "variable": variable,
                "value": value,
                "source": "environment" if value else "default",
                "help": help_text,
            }
        )
    return table


def _shown(name: str, value: Any) -> str:
    if value is None or value in ("", ()):
        return ""
    if name == "token":
        return "***"
    if name in ("database_url", "redis_url"):
        return hide_password(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def hide_password(url: str) -> str:
    """A URL fit to be shown.

    Example:
        >>> hide_password("postgresql+psycopg://gts:secret@db/gts")
        'postgresql+psycopg://gts:***@db/gts'
    """
    head, at, rest = url.rpartition("@")
    scheme, colons, credentials = head.partition("://")
    if not at or ":" not in credentials:
        return url
    return f"{scheme}{colons}{credentials.partition(':')[0]}:***@{rest}"


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), f"{found}; gts {installed_version('gts')}")


def _extra(name: str, packages: Iterable[str]) -> Check:
    there, missing = [], []
    for package in packages:
        try:
            there.append(f"{package} {installed_version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        found = f"missing: {', '.join(missing)}"
        if name == "llm" and not os.environ.get("GTS_MODELS"):
            return Check(name, True, f"{found}; only language models need it")
        return Check(name, False, found, install_line(name))
    return Check(name, True, ", ".join(there))


def _encoder() -> Check:
    from gts.core import catalogue

    found, mends = [], []
    try:
        for entry in catalogue.entries():
            try:
                found.append(f"{entry.id} in {catalogue.locate(entry.id)}, checksums verified")
            except GTSError as error:
                mends.append(f"{error.message}: {error.mend}")
    except GTSError as error:
        return Check("encoder", False, error.message, error.mend)
    return Check("encoder", bool(found), "; ".join(found) or "no base model is at hand", "; ".join(mends))


def _prompts() -> list[Check]:
    """The folder of a person's own prompts, where one is named."""
    from gts.core.llm.prompts import VARIABLE, check_folder

    folder = os.environ.get(VARIABLE)
    if not folder:
        return []
    try:
        check_folder()
    except InvalidInput as error:
        return [Check("prompts", False, error.message, error.mend)]
    own = sorted(file.name for file in Path(folder).glob("*.txt"))
    return [Check("prompts", True, f"{folder}: {', '.join(own) or 'no prompts yet'}")]


def _models() -> list[Check]:
    """Every language model, asked three short questions."""
    from gts.core.llm.entries import every_entry

    try:
        found = every_entry()
    except GTSError as error:
        return [Check("language models", False, error.message, error.mend)]
    return [
        Check(f"model {number}", False, entry.message, entry.mend)
        if isinstance(entry, GTSError)
        else _model(entry)
        for number, entry in enumerate(found, start=1)
    ]


def _model(entry: ModelEntry) -> Check:
    from gts.core.llm.backend import open_backend
    from gts.core.llm.probe import probe
    from gts.core.llm.secrets import masked

    name = f"model {entry.name}"
    try:
        _check_options(entry)
        seen = probe(open_backend(entry))
    except GTSError as error:
        return Check(name, False, error.message, error.mend)
    except Exception as error:  # noqa: BLE001 - whatever ails one model, the others are asked too
        said = masked(f"{type(error).__name__}: {error}", entry.secrets)
        return Check(name, False, said, "this is a bug; correct or remove the entry, and report it")
    if seen.problem:
        return Check(name, False, f"it answers, but: {seen.problem}", "look at the log of what serves it")
    speed = f"{seen.tokens_per_second:.0f} tokens a second" if seen.tokens_per_second else "speed unknown"
    facts = [
        f"{entry.model} by {entry.kind}",
        speed,
        "log-probabilities" if seen.logprobs else "no log-probabilities",
        "keeps to a JSON schema" if seen.schema else "keeps to no JSON schema",
        f"{entry.price.input:g} and {entry.price.output:g} for a million tokens read and written",
    ]
    return Check(name, True, "; ".join(facts))


def _check_options(entry: ModelEntry) -> None:
    if entry.search is None and entry.tune is None:
        return
    from gts.orchestrator.stages.writers import check_options

    check_options(entry)


def _cores() -> Check:
    cores = available_cores()
    return Check("cores", cores >= 2, str(cores), "" if cores >= 2 else "producing takes about twice as long")


def _memory() -> Check:
    available = _available_memory_bytes() / _GIB
    mend = (
        "" if available >= _MEMORY_GIB else f"producing needs about {_MEMORY_GIB} GiB: close other programs"
    )
    return Check("memory", not mend, f"{available:.1f} GiB available", mend)


def _available_memory_bytes() -> int:
    try:
        import psutil
    except ModuleNotFoundError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(psutil.virtual_memory().available)


def _disk(settings: Settings) -> Check:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / _GIB
    mend = "" if free >= _DISK_GIB else f"have {_DISK_GIB} GiB free, or set GTS_HOME to another disk"
    return Check("disk", not mend, f"{free:.1f} GiB free in {settings.data_dir}", mend)


def _ray(settings: Settings) -> Check:
    if settings.compute == "inline":
        return Check("ray", True, "not used: stages run in the worker")
    try:
        found = installed_version("ray")
    except PackageNotFoundError:
        return Check("ray", False, "not installed", f"set GTS_COMPUTE=inline, or {install_line('platform')}")
    where = settings.ray_address or "a local cluster, started with the first stage"
    return Check("ray", True, f"{found}; {where}")


def _database(settings: Settings) -> Check:
    shown = hide_password(settings.database)
    file = settings.database.removeprefix("sqlite:///")
    if file != settings.database and not Path(file).exists():
        return Check("database", True, f"{shown}: not made yet; `gts up` does")
    try:
        from sqlalchemy.exc import SQLAlchemyError

        from gts.migrations import current
    except ImportError as error:
        return Check("database", False, f"{shown}: {error}", install_line("platform"))
    try:
        return Check("database", True, f"{shown}: schema {current(settings.database)}")
    except (SQLAlchemyError, OSError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        return Check("database", False, f"{shown}: {reason}", "is `database_url` right, and does it run?")


def _blobs(settings: Settings) -> Check:
    if not settings.blob_url:
        return Check("blobs", True, f"in {settings.blob_root}")
    from gts.platform.storage import open_store

    try:
        open_store(settings)
    except GTSError as error:
        return Check("blobs", False, error.message, error.mend)
    return Check("blobs", True, f"in {settings.blob_url}, copies in {settings.blob_cache_root}")


def _server(settings: Settings) -> Check:
    from gts.platform.client import Client

    try:
        with Client(data_dir=settings.data_dir) as client:
            client.health()
            return Check("server", True, f"running at {client.url}")
    except GTSError:
        return Check("server", True, "not running; `gts up` starts it")
