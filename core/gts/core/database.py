"""The database engine: SQLite for one machine, Postgres for a cluster, one set of rules for both."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from gts.core.errors import StorageError, Unavailable

BUSY_TIMEOUT_MS = 15_000
_PASSING_STATES = ("08", "40", "53", "55", "57")
"""Classes of Postgres' states that pass: connection, conflict of transactions, resources, locks, operator."""
IDLE_TRANSACTION_S = 60


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC, also on SQLite which stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times instead of guessing their zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime given to the database; use datetime.now(UTC)")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's naive values their zone back."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Declarative base of every table; constraint names are fixed so that errors can be told apart."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime()}


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def open_engine(url: str) -> Engine:
    """Connect to ``sqlite:///file`` or ``postgresql+psycopg://...``.

    SQLite runs in WAL mode with full synchronisation: an acknowledged commit survives power loss.
    Transactions that will write must begin with :meth:`Database.writing`, which takes the write lock up front
    so that two writers wait for each other instead of failing half-way.
    """
    if not url.startswith("sqlite"):
        return _open_postgres(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's documented way to control BEGIN itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get("gts_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch a database to its write-ahead log; processes that start together try until one has done it.

    SQLite does not wait for this lock by itself.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _open_postgres(url: str) -> Engine:
    # A server that is gone without a word must not hold a heartbeat longer than a lease.
    patience = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "tcp_user_timeout": 20_000,
    }
    engine = create_engine(url, pool_pre_ping=True, connect_args=patience)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # A process frozen in the middle of a transaction must not hold its row locks for ever.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'")
        connection.commit()

    return engine


def database_failure(error: DBAPIError) -> StorageError | Unavailable | None:
    """What a database that failed in operation means for whoever asked: its disk is full, or it is busy or away.

    ``None`` for anything else, a missing table for instance.
    """
    if not isinstance(error, OperationalError):
        return None
    said, state = str(error.orig), getattr(error.orig, "sqlstate", None)
    if state == "53100" or any(sign in said for sign in ("disk is full", "disk I/O error")):
        mend = "free some disk space and try again"
        return StorageError("the database has no space left to write", mend=mend)
    of_sqlite = any(sign in said for sign in ("is locked", "is busy", "unable to open"))
    # Postgres: no state at all where there is no connection; else a class of them.
    of_postgres = hasattr(error.orig, "sqlstate") and (state is None or state[:2] in _PASSING_STATES)
    if of_sqlite or of_postgres:
        mend = "try again in a moment; jobs wait and go on by themselves"
        return Unavailable("the database is busy or cannot be reached", mend=mend)
    return None


class Database:
    """An engine and the two ways to use it.

    Args:
        url: SQLAlchemy URL.

    Example:
        >>> database = Database("sqlite://")
        >>> with database.reading() as session:
        ...     session.connection().exec_driver_sql("select 1").scalar()
        1
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(gts_write=True), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading; nothing in it is committed."""
        with self._read() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back on any error."""
        with self._write() as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
