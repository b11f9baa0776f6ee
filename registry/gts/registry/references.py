"""Branches, tags and aliases: names for commits."""

from __future__ import annotations

from sqlalchemy import select

from gts.core.errors import Conflict
from gts.registry import rows
from gts.registry.conversion import as_ref
from gts.registry.errors import RevisionNotFound
from gts.registry.names import check_ref
from gts.registry.part import Part
from gts.registry.promotions import LOCAL
from gts.registry.tables import CommitRow, RefRow
from gts.registry.values import Kind, Ref, RefKind


class References(Part):
    """Names for commits."""

    def set_ref(
        self,
        namespace: str,
        name: str,
        ref_kind: RefKind,
        ref: str,
        revision: str,
        *,
        kind: Kind = Kind.MODEL,
    ) -> Ref:
        """Name a commit. Tags and branches are made once; aliases, which only models have, move (see :attr:`promotions`).

        Raises:
            InvalidInput: The name is malformed.
            Conflict: The name is taken for something else.
            RevisionNotFound: The revision does not exist.
        """
        if ref_kind == RefKind.ALIAS:
            return self.alias(namespace, name, ref, revision)
        check_ref(ref)
        with rows.database_errors(f"the reference {ref!r}"), self._database.writing() as session:
            repository = rows.repository_row(session, kind, namespace, name, lock=True)
            commit = rows.commit_row(session, repository, revision)
            there = session.get(RefRow, (repository.id, ref))
            if there is not None and (there.kind, there.commit_id) != (ref_kind, commit.id):
                raise Conflict(
                    f"{namespace}/{name} has a {there.kind} {ref!r} already",
                    mend="take another name; only aliases can be moved",
                )
            rows.point(session, repository, ref_kind, ref, commit)
            return Ref(ref_kind, ref, commit.oid)

    def alias(self, namespace: str, name: str, alias: str, revision: str, *, by: str = LOCAL) -> Ref:
        """Let a movable name such as ``production`` stand for a model's revision; see :meth:`Promotions.promote`."""
        moved = self.promotions.promote(namespace, name, alias, revision, by=by)
        return Ref(RefKind.ALIAS, alias, moved.new or "")

    def delete_ref(
        self, namespace: str, name: str, ref_kind: RefKind, ref: str, *, kind: Kind = Kind.MODEL
    ) -> None:
        """Remove a branch, tag or alias; the commits stay.

        Raises:
            Conflict: It is ``main``.
            RevisionNotFound: There is none of that kind and name.
        """
        if ref_kind == RefKind.ALIAS:
            self.promotions.remove(namespace, name, ref, by=LOCAL)
            return
        if ref_kind == RefKind.BRANCH and ref == rows.MAIN:
            raise Conflict("'main' cannot be removed", mend="delete the repository instead")
        with self._database.writing() as session:
            repository = rows.repository_row(session, kind, namespace, name, lock=True)
            there = session.get(RefRow, (repository.id, ref)) if ref.isprintable() else None
            if there is None or there.kind != ref_kind:
                raise RevisionNotFound(
                    f"{namespace}/{name} has no {ref_kind} {ref[:200]!r}", mend="look at its references"
                )
            session.delete(there)

    def refs(self, namespace: str, name: str, *, kind: Kind = Kind.MODEL) -> tuple[Ref, ...]:
        """All branches, tags and aliases, sorted by name.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, kind, namespace, name)
            query = select(RefRow, CommitRow.oid).join(CommitRow, CommitRow.id == RefRow.commit_id)
            found = session.execute(query.where(RefRow.repository_id == repository.id)).all()
        return tuple(sorted((as_ref(*row) for row in found), key=lambda ref: ref.name))
