"""The table of promotions: one row for every move of an alias and every revision taken out of use, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gts.core.database import Base


class PromotionRow(Base):
    """What happened to an alias, or, where ``alias`` is null, to a revision itself.

    The database refuses to change a row (migration 0007); rows go only with their repository.
    """

    __tablename__ = "promotions"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('promote', 'rollback', 'job', 'remove', 'retire', 'restore')", name="kind_known"
        ),
        Index("ix_promotions_repository_id_alias", "repository_id", "alias"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(8))
    alias: Mapped[str | None] = mapped_column(String(255))
    old: Mapped[str | None] = mapped_column(
        String(40)
    )  # commit ids, which stay readable whatever becomes of the alias
    new: Mapped[str | None] = mapped_column(String(40))
    why: Mapped[str] = mapped_column(Text)
    job_id: Mapped[str | None] = mapped_column(String(64))
