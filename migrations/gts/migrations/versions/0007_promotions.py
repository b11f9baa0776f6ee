"""The history of aliases, which can be added to and nothing else.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_REFUSED = "a promotion is never changed"
_IN_SQLITE = f"""
CREATE TRIGGER promotions_unchanged BEFORE UPDATE ON promotions
BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
"""
_IN_POSTGRES = f"""
CREATE FUNCTION promotions_unchanged() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation'; END $$;
CREATE TRIGGER promotions_unchanged BEFORE UPDATE ON promotions
FOR EACH ROW EXECUTE FUNCTION promotions_unchanged()
"""


def upgrade() -> None:
    """Make the table, with a row for every alias there is, and have the database refuse to change a row."""
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=True),
        sa.Column("old", sa.String(length=40), nullable=True),
        sa.Column("new", sa.String(length=40), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('promote', 'rollback', 'job', 'remove', 'retire', 'restore')",
            name=op.f("ck_promotions_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_promotions_repository_id_repositories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index("ix_promotions_repository_id_alias", "promotions", ["repository_id", "alias"])
    op.execute(
        'INSERT INTO promotions (repository_id, at, "by", kind, alias, "new", why) '
        "SELECT refs.repository_id, refs.updated_at, '', 'promote', refs.name, commits.oid, '' "
        "FROM refs JOIN commits ON commits.id = refs.commit_id WHERE refs.kind = 'alias' ORDER BY refs.updated_at"
    )
    op.execute(_IN_POSTGRES if op.get_bind().dialect.name == "postgresql" else _IN_SQLITE)


def downgrade() -> None:
    """Drop the table and what it holds."""
    op.drop_table("promotions")  # its trigger goes with it
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION promotions_unchanged()")
