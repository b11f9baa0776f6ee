"""All tables of the code as it stands, for comparing with a migrated database."""

from __future__ import annotations

from sqlalchemy import MetaData

import gts.orchestrator.tables as of_jobs
import gts.platform.tables as of_tokens
import gts.platform.traffic.tables as of_traffic
import gts.registry.promotion_tables as of_promotions
import gts.registry.tables as of_models
from gts.core.database import Base

ROOMS = (of_jobs, of_models, of_promotions, of_tokens, of_traffic)
"""Modules that declare tables; importing them enters these in the metadata that all share."""


def metadata() -> MetaData:
    """The declared tables of every room."""
    return Base.metadata
