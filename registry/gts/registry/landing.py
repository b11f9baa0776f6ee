"""The one way in which a commit comes onto a branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gts.core.database import now
from gts.core.fingerprint import canonical_json
from gts.registry import rows
from gts.registry.blob_lock import require_stored
from gts.registry.commits import with_oid
from gts.registry.errors import EntryNotFound, HeadMoved, RevisionNotFound
from gts.registry.manifest import check_count, describe
from gts.registry.names import check_paths, check_text
from gts.registry.part import Part
from gts.registry.tables import RepositoryRow
from gts.registry.trees import tree_digest
from gts.registry.values import FileEntry, Kind, RefKind, Revision

_MAX_CARD_CHARS = 64 << 10
_SUMMARY = ("pipeline_tag", "library_name", "tags")
_STUDENT = "gts.json"

Make = Callable[[Sequence[FileEntry], Revision | None], tuple[FileEntry, ...]]
"""Makes the files of a commit from those of the commit before it."""


@dataclass(frozen=True)
class Writer:
    """Who commits, and what they say of it.

    Attributes:
        author: Their name.
        message: What changed, for people.
        job_id: The job that they are, if they are one.
    """

    author: str
    message: str
    job_id: str | None = None

    def check(self) -> Writer:
        """Itself, if the database can keep what it says.

        Raises:
            InvalidInput: It cannot.
        """
        check_text("commit message", self.message, 10_000)
        check_text("author", self.author, 200)
        return self


class Landing(Part):
    """Commits onto branches, for those that publish and those that commit."""

    def _land(
        self,
        session: Session,
        repository: RepositoryRow,
        branch: str,
        make: Make,
        writer: Writer,
        *,
        parent: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Revision:
        """Put a commit on a branch whose repository is locked and whose files' blobs are stored.

        Nothing is committed where nothing changes, nor where a request is repeated because its answer was lost.

        Args:
            session: The transaction.
            repository: Where.
            branch: The branch that moves; only ``main`` is made if it is not there.
            make: Makes the files.
            writer: Who commits.
            parent: Beginning of the commit id that the branch must be at; None takes any.
            facts: What listings show beside what the files say; None leaves what they show of the same student.

        Raises:
            EntryNotFound: What ``make`` needs is not there.
            Conflict: A blob went from the store before it was named.
            HeadMoved: The branch is not at ``parent``.
            RevisionNotFound: There is no such branch.
            InvalidInput: The files together, or their card, may not be published.
        """
        head = rows.branch_head(session, repository, branch)
        if head is None and branch != rows.MAIN:
            raise RevisionNotFound(
                f"{repository.namespace}/{repository.name} has no branch {branch[:200]!r}",
                mend="make the branch first",
            )
        if parent is not None and (head is None or not head.oid.startswith(parent)):
            if head is not None and _repeats(session, head, make, parent):
                return head
            raise HeadMoved(
                f"{repository.namespace}/{repository.name} is at {head.oid if head else 'no commit'}, "
                f"not at {parent[:100]!r}",
                mend="look at what was published meanwhile and publish on top of it",
            )
        before = rows.file_rows(session, head.oid) if head else ()
        try:
            files = make(before, head)
        except EntryNotFound:
            if head is not None and _repeats(session, head, make, parent):
                return head
            raise
        tree = tree_digest(files)
        if head is not None and tree == head.tree:
            return head
        check_count(len(files))
        check_paths(file.path for file in files)
        kept = {file.sha256 for file in before}  # named by the head, which is locked
        new = {file.sha256: file.path for file in files if file.sha256 not in kept}
        require_stored(session, self._blobs.store, new)
        draft = Revision(
            kind=Kind(repository.kind),
            repository=f"{repository.namespace}/{repository.name}",
            oid="",
            parent=head.oid if head else None,
            seq=rows.next_seq(session, repository),
            tree=tree,
            message=writer.message,
            author=writer.author,
            job_id=writer.job_id,
            created_at=now(),
        )
        commit = with_oid(draft, repository.origin)
        row = rows.add_commit(session, repository, commit, files)
        rows.point(session, repository, RefKind.BRANCH, branch, row)
        if branch == rows.MAIN:
            if facts is None:
                facts = _kept_facts(repository.card, before, files)
            repository.card = self._card(Kind(repository.kind), files, facts)
            repository.updated_at = commit.created_at
        return commit

    def _card(self, kind: Kind, files: Sequence[FileEntry], facts: Mapping[str, Any]) -> dict[str, Any]:
        card = {**describe(kind, files, lambda file: self._blobs.path(file.sha256, file.size)), **facts}
        check_text("card", canonical_json(card), _MAX_CARD_CHARS)
        return card


def _repeats(session: Session, head: Revision, make: Make, parent: str | None) -> bool:
    """Whether the head is what would be made from the commit before it."""
    if head.parent is None or not head.parent.startswith(parent or ""):
        return False
    try:
        return tree_digest(make(rows.file_rows(session, head.parent), None)) == head.tree
    except EntryNotFound:
        return False


def _kept_facts(
    card: Mapping[str, Any], before: Sequence[FileEntry], after: Sequence[FileEntry]
) -> dict[str, Any]:
    """What was said beside the files, which holds as long as they are the same student."""
    was, is_now = ({file.path: file.sha256 for file in files}.get(_STUDENT) for files in (before, after))
    return {name: value for name, value in card.items() if name not in _SUMMARY} if was == is_now else {}
