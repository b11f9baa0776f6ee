"""Jobs that wait for a person, are continued, and are taken by what they are expected to need.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ENDS = "'succeeded', 'failed', 'cancelled'"


def upgrade() -> None:
    """A state more, when a job came into the queue, its forecast and what it got; a job may publish again."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint(op.f("ck_jobs_state"), type_="check")
        jobs.create_check_constraint(
            op.f("ck_jobs_state"), f"state IN ('queued', 'running', 'waiting', {_ENDS})"
        )
        jobs.add_column(sa.Column("forecast_seconds", sa.Double(), nullable=True))
        jobs.add_column(sa.Column("served_seconds", sa.Double(), nullable=True))
        jobs.add_column(sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
    # 170 s is what a job was planned for that set no budget.
    op.execute("UPDATE jobs SET queued_at = created_at, served_seconds = 0, forecast_seconds = 170")
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("forecast_seconds", existing_type=sa.Double(), nullable=False)
        jobs.alter_column("served_seconds", existing_type=sa.Double(), nullable=False)
        jobs.alter_column("queued_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        jobs.create_index("ix_jobs_heartbeat_at", ["heartbeat_at"], unique=False)
    with op.batch_alter_table("commits") as commits:
        commits.drop_constraint(op.f("uq_commits_job_id"), type_="unique")
        commits.create_index(op.f("ix_commits_job_id"), ["job_id"], unique=False)


def downgrade() -> None:
    """Waiting jobs have ended; of what a job published, the newest keeps its name."""
    with op.batch_alter_table("commits") as commits:
        commits.drop_index(op.f("ix_commits_job_id"))
    op.execute(
        "UPDATE commits SET job_id = NULL WHERE id NOT IN "
        "(SELECT MAX(id) FROM commits WHERE job_id IS NOT NULL GROUP BY job_id)"
    )
    with op.batch_alter_table("commits") as commits:
        commits.create_unique_constraint(op.f("uq_commits_job_id"), ["job_id"])
    op.execute("UPDATE jobs SET state = 'succeeded' WHERE state = 'waiting'")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("ix_jobs_heartbeat_at")
        jobs.drop_constraint(op.f("ck_jobs_state"), type_="check")
        jobs.create_check_constraint(op.f("ck_jobs_state"), f"state IN ('queued', 'running', {_ENDS})")
        jobs.drop_column("queued_at")
        jobs.drop_column("served_seconds")
        jobs.drop_column("forecast_seconds")
