"""Bring a database to the schema of this release."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, make_url

from gts.core.database import open_engine
from gts.core.errors import Conflict

# Any number will do, as long as every gts process uses the same one.
_LOCK = 0x67_74_73


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply the missing revisions, all or none; processes that start together wait for each other.

    Args:
        database_url: SQLAlchemy URL; the folder of an SQLite file is made if it is not there.
        revision: Where to go, for tests and repairs.

    Raises:
        Conflict: The database was made by a newer release.
    """
    _make_folder(database_url)
    engine = _engine(database_url)
    try:
        # On SQLite the write lock is taken up front; Postgres needs a lock of its own.
        with engine.execution_options(gts_write=True).begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            _refuse_newer(connection)
            command.upgrade(_config(connection), revision)
    finally:
        engine.dispose()


def downgrade(database_url: str, revision: str) -> None:
    """Go back to an older revision (``base``: an empty database). What newer tables hold is lost."""
    engine = _engine(database_url)
    try:
        with engine.execution_options(gts_write=True).begin() as connection:
            command.downgrade(_config(connection), revision)
    finally:
        engine.dispose()


def current(database_url: str) -> str | None:
    """The revision a database is at; ``None`` for an empty one."""
    engine = open_engine(database_url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def _engine(database_url: str) -> Engine:
    engine = open_engine(database_url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            # SQLite alters a table by copying and dropping it, which would take the rows that refer to it along.
            connection.execute("PRAGMA foreign_keys=OFF")

    return engine


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_newer(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config(connection)).walk_revisions()}
    if found is not None and found not in known:
        raise Conflict(
            f"the database is at revision {found!r}, which this release of gts does not know (newest: {max(known)!r})",
            mend="start the newer release that made it, or restore a backup from before",
            revision=found,
        )


def _make_folder(database_url: str) -> None:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        os.makedirs(Path(url.database).absolute().parent, exist_ok=True)
