"""Who commits and who collects garbage take turns: what a commit has found stored stays until the commit is visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from gts.core.blobs import Blobs
from gts.registry.errors import BlobsGone

_KEY = 0x6774_7362  # any number that is only used for this
_TRIES = 3
_T = TypeVar("_T")


def share_blobs(session: Session) -> None:
    """No blob is removed before this transaction ends; many may hold this at once.

    On SQLite a transaction that writes is alone anyway.
    """
    if _is_postgres(session):
        session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _KEY})


def own_blobs(session: Session) -> None:
    """No commit looks for blobs before this transaction ends; the first thing in one that removes blobs, a short one."""
    if _is_postgres(session):
        # What was committed while this waited for the lock must be seen afterwards.
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        # Were the transaction ended for being idle while the storage is slow, a commit could get in between.
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})


def require_stored(session: Session, store: Blobs, named: Mapping[str, str]) -> None:
    """Make sure that blobs are stored, and stay so until the transaction ends.

    Args:
        session: The transaction that will name them.
        store: Where they must be.
        named: Digest of each to what people call it.

    Raises:
        BlobsGone: Some were removed since they were stored.
    """
    share_blobs(session)
    if gone := store.missing(named):
        names = sorted(named[digest] for digest in gone)
        raise BlobsGone(
            f"{names[0]!r}{f' and {len(names) - 1} more' if names[1:] else ''} went from the store meanwhile: "
            "nothing named the bytes yet, and unused ones were being removed",
            mend="upload again",
        )


def stored_again(work: Callable[[], _T]) -> _T:
    """Do what stores blobs and then names them; once more, from the start, where they went in between.

    Raises:
        BlobsGone: They went every time.
    """
    for _ in range(1, _TRIES):
        with suppress(BlobsGone):
            return work()
    return work()


def _is_postgres(session: Session) -> bool:
    return bool(session.get_bind().dialect.name == "postgresql")
