"""What people do with the log of a model: say what is kept, read it, empty it."""

from __future__ import annotations

from gts.platform.auth import User
from gts.platform.services import Services
from gts.platform.traffic import stored
from gts.platform.traffic.stored import Asked


def set_share(services: Services, user: User, namespace: str, name: str, share: float | None) -> None:
    """Say which share of a model's rows is kept; ``None``: as the installation's setting says.

    Raises:
        NotFound: There is no such model.
    """
    commit = services.registry.resolve(namespace, name, "main").oid
    with services.database.writing() as session:
        stored.set_logging(session, stored.repository_of(session, commit), share, by=user.who)
    services.traffic.reconsider()


def rows_page(
    services: Services, namespace: str, name: str, before: int | None, limit: int
) -> tuple[list[Asked], int | None]:
    """Rows of a model that are kept, the newest first, and ``before`` of the next page.

    Raises:
        NotFound: There is no such model.
    """
    commit = services.registry.resolve(namespace, name, "main").oid
    with services.database.reading() as session:
        repository = stored.repository_of(session, commit)
        found = stored.newest(session, repository, before=before, limit=limit + 1)
    return found[:limit], found[limit - 1].number if len(found) > limit else None


def clear(services: Services, namespace: str, name: str) -> int:
    """Delete all rows of a model that are kept; says how many.

    Raises:
        NotFound: There is no such model.
    """
    commit = services.registry.resolve(namespace, name, "main").oid
    services.traffic.flush()
    deleted = 0
    while True:
        with services.database.writing() as session:
            gone = stored.forget(session, stored.repository_of(session, commit))
        deleted += gone
        if not gone:
            return deleted
