"""The language models a site has: their names, what serves them, and what they cost.

They stand in a YAML file named by the environment variable ``GTS_MODELS``; tasks choose among the names in it. A task
that could name a server itself could make the platform call any address with the site's keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gts.core.errors import InvalidInput, MissingDependency, NotFound

VARIABLE = "GTS_MODELS"


class Price(BaseModel):
    """Money for a million tokens, in whatever currency the site counts in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[float, Field(ge=0)] = 0.0
    output: Annotated[float, Field(ge=0)] = 0.0


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
    kind: Literal["openai", "transformers"]
    model: Annotated[str, Field(min_length=1)]
    base_url: str | None = None
    key_env: str | None = None
    key_file: Path | None = None
    price: Price = Price()
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    timeout_s: Annotated[float, Field(gt=0)] = 60.0
    chat: bool = True
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    gpus: Annotated[float, Field(gt=0, le=16)] = 1.0
    search: dict[str, float | int | str] | None = None
    tune: dict[str, float | int] | None = None

    @model_validator(mode="after")
    def _address(self) -> ModelEntry:
        if self.kind == "openai" and not (self.base_url or "").startswith(("http://", "https://")):
            raise ValueError("an openai model needs base_url, such as http://127.0.0.1:8000/v1")
        if self.kind == "openai" and (self.search is not None or self.tune is not None):
            raise ValueError("search and tune need a model of kind transformers")
        if self.gpus > 1 and not self.gpus.is_integer():
            raise ValueError("gpus is a share of one GPU, such as 0.5, or a whole number of them")
        if self.search is not None and self.tune is not None:
            raise ValueError("a model either searches or is tuned; give it two names to try both")
        return self

    def identity(self) -> dict[str, Any]:
        """What decides its answers: the model, not the address, which may change between two runs."""
        return {"kind": self.kind, "model": self.model, "dtype": self.dtype}

    def key(self) -> str | None:
        """The key, read where it is kept.

        Raises:
            MissingDependency: The variable is not set, or the file cannot be read.
        """
        if self.key_env:
            if value := os.environ.get(self.key_env):
                return value
            raise MissingDependency(
                f"model {self.name!r} takes its key from {self.key_env}, which is not set",
                mend=f"set {self.key_env} where gts runs",
            )
        if self.key_file:
            try:
                return self.key_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise MissingDependency(
                    f"the key of model {self.name!r} cannot be read from {self.key_file}",
                    mend="write the key alone into that file, readable by the user gts runs as",
                ) from error
        return None


def entries() -> tuple[ModelEntry, ...]:
    """The site's models; none where ``GTS_MODELS`` is not set.

    Raises:
        InvalidInput: The file is missing or malformed.
    """
    place = os.environ.get(VARIABLE)
    return read_entries(Path(place)) if place else ()


def read_entries(path: Path) -> tuple[ModelEntry, ...]:
    """The models of a file.

    Raises:
        InvalidInput: It is missing or malformed, or names a model twice.
    """
    mend = (
        f"correct the file {VARIABLE} names: models: [{{name: big, kind: openai, model: .., base_url: ..}}]"
    )
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        rows: list[dict[str, Any]] = document["models"]
        found = tuple(_placed(ModelEntry.model_validate(row), path) for row in rows)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{path.name}: {where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}"
        raise InvalidInput(message, mend=mend) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} holds no list of models: {error}", mend=mend) from error
    names = [entry.name for entry in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(
            f"{path.name} names {', '.join(twice)} twice",
            mend=f"give each model of the file {VARIABLE} names a name of its own",
        )
    return found


def find(name: str) -> ModelEntry:
    """The model of that name.

    Raises:
        NotFound: There is none.
    """
    known = entries()
    for entry in known:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in known) or "none"
    raise NotFound(
        f"no language model is named {name!r}; known: {names}",
        mend=f"add it to the file {VARIABLE} names",
    )


def check_known(names: Iterable[str]) -> None:
    """Refuse names that the site has no model for.

    Raises:
        InvalidInput: One is unknown, or the file is missing or malformed.
    """
    names = list(names)
    known = [entry.name for entry in entries()] if names else []
    for name in names:
        if name not in known:
            like = get_close_matches(name, known, 1)
            raise InvalidInput(
                f"no language model is named {name!r}; this site has {', '.join(known) or 'none'}",
                mend=f"did you mean {like[0]!r}?" if like else f"add it to the file {VARIABLE} names",
                field="models",
                known=known,
            )


def _placed(entry: ModelEntry, file: Path) -> ModelEntry:
    """The entry with its files resolved from the folder of the file that names them."""
    changes: dict[str, Any] = {}
    folder = file.absolute().parent
    if entry.kind == "transformers" and (folder / entry.model).is_dir():
        changes["model"] = str(folder / entry.model)
    if entry.key_file is not None:
        changes["key_file"] = folder / entry.key_file.expanduser()
    return entry.model_copy(update=changes)
