"""The three ways in which something is not in the registry, which clients tell apart, and what moved meanwhile."""

from __future__ import annotations

from gts.core.errors import Conflict, NotFound


class RepositoryNotFound(NotFound):
    """No such repository, or it may not be seen."""


class RevisionNotFound(NotFound):
    """The repository has no such branch, tag, alias or commit."""


class EntryNotFound(NotFound):
    """The revision has no such file or folder; ``details`` holds the commit that was looked at."""


class BlobsGone(Conflict):
    """Blobs were removed after they had been stored and before anything named them."""


class HeadMoved(Conflict):
    """The branch is not where the writer thought it was."""

    code = "head_moved"
    status = 412
