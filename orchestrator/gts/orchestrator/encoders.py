"""The encoders of a task, as stages are told them."""

from __future__ import annotations

from typing import Any

from gts.core import catalogue
from gts.core.catalogue import BaseModelEntry


def encoder_of(language: str | None) -> dict[str, Any]:
    """Parameters of stages: ``encoder``, the first of the catalogue's for a language, and ``weights``, its identity.

    Both are None where there is none.
    """
    known = catalogue.encoder_for(language or "und")
    return _named(known) if known else {"encoder": None, "weights": None}


def candidates_of(language: str | None) -> dict[str, Any]:
    """Parameters of the stages that profile a task: those of :func:`encoder_of`, and ``bases`` where there are several.

    ``bases`` holds ``encoder`` and ``weights`` of each encoder that may be chosen, in the catalogue's order.

    Raises:
        MissingDependency: A file of one of them is not at hand.
        StorageError: A file is not the one the catalogue names.
        InvalidInput: One is of another architecture than the catalogue's encoders have.
    """
    known = catalogue.encoders_for(language or "und")
    several = {"bases": [_named(entry) for entry in known]} if len(known) > 1 else {}
    return encoder_of(language) | several


def _named(entry: BaseModelEntry) -> dict[str, Any]:
    return {"encoder": entry.id, "weights": catalogue.identity(entry.id)}
