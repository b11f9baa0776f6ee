"""Between rows of promotions and values: what the operations on aliases share, each within the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gts.core.database import now
from gts.core.errors import Conflict, InvalidInput
from gts.registry.errors import RevisionNotFound
from gts.registry.names import check_text
from gts.registry.promotion_tables import PromotionRow
from gts.registry.tables import CommitRow, RefRow, RepositoryRow
from gts.registry.values import RefKind

NOTHING = "none"
"""What one expects an alias to name that is not there yet."""
_LEAST_DIGITS = 7


class PromotionKind(StrEnum):
    """What happened."""

    PROMOTE = "promote"  # an alias was pointed at a revision
    ROLLBACK = "rollback"  # an alias went back to what it named before
    JOB = "job"  # a job pointed an alias at what it published
    REMOVE = "remove"  # an alias was forgotten
    RETIRE = "retire"  # a revision was taken out of use
    RESTORE = "restore"  # a retired revision may be used again


@dataclass(frozen=True)
class Promotion:
    """One move of an alias, or one revision retired or restored.

    Attributes:
        number: Grows with every row of the registry.
        at: When.
        by: Who; empty for aliases that were set before there was a history.
        kind: What happened.
        alias: Which alias; ``None`` where a revision was retired or restored.
        old: Commit id the alias named before, or that was retired.
        new: Commit id it names now, or that was restored.
        why: What the person said.
        job_id: The job that did it, if one did.
    """

    number: int
    at: datetime
    by: str
    kind: PromotionKind
    alias: str | None
    old: str | None
    new: str | None
    why: str
    job_id: str | None


def earlier(past: Sequence[PromotionRow | Promotion]) -> list[str]:
    """What an alias can go back to, the nearest last: a stack that promotions push and roll backs pop.

    Args:
        past: The rows of one alias, oldest first.
    """
    stack: list[str | None] = []
    for row in past:
        if row.kind == PromotionKind.ROLLBACK:
            while stack and stack[-1] != row.new:
                stack.pop()
        else:
            stack.append(row.new)
    return [oid for oid in stack[:-1] if oid is not None and oid != stack[-1]]


def named(session: Session, repository: RepositoryRow, alias: str) -> str | None:
    """The commit that an alias names; ``None`` where there is none.

    Raises:
        Conflict: The name is a branch or tag.
    """
    there = session.get(RefRow, (repository.id, alias)) if alias.isprintable() else None
    if there is None:
        return None
    if there.kind != RefKind.ALIAS:
        raise Conflict(
            f"{repository.namespace}/{repository.name} has a {there.kind} {alias!r} already",
            mend="take another name; only aliases can be moved",
        )
    return session.scalar(select(CommitRow.oid).where(CommitRow.id == there.commit_id))


def check_expected(repository: RepositoryRow, alias: str, found: str | None, expect: str | None) -> None:
    """Refuse a move by somebody who thinks that the alias is elsewhere.

    Raises:
        InvalidInput: What is expected is no commit id.
        Conflict: The alias does not name it.
    """
    if expect is None:
        return
    if expect != NOTHING and (len(expect) < _LEAST_DIGITS or set(expect) - set("0123456789abcdef")):
        raise InvalidInput(
            f"{expect[:100]!r} is not a commit id",
            mend=f"give {_LEAST_DIGITS} or more digits of the commit that {alias!r} named when you looked, or {NOTHING!r}",
        )
    if (found is None) if expect == NOTHING else (found or "").startswith(expect):
        return
    raise Conflict(
        f"{alias!r} of {repository.namespace}/{repository.name} has moved: it names {found or 'nothing'}, "
        f"not {expect[:40]}",
        mend="look at the history, then decide again",
        current=found,
    )


def check_usable(session: Session, repository: RepositoryRow, oid: str) -> None:
    """Refuse a revision that was retired.

    Raises:
        Conflict: It was.
    """
    if row := retired(session, repository).get(oid):
        raise Conflict(
            f"{oid[:12]} of {repository.namespace}/{repository.name} was retired by {row.by}: {row.why}",
            mend="promote another revision, or restore this one first: `gts retire --undo`",
        )


def retired(session: Session, repository: RepositoryRow) -> dict[str, Promotion]:
    """Of every commit that was ever retired the last row says what it is now."""
    query = select(PromotionRow).where(
        PromotionRow.repository_id == repository.id,
        or_(PromotionRow.kind == PromotionKind.RETIRE, PromotionRow.kind == PromotionKind.RESTORE),
    )
    last: dict[str, Promotion] = {}
    for row in map(promotion, session.scalars(query.order_by(PromotionRow.id))):
        last[row.old or row.new or ""] = row
    return {oid: row for oid, row in last.items() if row.kind == PromotionKind.RETIRE}


def history_of(session: Session, repository: RepositoryRow, alias: str) -> Sequence[PromotionRow]:
    """All rows of an alias, oldest first."""
    query = select(PromotionRow).where(
        PromotionRow.repository_id == repository.id, PromotionRow.alias == alias
    )
    return session.scalars(query.order_by(PromotionRow.id)).all() if alias.isprintable() else ()


def add(
    session: Session,
    repository: RepositoryRow,
    kind: PromotionKind,
    by: str,
    why: str,
    *,
    alias: str | None = None,
    old: str | None = None,
    new: str | None = None,
    job_id: str | None = None,
) -> Promotion:
    """Write a row.

    Raises:
        InvalidInput: The name of who did it cannot be kept.
    """
    check_text("name of who did it", by, 200)
    row = PromotionRow(
        repository_id=repository.id,
        at=now(),
        by=by,
        kind=kind.value,
        alias=alias,
        old=old,
        new=new,
        why=why.strip(),
        job_id=job_id,
    )
    session.add(row)
    session.flush()
    return promotion(row)


def promotion(row: PromotionRow) -> Promotion:
    """A row as a value."""
    return Promotion(
        row.id, row.at, row.by, PromotionKind(row.kind), row.alias, row.old, row.new, row.why, row.job_id
    )


def no_alias(repository: RepositoryRow, alias: str) -> RevisionNotFound:
    """The error for an alias that is not there."""
    return RevisionNotFound(
        f"{repository.namespace}/{repository.name} has no alias {alias[:200]!r}",
        mend="look at its references",
    )
