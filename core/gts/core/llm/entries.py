"""The language models a site has, and the file that lists them.

They stand in a YAML file named by the environment variable ``GTS_MODELS``; tasks choose among the names in it. A task
that could name a server itself could make the platform call any address with the site's keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gts.core.errors import InvalidInput, NotFound
from gts.core.llm.entry import ModelEntry, Price

__all__ = [
    "VARIABLE",
    "ModelEntry",
    "Price",
    "beside_the_file",
    "check_known",
    "entries",
    "every_entry",
    "find",
    "read_entries",
]

VARIABLE = "GTS_MODELS"

_MEND = (
    f"correct the file {VARIABLE} names; it looks like this: "
    "models: [{name: big, kind: openai, model: .., base_url: ..}]"
)
_EXPECTED = {
    "name": "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit",
    "device": "auto, cpu, mps, cuda, or one of several as cuda:0",
}
_NEVER_SHOWN = ("base_url", "key_env", "key_file")
_MOST_TOLD = 3


def entries() -> tuple[ModelEntry, ...]:
    """The site's models; none where ``GTS_MODELS`` is not set.

    Raises:
        InvalidInput: The file is missing or malformed.
    """
    place = os.environ.get(VARIABLE)
    return read_entries(Path(place)) if place else ()


def every_entry() -> list[ModelEntry | InvalidInput]:
    """The site's models, with what is wrong in the place of one that is malformed.

    Raises:
        InvalidInput: The file is missing, or holds no list of models.
    """
    place = os.environ.get(VARIABLE)
    return _read(Path(place)) if place else []


def read_entries(path: Path) -> tuple[ModelEntry, ...]:
    """The models of a file.

    Raises:
        InvalidInput: It is missing or malformed, or names a model twice.
    """
    found = []
    for entry in _read(path):
        if isinstance(entry, InvalidInput):
            raise entry
        found.append(entry)
    return tuple(found)


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


def beside_the_file(model: str) -> Path:
    """Where a folder of weights of that name would lie: beside the file of models."""
    return Path(os.environ.get(VARIABLE) or "models.yaml").absolute().parent / model


def _read(path: Path) -> list[ModelEntry | InvalidInput]:
    found: list[ModelEntry | InvalidInput] = []
    taken: set[str] = set()
    for number, row in enumerate(_rows(path), start=1):
        entry = _entry(row, number, path)
        if isinstance(entry, ModelEntry):
            if entry.name in taken:
                entry = InvalidInput(
                    f"{path.name} names {entry.name} twice",
                    mend=f"give each model of the file {VARIABLE} names a name of its own",
                )
            else:
                taken.add(entry.name)
        found.append(entry)
    return found


def _rows(path: Path) -> list[Any]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(
            f"there is no file {path.absolute()}", mend=f"write it, or change {VARIABLE}"
        ) from error
    except OSError as error:
        raise InvalidInput(
            f"the file of models {path.absolute()} cannot be read: {(error.strerror or 'unknown').lower()}",
            mend=f"make it readable, or change {VARIABLE}",
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no UTF-8 text", mend=_MEND) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "it cannot be read as YAML"
        raise InvalidInput(f"{path} holds no list of models: {why}{where}", mend=_MEND) from error
    if document is None:
        raise InvalidInput(f"{path} is empty; expected a list of models", mend=_MEND)
    if isinstance(document, list):
        raise InvalidInput(
            f"{path} holds no list of models: a list stands there alone; expected 'models:' above it",
            mend=_MEND,
        )
    if not isinstance(document, dict) or "models" not in document:
        keys = ", ".join(map(str, document)) if isinstance(document, dict) else "a single value"
        raise InvalidInput(f"{path} holds no list of models under 'models:'; it holds {keys}", mend=_MEND)
    if document["models"] is None:
        return []
    if not isinstance(document["models"], list):
        raise InvalidInput(
            f"{path} holds no list of models: what stands under 'models:' is no list; "
            "expected each model after a dash",
            mend=_MEND,
        )
    return list(document["models"])


def _entry(row: Any, number: int, file: Path) -> ModelEntry | InvalidInput:
    if not isinstance(row, dict):
        return InvalidInput(
            f"{file.name}: model {number} has no fields; expected name, kind and model", mend=_MEND
        )
    name = row.get("name")
    called = repr(name[:64]) if isinstance(name, str) else str(number)
    try:
        return _placed(ModelEntry.model_validate({str(key): value for key, value in row.items()}), file)
    except ValidationError as error:
        wrong = list(dict.fromkeys(_problem(first) for first in error.errors()))
        return InvalidInput(f"{file.name}: model {called}: {'; '.join(wrong[:_MOST_TOLD])}", mend=_MEND)


def _problem(error: Any) -> str:
    """What is wrong with a field, in words."""
    where = [str(part) for part in error["loc"]]
    field = where[0] if where else ""
    if error["type"] == "extra_forbidden":
        known = Price.model_fields if field == "price" else ModelEntry.model_fields
        return f"unknown field {where[-1]!r}; the fields are {', '.join(known)}"
    if error["type"] == "missing":
        return f"the field {field!r} is missing"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if field in ("search", "tune"):  # one error for each type that a value might have had
        return f"{'.'.join(where[:2])} is {error['input']!r}; expected a number" + (
            " or a word" if field == "search" else ""
        )
    message = str(error["msg"])
    expected = _EXPECTED.get(field) or error.get("ctx", {}).get("expected")
    said = f"expected {expected}" if expected else message[:1].lower() + message[1:]
    found = "" if field in _NEVER_SHOWN else f" is {str(error['input'])[:80]!r}"
    return f"{'.'.join(where)}{found}; {said}"


def _placed(entry: ModelEntry, file: Path) -> ModelEntry:
    """The entry with its files resolved from the folder of the file that names them."""
    changes: dict[str, Any] = {}
    folder = file.absolute().parent
    if not entry.is_remote:
        weights = folder / os.path.expanduser(entry.model)
        # What cannot be a hub id is a path, there or not: then the error names the place that was looked at.
        if weights.is_dir() or entry.model.startswith((".", "/", "~")) or entry.model.count("/") > 1:
            changes["model"] = os.path.abspath(weights)
    if entry.key_file is not None:
        changes["key_file"] = folder / os.path.expanduser(entry.key_file)
    return entry.model_copy(update=changes)
