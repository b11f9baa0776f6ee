"""The database's schema over time: Alembic revisions and how they are applied."""

from gts.migrations.upgrade import current, upgrade

__all__ = ["current", "upgrade"]
