"""Whether what is stored is still what was published."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from gts.registry import rows
from gts.registry.commits import commit_oid
from gts.registry.conversion import as_revision
from gts.registry.part import Part
from gts.registry.tables import CommitRow, RepositoryRow
from gts.registry.trees import tree_digest
from gts.registry.values import FileEntry, Kind, Problem


class Checking(Part):
    """Checks of stored repositories."""

    def verify(self, namespace: str, name: str, *, kind: Kind = Kind.MODEL) -> tuple[Problem, ...]:
        """Check all commits and files of a repository, reading every byte; empty if all is well.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            problems, files_of = history_problems(session, repository)
        damaged: dict[str, str] = {}
        for oid, files in files_of.items():
            for file in files:
                if file.sha256 not in damaged:
                    damaged[file.sha256] = self._blobs.damage(file.sha256, file.size)
                if damaged[file.sha256]:
                    problems.append(Problem(oid, file.path, damaged[file.sha256]))
        return tuple(problems)


def history_problems(
    session: Session, repository: RepositoryRow
) -> tuple[list[Problem], dict[str, tuple[FileEntry, ...]]]:
    """What is wrong with a repository's commits, and the files of each, the oldest first; no blob is read."""
    commits = session.scalars(
        select(CommitRow).where(CommitRow.repository_id == repository.id).order_by(CommitRow.seq)
    )
    revisions = [as_revision(repository, row) for row in commits]
    files_of = {commit.oid: rows.file_rows(session, commit.oid) for commit in revisions}
    problems = []
    for commit in revisions:
        if commit.oid != commit_oid(commit, repository.origin) or commit.tree != tree_digest(
            files_of[commit.oid]
        ):
            problems.append(Problem(commit.oid, "", "the commit does not match its id"))
        if commit.parent is not None and commit.parent not in files_of:
            problems.append(Problem(commit.oid, "", f"its parent {commit.parent} is missing"))
    return problems, files_of
