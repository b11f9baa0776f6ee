"""Commit ids: SHA-1 over a canonical document, so that a commit cannot change without its id."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from gts.core.fingerprint import canonical_json
from gts.registry.values import Revision


def commit_oid(revision: Revision) -> str:
    """The id (40 hex digits) that everything else in a revision gives it."""
    document = canonical_json(
        {
            "repository": revision.repository,
            "parent": revision.parent,
            "seq": revision.seq,
            "tree": revision.tree,
            "message": revision.message,
            "author": revision.author,
            "job": revision.job_id,
            "created_at": revision.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
    )
    return hashlib.sha1(document.encode(), usedforsecurity=False).hexdigest()


def next_revision(
    repository: str,
    head: Revision | None,
    tree: str,
    *,
    message: str,
    author: str,
    job_id: str | None,
    created_at: datetime,
) -> Revision:
    """The revision that follows ``head``, with its id."""
    draft = Revision(
        repository=repository,
        oid="",
        parent=head.oid if head else None,
        seq=head.seq + 1 if head else 1,
        tree=tree,
        message=message,
        author=author,
        job_id=job_id,
        created_at=created_at,
    )
    return replace(draft, oid=commit_oid(draft))
