"""One language model of a site: what serves it, how it is reached, and what it costs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gts.core.errors import InvalidInput, MissingDependency
from gts.core.fingerprint import fingerprint
from gts.core.llm.kinds import KINDS
from gts.core.llm.secrets import secrets_of, shown_address

RESERVED = (
    "embedded",
    "lexical",
    "lexical-spread",
    "encoder",
    "encoder-spread",
    "tuned",
    "tuned-spread",
    "cross-spread",
)
"""Names that generators and teachers of GTS's own have in tasks and reports."""

_PLAIN = re.compile(r"[!-~]+")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_WEIGHTS = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt")


class Price(BaseModel):
    """Money for a million tokens, in whatever currency the site counts in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    output: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class ModelEntry(BaseModel):
    """One language model.

    Attributes:
        name: What tasks call it.
        kind: What runs it: ``openai``, any server that speaks OpenAI's protocol; ``transformers``, this machine.
        model: The name the server knows it by; for ``transformers`` a hub id, or a folder (a relative one
            counts from the folder of the file).
        base_url: Address of the server, up to and with ``/v1``.
        key_env: Environment variable that holds the key; or
        key_file: File that holds it. The key itself is never written down.
        price: What its tokens cost.
        licence: SPDX identifier of the licence of its weights, or the name of its terms; told of students that learnt from it.
        concurrency: Calls in flight at once.
        timeout_s: Seconds an answer may take.
        chat: Whether it was trained to follow instructions; if not, it is given texts to continue.
        device: For ``transformers``: ``cpu``, ``cuda:0`` and so on; ``auto`` takes a GPU where there is one.
        search: For ``transformers``: options of the tree search with which it writes texts, such as ``{simulations: 64}``; without
            them it writes by sampling.
        tune: For ``transformers``: options of tuning it on the user's texts before it writes, such as ``{steps: 60}``; it then
            goes on writing lists of texts, whatever ``chat`` says.
        dtype: For ``transformers``: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        gpus: For ``transformers`` on Ray: GPUs that its process takes where there are any, or a share of one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    kind: str
    model: Annotated[str, Field(min_length=1)]
    base_url: str | None = None
    key_env: str | None = None
    key_file: Path | None = None
    price: Price = Price()
    licence: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    chat: bool = True
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d{1,3})?)$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    gpus: Annotated[float, Field(gt=0, le=16)] = 1.0
    search: dict[str, float | int | str] | None = None
    tune: dict[str, float | int] | None = None

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"the name {name!r} is taken by GTS itself; give the model another one")
        return name

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; expected {' or '.join(map(repr, KINDS))}")
        return kind

    @field_validator("key_env")
    @classmethod
    def _a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE_NAME.fullmatch(name):  # perhaps the key itself: not repeated
            raise ValueError("key_env is not the name of an environment variable, such as BIG_KEY")
        return name

    @model_validator(mode="after")
    def _agreeing(self) -> ModelEntry:
        if self.kind != "transformers" and (self.search is not None or self.tune is not None):
            raise ValueError("search and tune need a model of kind transformers")
        if self.is_remote:
            self._check_address(self.kind, self.base_url or "")
        elif given := [name for name in ("base_url", "key_env", "key_file") if getattr(self, name)]:
            raise ValueError(f"{given[0]} is for models behind a server; one of kind {self.kind} runs here")
        if self.key_env and self.key_file:
            raise ValueError("key_env and key_file are given; the key is in one place only")
        if self.gpus > 1 and not self.gpus.is_integer():
            raise ValueError("gpus is a share of one GPU, such as 0.5, or a whole number of them")
        if self.search is not None and self.tune is not None:
            raise ValueError("a model either searches or is tuned; give it two names to try both")
        return self

    @staticmethod
    def _check_address(kind: str, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"a model of kind {kind} needs base_url, such as http://127.0.0.1:8000/v1")
        if not url.isprintable() or " " in url:
            raise ValueError("base_url holds a space or a control character")
        try:
            parts = urlsplit(url)
            is_whole = bool(parts.hostname) and parts.port != 0
        except ValueError:  # its words hold the address, perhaps with a password
            is_whole = False
        if not is_whole:
            raise ValueError(
                "base_url is no address with a host and a port of 1 to 65535, such as http://127.0.0.1:8000/v1"
            )

    @property
    def is_remote(self) -> bool:
        """Whether a server runs it."""
        return KINDS[self.kind].is_remote

    @property
    def address(self) -> str:
        """Where its server is, fit to be shown: without user and password."""
        return shown_address(self.base_url) if self.base_url else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What its address holds that must not be shown; its key is another secret."""
        return secrets_of(self.base_url) if self.base_url else ()

    def identity(self) -> dict[str, Any]:
        """What decides its answers.

        Of a model behind a server its name there and the server's address: two servers may call different models alike. Of a
        folder of weights its files, by size and time of change, so that weights that were trained on are other weights.
        """
        found: dict[str, Any] = {"kind": self.kind, "model": self.model, "dtype": self.dtype}
        if self.is_remote:
            return found | {"address": self.address}
        return found | {"weights": weights_identity(Path(self.model))}

    def key(self) -> str | None:
        """The key, read where it is kept.

        Raises:
            MissingDependency: The variable is not set, or the file cannot be read.
            InvalidInput: What is kept there is no key.
        """
        if self.key_env:
            value = os.environ.get(self.key_env)
            if not value:
                raise MissingDependency(
                    f"model {self.name!r} takes its key from {self.key_env}, which is not set",
                    mend=f"set {self.key_env} where gts runs",
                )
            return self._checked(value, self.key_env)
        if self.key_file:
            try:
                value = self.key_file.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise MissingDependency(
                    f"the key of model {self.name!r} cannot be read from {self.key_file}",
                    mend="write the key alone into that file, readable by the user gts runs as",
                ) from error
            return self._checked(value, str(self.key_file))
        return None

    def _checked(self, value: str, where: str) -> str:
        key = value.strip()
        if not _PLAIN.fullmatch(key):
            found = "is not one line of plain characters" if key else "is empty"
            raise InvalidInput(
                f"the key of model {self.name!r} in {where} {found}",
                mend="put the key there alone, as it was given to you",
            )
        return key


def weights_identity(folder: Path) -> str | None:
    """What tells the files of a folder of weights from those it held before; ``None`` where there is no such folder."""
    if not folder.is_dir():
        return None
    files = [
        (file.name, status.st_size, status.st_mtime_ns)
        for file in folder.iterdir()
        if file.suffix in _OF_WEIGHTS and (status := file.stat())
    ]
    return fingerprint(sorted(files))
