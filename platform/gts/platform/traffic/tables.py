"""Tables of traffic: rows that models were asked about, and for which models these are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gts.core.database import Base
from gts.orchestrator.tables import StrictJson


class PredictionRow(Base):
    """One row that a model was asked about, with its answer. It goes with its repository.

    Where the student was not sure enough, ``told`` is what was said in its place and ``answered_by`` who said it; null: nobody.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_repository_id_id", "repository_id", "id"),
        Index("ix_predictions_at", "at"),
    )

    # SQLite counts up by itself in columns of type INTEGER only.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    commit_oid: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    row: Mapped[dict[str, Any]] = mapped_column(StrictJson)
    answer: Mapped[dict[str, Any]] = mapped_column(StrictJson)
    confidence: Mapped[float | None]
    answered_by: Mapped[str | None] = mapped_column(String(96))
    told: Mapped[dict[str, Any] | None] = mapped_column(StrictJson)


class LoggingRow(Base):
    """Which share of a model's traffic is kept, where somebody has said so for this model."""

    __tablename__ = "prediction_logging"
    __table_args__ = (CheckConstraint("share >= 0 AND share <= 1", name="share_in_bounds"),)

    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    share: Mapped[float]
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
