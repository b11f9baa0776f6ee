"""The registry's tables. A commit is visible exactly when its row is: files and references hang on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from gts.core.database import Base


class RepositoryRow(Base):
    """A repository ``namespace/name`` of models or of data sets."""

    __tablename__ = "repositories"
    __table_args__ = (
        UniqueConstraint("kind", "namespace", "name"),
        CheckConstraint("kind IN ('model', 'dataset')", name="kind_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), default="model", server_default="model")
    origin: Mapped[str] = mapped_column(String(200))  # the name it was made under, which commit ids hold
    namespace: Mapped[str] = mapped_column(String(96))
    name: Mapped[str] = mapped_column(String(96))
    private: Mapped[bool] = mapped_column(default=False, server_default=false())
    card: Mapped[dict[str, Any]] = mapped_column(JSON)  # what listings show, taken from the head's files
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class CommitRow(Base):
    """An immutable state of a repository's files."""

    __tablename__ = "commits"
    __table_args__ = (
        UniqueConstraint("repository_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    oid: Mapped[str] = mapped_column(String(40), unique=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    seq: Mapped[int]
    parent: Mapped[str | None] = mapped_column(String(40))
    tree: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime]


class FileRow(Base):
    """One file of a commit; its bytes are the blob named by their SHA-256."""

    __tablename__ = "files"

    commit_id: Mapped[int] = mapped_column(ForeignKey("commits.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(255), primary_key=True)
    blob: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    git_oid: Mapped[str] = mapped_column(String(40))
    is_lfs: Mapped[bool]
    content_oid: Mapped[str | None] = mapped_column(String(40))  # unknown for LFS uploads and older files


class RefRow(Base):
    """A name for a commit. One name means one thing, so kinds share a name space."""

    __tablename__ = "refs"
    __table_args__ = (CheckConstraint("kind IN ('branch', 'tag', 'alias')", name="kind_known"),)

    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    commit_id: Mapped[int] = mapped_column(ForeignKey("commits.id", ondelete="CASCADE"), index=True)
    updated_at: Mapped[datetime]


class RenameRow(Base):
    """A name that a repository had before; a new repository may take it over."""

    __tablename__ = "renames"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(96), primary_key=True)
    name: Mapped[str] = mapped_column(String(96), primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"), index=True)


class UploadRow(Base):
    """A blob that was uploaded to a repository and that no commit of it names yet."""

    __tablename__ = "uploads"

    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    )
    blob: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
