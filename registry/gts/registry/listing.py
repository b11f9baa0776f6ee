"""Listings of repositories: which ones, in what order, a page at a time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Row, Select, Text, and_, cast, or_
from sqlalchemy.orm import Session

from gts.core.errors import InvalidInput
from gts.registry import rows
from gts.registry.conversion import as_repository
from gts.registry.tables import RepositoryRow
from gts.registry.values import EVERYTHING, Kind, Page, Sight

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_ID = RepositoryRow.namespace + "/" + RepositoryRow.name


@dataclass(frozen=True)
class Wanted:
    """What a listing is asked for.

    Attributes:
        kind: Models or data sets.
        search: Parts of ``namespace/name``, in any case; all must be in it.
        author: The namespace.
        tags: Tags of the card; all must be there.
        sight: Who asks may see these only.
        sort: The time that orders it.
        ascending: Whether the oldest come first.
    """

    kind: Kind = Kind.MODEL
    search: tuple[str, ...] = ()
    author: str | None = None
    tags: frozenset[str] = frozenset()
    sight: Sight = EVERYTHING
    sort: Literal["updated_at", "created_at"] = "updated_at"
    ascending: bool = False


def page(session: Session, wanted: Wanted, limit: int, cursor: str | None) -> Page:
    """A page of repositories.

    Args:
        session: To read with.
        wanted: Which.
        limit: Length of the page.
        cursor: Where the page before stopped.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    if not "".join([*wanted.search, *wanted.tags, wanted.author or ""]).isprintable():
        return Page((), None)  # no name holds such characters, and Postgres cannot be asked for NUL
    position = parse_cursor(cursor) if cursor else None
    found: list[Row[RepositoryRow, str]] = []
    while len(found) <= limit:  # one more than the page holds tells that there is another
        batch = session.execute(_query(wanted, position).limit(limit + 1)).all()
        # The query looks for tags in the card's text, where they may also be something else.
        found += [row for row in batch if wanted.tags <= {*row[0].card.get("tags", [])}]
        if len(batch) <= limit:
            break
        position = _place(batch[-1][0], wanted)
    shown = tuple(as_repository(*row) for row in found[:limit])
    return Page(shown, cursor_of(*_place(found[limit - 1][0], wanted)) if len(found) > limit else None)


def _place(row: RepositoryRow, wanted: Wanted) -> tuple[datetime, int]:
    return getattr(row, wanted.sort), row.id


def _query(wanted: Wanted, position: tuple[datetime, int] | None) -> Select[RepositoryRow, str]:
    column = getattr(RepositoryRow, wanted.sort)
    query = rows.listing().where(RepositoryRow.kind == wanted.kind, _seen(wanted.kind, wanted.sight))
    for part in wanted.search:
        query = query.where(_FULL_ID.icontains(part, autoescape=True))
    if wanted.author:
        query = query.where(RepositoryRow.namespace == wanted.author)
    for tag in wanted.tags:
        query = query.where(cast(RepositoryRow.card, Text).contains(json.dumps(tag), autoescape=True))
    if position is not None:
        at, last_id = position
        further = column > at if wanted.ascending else column < at
        behind = RepositoryRow.id > last_id if wanted.ascending else RepositoryRow.id < last_id
        query = query.where(or_(further, and_(column == at, behind)))
    if wanted.ascending:
        return query.order_by(column.asc(), RepositoryRow.id.asc())
    return query.order_by(column.desc(), RepositoryRow.id.desc())


def _seen(kind: Kind, sight: Sight) -> ColumnElement[bool]:
    open_to_all = {False: sight.public, True: sight.private}
    named = [name.removeprefix(kind.prefix) for name in sight.named if name.startswith(kind.prefix)]
    return or_(
        RepositoryRow.private.in_([private for private, seen in open_to_all.items() if seen]),
        _FULL_ID.in_(named),
    )


def cursor_of(at: datetime, last_id: int) -> str:
    """Where a listing sorted by a time, then id, stopped.

    Example:
        >>> cursor_of(datetime(1970, 1, 2, tzinfo=UTC), 7)
        '86400000000-7'
    """
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{last_id}"


def parse_cursor(cursor: str) -> tuple[datetime, int]:
    """The time and id in a cursor.

    Raises:
        InvalidInput: It is not one of ours.
    """
    match = re.fullmatch(r"([0-9]{1,17})-([0-9]{1,18})", cursor)
    if match is None:
        raise InvalidInput(
            f"{cursor[:100]!r} is not a cursor", mend="use the cursor of the page before, unchanged"
        )
    return _EPOCH + timedelta(microseconds=int(match[1])), int(match[2])
