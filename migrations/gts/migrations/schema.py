"""All tables of the code as it stands, for comparing with a migrated database."""

from __future__ import annotations

from sqlalchemy import MetaData

import gts.orchestrator.tables
import gts.platform.tables
import gts.registry.tables  # noqa: F401  # imported for the tables they declare
from gts.core.database import Base


def metadata() -> MetaData:
    """The declared tables of every room."""
    return Base.metadata
