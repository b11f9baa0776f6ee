"""Commit ids: SHA-1 over a canonical document, so that a commit cannot change without its id."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC

from gts.core.fingerprint import canonical_json
from gts.registry.values import Revision


def commit_oid(revision: Revision, origin: str) -> str:
    """The id (40 hex digits) that everything else in a revision gives it.

    Args:
        revision: The revision.
        origin: Full name that its repository was made under; names change, ids must not.
    """
    document = canonical_json(
        {
            "repository": origin,
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


def with_oid(draft: Revision, origin: str) -> Revision:
    """The revision with the id that belongs to it."""
    return replace(draft, oid=commit_oid(draft, origin))
