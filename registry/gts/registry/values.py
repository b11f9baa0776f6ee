"""What the registry hands out: frozen values, never database rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a repository holds. Each kind has names of its own."""

    MODEL = "model"
    DATASET = "dataset"

    @property
    def prefix(self) -> str:
        """What stands before ``namespace/name`` where kinds have to be told apart.

        Example:
            >>> Kind.MODEL.prefix, Kind.DATASET.prefix
            ('', 'datasets/')
        """
        return "" if self is Kind.MODEL else f"{self}s/"


class RefKind(StrEnum):
    """What a reference is for."""

    BRANCH = "branch"  # where commits are added
    TAG = "tag"  # set once
    ALIAS = "alias"  # moves freely, such as `production`


_REF_FOLDERS = {RefKind.BRANCH: "heads", RefKind.TAG: "tags", RefKind.ALIAS: "aliases"}


@dataclass(frozen=True)
class Repository:
    """A repository of a model or of a data set.

    Attributes:
        kind: Which of the two.
        namespace: Owner, the part before the slash.
        name: The part after it.
        private: Whether only its readers may see it.
        card: What listings show: ``pipeline_tag``, ``library_name``, ``tags`` and facts the publisher added.
        head: Commit id that ``main`` names.
        created_at: When it was made.
        updated_at: When it was last published to.
    """

    kind: Kind
    namespace: str
    name: str
    private: bool
    card: Mapping[str, Any]
    head: str
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def full_name(self) -> str:
        """The id, behind ``datasets/`` for data sets: unique in the registry."""
        return self.kind.prefix + self.id


@dataclass(frozen=True)
class Sight:
    """Which repositories someone may see.

    Attributes:
        public: Whether those that are not private.
        private: Whether those that are.
        named: Full names of further ones.

    Example:
        >>> Sight(public=False, named=frozenset({"ann/tickets"})).covers("ann/tickets", private=True)
        True
    """

    public: bool = True
    private: bool = True
    named: frozenset[str] = frozenset()

    def covers(self, full_name: str, *, private: bool) -> bool:
        """Whether a repository is among them."""
        return (self.private if private else self.public) or full_name in self.named


EVERYTHING = Sight()


@dataclass(frozen=True)
class Revision:
    """A commit: one immutable state of a repository's files.

    Attributes:
        kind: What its repository holds.
        repository: ``namespace/name``.
        oid: 40 hex digits, SHA-1 over what else is said here, with the name that the repository was made under.
        parent: The commit before it, if any.
        seq: Its place in the repository's history, from 1.
        tree: SHA-256 over the paths, digests and sizes of its files.
        message: What the publisher said.
        author: Who published.
        job_id: The job that made it, if one did.
        created_at: When.
    """

    kind: Kind
    repository: str
    oid: str
    parent: str | None
    seq: int
    tree: str
    message: str
    author: str
    job_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class FileEntry:
    """One file of a commit.

    Attributes:
        path: Relative, with ``/``.
        size: Bytes.
        sha256: Digest of its bytes, the name of its blob.
        git_oid: What git would call it: SHA-1 of the blob, or of the LFS pointer for LFS files.
        is_lfs: Whether clients treat it as an LFS object (binary or large).
        content_oid: SHA-1 that git gives its bytes, also for LFS files; None where it was never taken.
    """

    path: str
    size: int
    sha256: str
    git_oid: str
    is_lfs: bool
    content_oid: str | None = None

    @property
    def etag(self) -> str:
        """What the Hub protocol names its content by: SHA-256 for LFS files, the git id for the rest."""
        return self.sha256 if self.is_lfs else self.git_oid


@dataclass(frozen=True)
class Folder:
    """A folder of a commit, with the id git would give its tree."""

    path: str
    oid: str


@dataclass(frozen=True)
class Ref:
    """A name for a commit."""

    kind: RefKind
    name: str
    oid: str

    @property
    def full_name(self) -> str:
        """Git's way to write it.

        Example:
            >>> Ref(RefKind.TAG, "v1", "0" * 40).full_name
            'refs/tags/v1'
        """
        return f"refs/{_REF_FOLDERS[self.kind]}/{self.name}"

    @staticmethod
    def parse(text: str) -> tuple[RefKind | None, str]:
        """The kind (if said) and short name in a revision text.

        Example:
            >>> Ref.parse("refs/heads/feat/x"), Ref.parse("v1")
            ((<RefKind.BRANCH: 'branch'>, 'feat/x'), (None, 'v1'))
        """
        for kind, folder in _REF_FOLDERS.items():
            if text.startswith(prefix := f"refs/{folder}/"):
                return kind, text.removeprefix(prefix)
        return None, text


@dataclass(frozen=True)
class Page:
    """Part of a listing; ``cursor`` asks for the next part and is None at the end."""

    items: tuple[Repository, ...]
    cursor: str | None


@dataclass(frozen=True)
class Problem:
    """What a check of a repository found wrong, and where."""

    revision: str
    path: str
    message: str
