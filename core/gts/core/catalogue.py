"""The catalogue of base models: what they are, where their weights come from, and that they are genuine.

The shipped entries are in ``catalogue.json``. A site adds its own (a Chinese encoder on disk, say) in a file of
the same form named by the environment variable ``GTS_CATALOGUE``.
"""

from __future__ import annotations

import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gts.core.errors import Damaged, InvalidInput, MissingDependency, NotFound
from gts.core.fingerprint import file_sha256, fingerprint


class BaseModelEntry(BaseModel):
    """One base model.

    Attributes:
        id: Its published name, or any name a site gives it.
        role: What it is used for: ``encoder`` (BERT family, mean pooling).
        languages: ISO 639-1 codes it was trained for.
        parameters: Number of parameters.
        hidden_size: Width of its hidden states.
        licence: SPDX identifier.
        package: Python package that carries the files, with ``folder`` inside it; or
        path: Folder on disk that holds them; a relative one counts from the folder of the catalogue.
        install: What to do when they are missing.
        sha256: File name to digest; checked once per process before first use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    role: str = "encoder"
    languages: tuple[str, ...]
    parameters: int
    hidden_size: int
    licence: str
    package: str | None = None
    folder: str = ""
    path: Path | None = None
    install: str = ""
    sha256: dict[str, str] = {}


def entries() -> tuple[BaseModelEntry, ...]:
    """All known base models: the site's own first, then the shipped ones.

    Raises:
        InvalidInput: The file named by ``GTS_CATALOGUE`` is missing or malformed.
    """
    return tuple(entry for file in _files() for entry in _read(file))


def _files() -> list[Path]:
    shipped = Path(__file__).with_name("catalogue.json")
    own = os.environ.get("GTS_CATALOGUE")
    return [Path(own), shipped] if own else [shipped]


def _read(file: Path) -> list[BaseModelEntry]:
    try:
        rows = json.loads(file.read_text("utf-8"))["models"]
        return [_placed(BaseModelEntry.model_validate(row), file) for row in rows]
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # ValueError: not UTF-8, JSON or the fields
        raise InvalidInput(
            f"the catalogue {file} cannot be read: {error}",
            mend='give a JSON file {"models": [...]} with the fields of the shipped catalogue',
        ) from error


def _placed(entry: BaseModelEntry, file: Path) -> BaseModelEntry:
    """The entry with its path resolved from the folder of the catalogue that holds it."""
    if entry.path is None:
        return entry
    return entry.model_copy(update={"path": file.absolute().parent / entry.path})


def find(model_id: str) -> BaseModelEntry:
    """The entry with this id.

    Raises:
        NotFound: There is none; the message lists the known ids.
    """
    for entry in entries():
        if entry.id == model_id:
            return entry
    known = ", ".join(entry.id for entry in entries())
    raise NotFound(f"no base model {model_id!r} in the catalogue", mend=f"known are: {known}")


def encoders_for(language: str) -> tuple[BaseModelEntry, ...]:
    """The encoders for a language whose files are at hand: the site's own, or where it has none, the shipped ones.

    So a site's catalogue has the say: what it names is never passed over for a shipped model. Texts of a language nobody
    could tell (``und``) are tried with the English ones; the audit says what they are worth.

    Raises:
        InvalidInput: The file named by ``GTS_CATALOGUE`` is missing or malformed.
    """
    language = "en" if language == "und" else language
    for file in _files():
        found = tuple(
            entry
            for entry in _read(file)
            if entry.role == "encoder" and language in entry.languages and _folder(entry) is not None
        )
        if found:
            return found
    return ()


def encoder_for(language: str) -> BaseModelEntry | None:
    """The first of :func:`encoders_for`, or ``None``: for where there are no labelled rows to rank them on."""
    return next(iter(encoders_for(language)), None)


def _folder(entry: BaseModelEntry) -> Path | None:
    if entry.path is not None:
        return entry.path if entry.path.is_dir() else None
    try:
        spec = importlib.util.find_spec(entry.package) if entry.package else None
    except ModuleNotFoundError:  # the parent of a dotted name
        return None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / entry.folder
    return folder if folder.is_dir() else None


@lru_cache(maxsize=8)
def identity(model_id: str) -> str:
    """A fingerprint of a base model's files, so that nothing computed with other weights is taken for theirs.

    Raises:
        NotFound: The id is not in the catalogue.
        MissingDependency: The files are not on this machine.
        StorageError: A file is not the one the catalogue names.
    """
    files = sorted(
        path for path in locate(model_id).iterdir() if path.suffix in (".json", ".safetensors", ".txt")
    )
    return fingerprint({path.name: file_sha256(path) for path in files})


@lru_cache(maxsize=8)
def locate(model_id: str) -> Path:
    """The folder of a base model's files, after checking their digests.

    Raises:
        NotFound: The id is not in the catalogue.
        MissingDependency: The files are not on this machine.
        StorageError: A file is not the one the catalogue names.
        InvalidInput: It is of another architecture than the catalogue's encoders have.
    """
    entry = find(model_id)
    folder = _folder(entry)
    if folder is None:
        raise MissingDependency(f"the weights of {model_id} are not on this machine", mend=entry.install)
    for name, digest in entry.sha256.items():
        if not (folder / name).is_file():
            raise MissingDependency(f"{name} of {model_id} is not in {folder}", mend=entry.install)
        found = file_sha256(folder / name)
        if found != digest:
            raise Damaged(
                f"{name} of {model_id} has SHA-256 {found}, the catalogue says {digest}",
                mend=f"install it again: {entry.install}",
                file=str(name),
            )
    check_architecture(entry, folder)
    return folder


def check_architecture(entry: BaseModelEntry, folder: Path) -> None:
    """Refuse a model that an entry's role cannot be filled by.

    RoBERTa and its kin load as BERT with positions shifted by two: nothing fails, and every vector is wrong.

    Raises:
        MissingDependency: The folder holds no model of ``transformers``.
        InvalidInput: It is of another architecture than the catalogue's encoders have.
    """
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingDependency(
            f"{folder} holds no model of transformers: {error}",
            mend="give a folder with config.json and weights",
        ) from error
    if entry.role == "encoder" and found != "bert":
        raise InvalidInput(
            f"{entry.id} is of type {found!r}; encoders of type 'bert' are supported",
            mend="name another encoder in the file GTS_CATALOGUE points to",
        )
