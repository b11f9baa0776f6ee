"""Aliases that move, and the history of how they came to name what they name.

Every move is a row of its own, written in the transaction that moves the alias; rows are never changed. A revision that
was retired is no longer named by any alias and cannot be promoted; by its commit id it is found as before.
"""

from __future__ import annotations

from sqlalchemy import select

from gts.core.database import Database
from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.registry import promotion_rows, rows
from gts.registry.names import check_ref, check_text
from gts.registry.promotion_rows import Promotion, PromotionKind
from gts.registry.promotion_tables import PromotionRow
from gts.registry.tables import CommitRow, RefRow
from gts.registry.values import Kind, RefKind

LOCAL = "local"
"""Who moves an alias where nobody is named: the owner of an installation for one person."""
_WHY_CHARS = 1000


class Promotions:
    """The movable names of a registry's repositories.

    Args:
        database: Holds repositories, references and their history.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def promote(
        self,
        namespace: str,
        name: str,
        alias: str,
        revision: str,
        *,
        by: str,
        why: str = "",
        expect: str | None = None,
        job_id: str | None = None,
    ) -> Promotion:
        """Let an alias name a revision; made if it is not there.

        Args:
            namespace: Owner.
            name: Name of the model.
            alias: A movable name such as ``production``.
            revision: Anything that stands for a commit.
            by: Who does it.
            why: The reason, for people.
            expect: Commit id (7 or more digits) that the alias must name now, ``none`` where there must be no such alias;
                ``None`` takes any.
            job_id: The job that does it, if one does.

        Returns:
            The row that says so; where the alias names that commit already, the one by which it came to.

        Raises:
            InvalidInput: The alias or the reason is malformed.
            NotFound: There is no such repository or revision.
            Conflict: The name is a branch or tag, the alias has moved meanwhile, or the revision is retired.
        """
        check_ref(alias)
        check_text("reason", why, _WHY_CHARS)
        with rows.database_errors(f"the alias {alias!r}"), self._database.writing() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name, lock=True)
            old = promotion_rows.named(session, repository, alias)
            promotion_rows.check_expected(repository, alias, old, expect)
            commit = rows.commit_row(session, repository, revision)
            if old == commit.oid and (last := promotion_rows.history_of(session, repository, alias)):
                return promotion_rows.promotion(last[-1])
            promotion_rows.check_usable(session, repository, commit.oid)
            kind = PromotionKind.PROMOTE if job_id is None else PromotionKind.JOB
            rows.point(session, repository, RefKind.ALIAS, alias, commit)
            return promotion_rows.add(
                session, repository, kind, by, why, alias=alias, old=old, new=commit.oid, job_id=job_id
            )

    def roll_back(
        self, namespace: str, name: str, alias: str, *, by: str, why: str = "", expect: str | None = None
    ) -> Promotion:
        """Let an alias name what it named before; once more, what it named before that.

        Revisions that were retired meanwhile are passed over. An alias that was removed comes back.

        Args:
            namespace: Owner.
            name: Name of the model.
            alias: The alias.
            by: Who does it.
            why: The reason, for people.
            expect: As in :meth:`promote`.

        Raises:
            InvalidInput: The reason is malformed.
            NotFound: There is no such repository, or it never had the alias.
            Conflict: The alias has moved meanwhile, or there is nothing to go back to.
        """
        check_text("reason", why, _WHY_CHARS)
        with rows.database_errors(f"the alias {alias!r}"), self._database.writing() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name, lock=True)
            past = promotion_rows.history_of(session, repository, alias)
            if not past:
                raise promotion_rows.no_alias(repository, alias)
            old = promotion_rows.named(session, repository, alias)
            promotion_rows.check_expected(repository, alias, old, expect)
            gone = promotion_rows.retired(session, repository)
            before = [oid for oid in promotion_rows.earlier(past) if oid not in gone]
            if not before:
                raise Conflict(
                    f"{alias!r} of {namespace}/{name} has named nothing else that may be used",
                    mend="promote the revision that you want: `gts promote`",
                )
            commit = rows.commit_row(session, repository, before[-1])
            rows.point(session, repository, RefKind.ALIAS, alias, commit)
            return promotion_rows.add(
                session, repository, PromotionKind.ROLLBACK, by, why, alias=alias, old=old, new=commit.oid
            )

    def remove(
        self, namespace: str, name: str, alias: str, *, by: str, why: str = "", expect: str | None = None
    ) -> Promotion:
        """Forget an alias; the revision it named stays, and so does the history.

        Raises:
            InvalidInput: The reason is malformed.
            NotFound: There is no such repository or alias.
            Conflict: The alias has moved meanwhile.
        """
        check_text("reason", why, _WHY_CHARS)
        with rows.database_errors(f"the alias {alias!r}"), self._database.writing() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name, lock=True)
            there = session.get(RefRow, (repository.id, alias)) if alias.isprintable() else None
            if there is None or there.kind != RefKind.ALIAS:
                raise promotion_rows.no_alias(repository, alias)
            old = promotion_rows.named(session, repository, alias)
            promotion_rows.check_expected(repository, alias, old, expect)
            session.delete(there)
            return promotion_rows.add(
                session, repository, PromotionKind.REMOVE, by, why, alias=alias, old=old
            )

    def retire(self, namespace: str, name: str, revision: str, *, by: str, why: str) -> Promotion:
        """Take a revision out of use: no alias may name it until it is restored. Its files stay.

        Returns:
            The row that says so; where it is retired already, the one that did it.

        Raises:
            InvalidInput: There is no reason, or it is malformed.
            NotFound: There is no such repository or revision.
            Conflict: An alias names it.
        """
        check_text("reason", why, _WHY_CHARS)
        if not why.strip():
            raise InvalidInput(
                "there is no reason", mend="say why nobody should use the revision, for those who come later"
            )
        with rows.database_errors("the revision"), self._database.writing() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name, lock=True)
            oid = rows.commit_row(session, repository, revision).oid
            if done := promotion_rows.retired(session, repository).get(oid):
                return done
            named_by = session.scalars(
                select(RefRow.name)
                .join(CommitRow, CommitRow.id == RefRow.commit_id)
                .where(RefRow.repository_id == repository.id, RefRow.kind == RefKind.ALIAS)
                .where(CommitRow.oid == oid)
                .order_by(RefRow.name)
            ).all()
            if named_by:
                raise Conflict(
                    f"{oid[:12]} of {namespace}/{name} is in use: {', '.join(named_by)} names it",
                    mend="promote another revision or roll back first",
                    aliases=list(named_by),
                )
            return promotion_rows.add(session, repository, PromotionKind.RETIRE, by, why, old=oid)

    def restore(self, namespace: str, name: str, revision: str, *, by: str, why: str = "") -> Promotion:
        """Let a retired revision be used again.

        Raises:
            InvalidInput: The reason is malformed.
            NotFound: There is no such repository or revision, or it is not retired.
        """
        check_text("reason", why, _WHY_CHARS)
        with rows.database_errors("the revision"), self._database.writing() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name, lock=True)
            oid = rows.commit_row(session, repository, revision).oid
            if oid not in promotion_rows.retired(session, repository):
                raise NotFound(
                    f"{oid[:12]} of {namespace}/{name} is not retired",
                    mend="`gts history` shows which revisions are",
                )
            return promotion_rows.add(session, repository, PromotionKind.RESTORE, by, why, new=oid)

    def retired(self, namespace: str, name: str) -> dict[str, Promotion]:
        """The revisions that are retired, by commit id, each with the row that says why.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            return promotion_rows.retired(session, rows.repository_row(session, Kind.MODEL, namespace, name))

    def history(
        self,
        namespace: str,
        name: str,
        *,
        alias: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Promotion, ...]:
        """What happened to a repository's aliases and revisions, newest first.

        Args:
            namespace: Owner.
            name: Name of the model.
            alias: Only this alias.
            before: Only rows with a lower number.
            limit: Most rows.

        Raises:
            RepositoryNotFound: There is no such repository.
        """
        with self._database.reading() as session:
            repository = rows.repository_row(session, Kind.MODEL, namespace, name)
            query = select(PromotionRow).where(PromotionRow.repository_id == repository.id)
            if alias is not None:
                if not alias.isprintable():
                    return ()
                query = query.where(PromotionRow.alias == alias)
            if before is not None:
                query = query.where(PromotionRow.id < before)
            found = session.scalars(query.order_by(PromotionRow.id.desc()).limit(limit))
            return tuple(map(promotion_rows.promotion, found))
