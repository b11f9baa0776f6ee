"""Alembic's environment: runs revisions on the connection that `upgrade.py` hands over."""

from __future__ import annotations

from alembic import context

from gts.migrations.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata(),
    render_as_batch=True,  # SQLite alters tables by copying them
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
