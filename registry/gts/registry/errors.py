"""The three ways in which something is not in the registry; clients tell them apart."""

from __future__ import annotations

from gts.core.errors import NotFound


class RepositoryNotFound(NotFound):
    """No such repository, or it may not be seen."""


class RevisionNotFound(NotFound):
    """The repository has no such branch, tag, alias or commit."""


class EntryNotFound(NotFound):
    """The revision has no such file or folder; ``details`` holds the commit that was looked at."""
