"""Dataset repositories, renames, uploads that wait for their commit, and tokens limited to repositories.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A kind and an origin for repositories, two tables, and a column each for files and tokens."""
    with op.batch_alter_table("repositories") as repositories:
        repositories.add_column(
            sa.Column("kind", sa.String(length=8), server_default="model", nullable=False)
        )
        repositories.add_column(sa.Column("origin", sa.String(length=200), nullable=True))
        repositories.drop_constraint(op.f("uq_repositories_namespace"), type_="unique")
        repositories.create_unique_constraint(op.f("uq_repositories_kind"), ["kind", "namespace", "name"])
        repositories.create_check_constraint(
            op.f("ck_repositories_kind_known"), "kind IN ('model', 'dataset')"
        )
    op.execute("UPDATE repositories SET origin = namespace || '/' || name")
    with op.batch_alter_table("repositories") as repositories:
        repositories.alter_column("origin", existing_type=sa.String(length=200), nullable=False)
    with op.batch_alter_table("files") as files:
        files.add_column(sa.Column("content_oid", sa.String(length=40), nullable=True))
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("repositories", sa.Text(), nullable=True))
    op.create_table(
        "renames",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("namespace", sa.String(length=96), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_renames_repository_id_repositories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kind", "namespace", "name", name=op.f("pk_renames")),
    )
    op.create_index(op.f("ix_renames_repository_id"), "renames", ["repository_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_uploads_repository_id_repositories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", "blob", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_blob"), "uploads", ["blob"], unique=False)


def downgrade() -> None:
    """Dataset repositories are lost, and tokens that were limited to repositories: they would be limited no more."""
    op.drop_table("uploads")
    op.drop_table("renames")
    op.execute("DELETE FROM tokens WHERE repositories IS NOT NULL")
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_column("repositories")
    with op.batch_alter_table("files") as files:
        files.drop_column("content_oid")
    all_repositories = sa.table("repositories", sa.column("id"), sa.column("kind"))
    all_commits = sa.table("commits", sa.column("id"), sa.column("repository_id"))
    all_refs = sa.table("refs", sa.column("repository_id"))
    all_files = sa.table("files", sa.column("commit_id"))
    datasets = sa.select(all_repositories.c.id).where(all_repositories.c.kind == "dataset")
    of_datasets = sa.select(all_commits.c.id).where(all_commits.c.repository_id.in_(datasets))
    op.execute(sa.delete(all_files).where(all_files.c.commit_id.in_(of_datasets)))
    for table in (all_refs, all_commits):
        op.execute(sa.delete(table).where(table.c.repository_id.in_(datasets)))
    op.execute(sa.delete(all_repositories).where(all_repositories.c.kind == "dataset"))
    with op.batch_alter_table("repositories") as repositories:
        repositories.drop_constraint(op.f("ck_repositories_kind_known"), type_="check")
        repositories.drop_constraint(op.f("uq_repositories_kind"), type_="unique")
        repositories.create_unique_constraint(op.f("uq_repositories_namespace"), ["namespace", "name"])
        repositories.drop_column("origin")
        repositories.drop_column("kind")
