"""Entries for a site's own catalogue, written from the files of the models that they name."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gts.core.blobs import write_atomically
from gts.core.catalogue import BaseModelEntry, check_architecture
from gts.core.errors import InvalidInput
from gts.core.fingerprint import file_sha256
from gts.core.safetensors_file import count_parameters


def describe_model(
    model_id: str, folder: Path, *, languages: Collection[str], licence: str, install: str
) -> BaseModelEntry:
    """The entry of an encoder whose files lie in a folder.

    Args:
        model_id: What the catalogue is to call it.
        folder: Its files, in the form of ``transformers``.
        languages: ISO 639-1 codes it was trained for.
        licence: SPDX identifier.
        install: How the files get there again.

    Raises:
        InvalidInput: It is of an architecture that encoders here cannot have, or has no weights as safetensors.
        MissingDependency: It is no model of ``transformers``.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InvalidInput(f"{model_id} has no weights as safetensors", mend="name another encoder")
    entry = BaseModelEntry(
        id=model_id,
        languages=tuple(languages),
        parameters=sum(map(count_parameters, weights)),
        hidden_size=_hidden_size(model_id, folder),
        licence=licence,
        path=folder,
        install=install,
        sha256={path.name: file_sha256(path) for path in weights},
    )
    check_architecture(entry, folder)
    return entry


def add_entry(catalogue: Path, entry: BaseModelEntry) -> None:
    """Write an entry into a catalogue, in place of one with its id; the file is made if it is not there.

    Raises:
        InvalidInput: The file is there and is no catalogue.
    """
    document: dict[str, Any] = {"models": []}
    if catalogue.exists():
        try:
            document = json.loads(catalogue.read_text("utf-8"))
            others = [row for row in document["models"] if row["id"] != entry.id]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"the catalogue {catalogue} cannot be read: {error}",
                mend='give a JSON file {"models": [...]}, or one that is not there yet',
            ) from error
    else:
        others = []
    row = {key: value for key, value in entry.model_dump(mode="json").items() if value not in (None, "")}
    if entry.path is not None and entry.path.is_relative_to(catalogue.parent):
        row["path"] = str(entry.path.relative_to(catalogue.parent))
    text = json.dumps({**document, "models": [*others, row]}, ensure_ascii=False, indent=2)
    write_atomically(catalogue, text.encode() + b"\n")


def _hidden_size(model_id: str, folder: Path) -> int:
    try:
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        return int(config["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"config.json of {model_id} does not say how wide its hidden states are: {error}",
            mend="name an encoder in the form of `transformers`",
        ) from error
