"""Repositories themselves: found, listed, made, moved, hidden, removed."""

from __future__ import annotations

from sqlalchemy import delete

from gts.core.errors import Conflict
from gts.registry import listing, rows
from gts.registry.conversion import as_repository
from gts.registry.listing import Wanted
from gts.registry.names import check_repository
from gts.registry.part import Part
from gts.registry.tables import RenameRow, RepositoryRow
from gts.registry.values import Kind, Page, Repository


class Repositories(Part):
    """Repositories as wholes."""

    def get(self, namespace: str, name: str, *, kind: Kind = Kind.MODEL) -> Repository:
        """A repository; under a name that it had before, it comes with the one it has now.

        Raises:
            RepositoryNotFound: There is none.
        """
        with self._database.reading() as session:
            row = rows.repository_row(session, kind, namespace, name)
            found = session.execute(rows.listing().where(RepositoryRow.id == row.id)).one()
            return as_repository(*found)

    def list(
        self,
        search: str | None = None,
        author: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """A page of models, those published to last first; see :meth:`select` for more ways to ask.

        Args:
            search: Part of ``namespace/name``, in any case.
            author: The namespace.
            limit: Length of the page.
            cursor: Where the page before stopped.

        Raises:
            InvalidInput: The cursor is not one of ours.
        """
        return self.select(Wanted(search=(search,) if search else (), author=author), limit, cursor)

    def select(self, wanted: Wanted, limit: int = 100, cursor: str | None = None) -> Page:
        """A page of the repositories that are wanted.

        Raises:
            InvalidInput: The cursor is not one of ours.
        """
        with self._database.reading() as session:
            return listing.page(session, wanted, limit, cursor)

    def set_private(self, namespace: str, name: str, private: bool, *, kind: Kind = Kind.MODEL) -> None:
        """Hide a repository from everyone but its readers, or show it.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.writing() as session:
            rows.repository_row(session, kind, namespace, name, lock=True).private = private

    def move(
        self, namespace: str, name: str, to_namespace: str, to_name: str, *, kind: Kind = Kind.MODEL
    ) -> None:
        """Give a repository another name; the old one leads to it until another repository takes it.

        Raises:
            RepositoryNotFound: There is no such repository.
            InvalidInput: The new name breaks the rules.
            Conflict: The new name is taken.
        """
        check_repository(to_namespace, to_name)
        with (
            rows.database_errors(f"{to_namespace}/{to_name}"),
            self._database.writing() as session,
        ):
            row = rows.repository_row(session, kind, namespace, name, lock=True)
            if (row.namespace, row.name) == (to_namespace, to_name):
                return
            if rows.is_taken(session, kind, to_namespace, to_name):
                raise Conflict(
                    f"there is a {kind} {to_namespace}/{to_name} already", mend="choose another name"
                )
            rows.forget_rename(session, kind, to_namespace, to_name)
            old = RenameRow(kind=kind, namespace=row.namespace, name=row.name, repository_id=row.id)
            session.add(old)
            row.namespace, row.name = to_namespace, to_name

    def delete_repository(self, namespace: str, name: str, *, kind: Kind = Kind.MODEL) -> None:
        """Remove a repository with its commits and references. Blobs stay: others may share them.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.writing() as session:
            row = rows.repository_row(session, kind, namespace, name, lock=True)
            session.execute(delete(RepositoryRow).where(RepositoryRow.id == row.id))
