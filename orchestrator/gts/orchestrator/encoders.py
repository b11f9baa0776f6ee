"""The encoder of a task, as stages are told it."""

from __future__ import annotations

from typing import Any

from gts.core import catalogue


def encoder_of(language: str | None) -> dict[str, Any]:
    """Parameters of stages: ``encoder``, the catalogue's for a language, and ``weights``, its identity; None where there is none."""
    known = catalogue.encoder_for(language or "und")
    encoder = known.id if known else None
    return {"encoder": encoder, "weights": catalogue.identity(encoder) if encoder else None}
