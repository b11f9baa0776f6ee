"""All tables of the code as it stands, for comparing with a migrated database."""

from __future__ import annotations

from sqlalchemy import MetaData

from gts.core.database import Base
from gts.orchestrator import tables as of_jobs
from gts.platform import tables as of_tokens
from gts.registry import tables as of_models

ROOMS = (of_jobs, of_models, of_tokens)
"""Modules that declare tables; importing them enters these in the metadata that all share."""


def metadata() -> MetaData:
    """The declared tables of every room."""
    return Base.metadata
