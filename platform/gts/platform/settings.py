"""Settings: one table of fields, read from flags, then ``GTS_*`` variables, then ``gts.toml``, then defaults."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from gts.core.errors import InvalidInput
from gts.core.s3 import parse_url

_MIB = 1 << 20
_DATA_DIR_VARIABLE = "GTS_HOME"
_DATABASES = ("sqlite:///", "postgresql+psycopg://")


def _default_data_dir() -> Path:
    return Path.home() / ".gts"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseModel):
    """What one installation is told about its surroundings; the description of each field is its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder of everything this installation keeps."
    )
    host: str = Field("127.0.0.1", description="Address to listen on; beyond loopback GTS_TOKEN must be set.")
    port: int = Field(8750, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="URL under which others reach the server (behind a proxy)."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Further host names the server answers to, separated by commas."
    )
    token: SecretStr | None = Field(
        None,
        description="Token of your own choice (32 characters or more) instead of a fresh one at each start.",
    )
    public_downloads: bool | None = Field(
        None, description="Whether public models are downloaded without a token; unset: on loopback only."
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    blob_url: str = Field(
        "",
        description="Where the registry's blobs lie: s3://bucket/prefix; empty: in the data folder. "
        "Endpoint and credentials are those of the AWS_* variables.",
    )
    blob_cache_bytes: int = Field(
        20 << 30, gt=0, description="Bytes that local copies of blobs in S3 may have together."
    )
    redis_url: str | None = Field(
        None, description="Redis that carries knocks to workers; none: workers poll."
    )
    compute: Literal["ray", "inline"] = Field(
        "ray", description="Where stages run: Ray, or the worker itself."
    )
    ray_address: str | None = Field(
        None, description="Ray cluster to join; none: a local one, started lazily."
    )
    workers: int = Field(1, ge=0, le=64, description="Worker processes to start; 0: they run elsewhere.")
    engine: str = Field(
        "gts.orchestrator.engine:job_runner",
        description="Makes the function that runs a job, as `module:function`.",
    )
    stages: str = Field(
        "gts.orchestrator.stages:STAGES", description="Table of stages, as `module:attribute`."
    )
    max_upload_bytes: int = Field(512 * _MIB, gt=0, description="Largest upload of a job's files, in bytes.")
    max_body_bytes: int = Field(32 * _MIB, gt=0, description="Largest body of any other request, in bytes.")
    max_hub_upload_bytes: int = Field(
        8 << 30, gt=0, description="Largest file, and largest commit, that Hub clients may upload, in bytes."
    )
    hub_inline_bytes: int = Field(
        512 * _MIB,
        gt=0,
        description="Largest file that Hub clients send inside a commit; larger ones need HF_HUB_DISABLE_XET=1.",
    )
    max_predict_bytes: int = Field(
        8 * _MIB, gt=0, description="Largest body of a prediction request, in bytes."
    )
    max_texts: int = Field(1024, gt=0, description="Most texts in one prediction request.")
    max_text_chars: int = Field(
        100_000, gt=0, description="Longest text in a prediction request, in characters."
    )
    max_request_chars: int = Field(
        1_000_000, gt=0, description="Most characters of all texts of a prediction request together."
    )
    max_students_bytes: int = Field(
        1024 * _MIB, gt=0, description="Memory that loaded students may take; the least used ones go first."
    )
    max_batch_ms: int = Field(
        20,
        gt=0,
        description="Milliseconds that one call of a student should take at most, for requests answered together.",
    )
    max_predictions: int = Field(
        128,
        gt=0,
        description="Prediction requests in flight, of which one model may have three quarters; more are refused with 429.",
    )
    serving_models: tuple[str, ...] = Field(
        (),
        description="Language models of GTS_MODELS that may answer where a student is not sure, separated by commas.",
    )
    log_predictions: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the rows that models are asked about which is kept; can be set for one model.",
    )
    keep_predictions_days: int = Field(30, gt=0, description="Days for which such rows are kept.")
    keep_predictions_rows: int = Field(
        100_000, gt=0, description="How many such rows are kept at most; the oldest go first."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    sources: Annotated[dict[str, str], Field(exclude=True, repr=False)] = Field(
        default_factory=dict, description="Where each value came from."
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("blob_url")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if value:
            try:
                parse_url(value)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if value and not value.startswith(_DATABASES):
            raise ValueError(f"a URL beginning with {' or '.join(_DATABASES)} was expected")
        return value

    @field_validator("allowed_hosts", "serving_models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @property
    def downloads_are_public(self) -> bool:
        """Whether public models can be downloaded without a token."""
        return is_loopback(self.host) if self.public_downloads is None else self.public_downloads

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gts.db'}"

    @property
    def store_root(self) -> Path:
        """Root of the artifact store."""
        return self.data_dir / "artifacts"

    @property
    def upload_key_file(self) -> Path:
        """Where the key lies that signs upload addresses."""
        return self.data_dir / "upload-key"

    @property
    def drafts_root(self) -> Path:
        """Root of the store of tasks that wait to be confirmed."""
        return self.data_dir / "drafts"

    @property
    def blob_root(self) -> Path:
        """Root of the registry's blobs, where they lie in the data folder."""
        return self.data_dir / "blobs"

    @property
    def blob_cache_root(self) -> Path:
        """Where copies of blobs lie that are kept elsewhere; can be removed while nothing runs."""
        return self.data_dir / "blob-cache"

    @property
    def models_root(self) -> Path:
        """Where published models lie as folders, for serving; can be removed at any time."""
        return self.data_dir / "models"

    @property
    def ray_root(self) -> Path:
        """Where a local Ray keeps its sockets and logs."""
        return self.data_dir / "ray"

    @property
    def server_file(self) -> Path:
        """Where a running server writes how local clients reach it (mode 0600)."""
        return self.data_dir / "server.json"


def variable_of(field: str) -> str:
    """The environment variable of a field.

    Example:
        >>> variable_of("port"), variable_of("data_dir")
        ('GTS_PORT', 'GTS_HOME')
    """
    return _DATA_DIR_VARIABLE if field == "data_dir" else f"GTS_{field.upper()}"


def fields() -> list[tuple[str, str, str]]:
    """Name, environment variable and help of every setting, in order."""
    return [
        (name, variable_of(name), info.description or "")
        for name, info in Settings.model_fields.items()
        if name != "sources"
    ]


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a child process that needs no token.

    Example:
        >>> environment(Settings(data_dir="/tmp", port=1))["GTS_PORT"]
        '1'
    """
    values = settings.model_dump(mode="json", exclude={"token", "sources"})
    return {
        variable_of(name): ",".join(value) if isinstance(value, list) else str(value)
        for name, value in values.items()
        if value is not None
    }


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Put the settings together.

    Args:
        flags: Values given on the command line; ``None`` values count as not given.
        environ: Environment variables; the process's own by default.

    Raises:
        InvalidInput: A value is wrong; the message names where it came from.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}

    def take(name: str, value: Any, source: str) -> None:
        if name not in values:
            values[name], sources[name] = value, source

    for name, value in (flags or {}).items():
        if value is not None:
            take(name, value, "flag")
    for name, variable, _ in fields():
        if environ.get(variable):
            take(name, environ[variable], variable)
    data_dir = Path(values.get("data_dir") or _default_data_dir()).expanduser().resolve()
    for name, value in _read_file(data_dir / "gts.toml").items():
        take(name, value, "gts.toml")
    try:
        return Settings(**values, sources=sources)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        origin = sources.get(name, "the settings")
        raise InvalidInput(
            f"setting {name!r} from {origin} is wrong: {first['msg'].removeprefix('Value error, ')}",
            mend=f"correct it; its meaning: {Settings.model_fields[name].description}"
            if name in Settings.model_fields
            else "correct it",
            setting=name,
        ) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}", mend="correct or remove the file") from error
    known = {name for name, _, _ in fields()} - {"data_dir"}
    for name in document:
        if name not in known:
            raise InvalidInput(
                f"{path} has an unknown setting {name!r}", mend=f"known settings: {', '.join(sorted(known))}"
            )
    return document
