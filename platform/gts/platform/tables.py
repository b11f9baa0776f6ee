"""The platform's own table: access tokens, stored as hashes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gts.core.database import Base


class TokenRow(Base):
    """One access token; the token itself is shown once and never stored.

    Attributes:
        id: Twelve hex digits by which people name the token.
        owner: Whom requests with it act for.
        name: What the owner calls it.
        kind: ``startup`` (made by ``gts up``) or ``personal``.
        sha256: Hash of the token, in hex.
        scopes: Names of scopes, separated by spaces.
        repositories: Repositories it is limited to, separated by spaces; null for all.
    """

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    owner: Mapped[str] = mapped_column(String(96))
    name: Mapped[str] = mapped_column(String(96))
    kind: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(255))
    repositories: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
