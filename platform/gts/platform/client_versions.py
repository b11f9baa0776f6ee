"""The client's methods about versions: promote, roll back, retire, compare, and where a model comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gts.platform.remote import model_path

_PAGE = 200
_COMPARING_S = 600.0


class VersionCalls(ABC):
    """What :class:`gts.platform.client.Client` can do with the versions of a model."""

    @abstractmethod
    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request and give the JSON of its answer, an empty one where nothing came."""

    def promote(
        self, model: str, revision: str, alias: str, *, why: str = "", expect: str | None = None
    ) -> dict[str, Any]:
        """Let an alias such as ``production`` name a revision.

        Args:
            model: ``namespace/name``.
            revision: Commit (7 or more digits), branch, tag or alias.
            alias: The alias; it is made if it is not there.
            why: The reason, for those who read the history.
            expect: The commit that the alias must name now, or ``none``; default: any.

        Returns:
            The line of the history: ``number``, ``at``, ``by``, ``kind``, ``alias``, ``old``, ``new``, ``why``, ``job_id``.

        Raises:
            NotFound: There is no such model or revision.
            Conflict: The alias has moved meanwhile, the revision is retired, or the name is a branch or tag.
        """
        body = {"alias": alias, "revision": revision, "why": why, "expect": expect}
        return self._call("POST", _path(model, "promotions"), json=body)

    def roll_back(
        self, model: str, alias: str, *, why: str = "", expect: str | None = None
    ) -> dict[str, Any]:
        """Let an alias name what it named before; the line of the history, as :meth:`promote` gives it.

        Raises:
            NotFound: There is no such model, or it never had the alias.
            Conflict: The alias has moved meanwhile, or there is nothing to go back to.
        """
        body = {"alias": alias, "why": why, "expect": expect}
        return self._call("POST", _path(model, "rollbacks"), json=body)

    def retire(self, model: str, revision: str, *, why: str) -> dict[str, Any]:
        """Take a revision out of use: no alias can be pointed at it; the line of the history.

        Raises:
            NotFound: There is no such model or revision.
            Conflict: An alias names it.
        """
        return self._call("POST", _path(model, "retirements"), json={"revision": revision, "why": why})

    def restore(self, model: str, revision: str, *, why: str = "") -> dict[str, Any]:
        """Let a retired revision be used again; the line of the history.

        Raises:
            NotFound: There is no such model or revision, or it is not retired.
        """
        path = f"{_path(model, 'retirements')}/{quote(revision, safe='')}"
        return self._call("DELETE", path, params={"why": why})

    def history(
        self, model: str, *, alias: str | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """What happened to a model's aliases and revisions, newest first; pages are fetched as they are needed.

        Args:
            model: ``namespace/name``.
            alias: Only this alias.
            limit: At most so many lines.

        Raises:
            NotFound: There is no such model.
        """
        before, given = None, 0
        while True:
            params = {"limit": _PAGE, "alias": alias, "before": before}
            page = self._call(
                "GET",
                _path(model, "history"),
                params={key: value for key, value in params.items() if value is not None},
            )
            for row in page["promotions"]:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield row
            before = page["next_before"]
            if before is None:
                return

    def compare(
        self,
        model: str,
        old: str,
        new: str,
        *,
        rows: Sequence[Mapping[str, Any]] | None = None,
        metric: str | None = None,
    ) -> dict[str, Any]:
        """Hold two revisions of a model against each other.

        Args:
            model: ``namespace/name``.
            old: One revision.
            new: The other.
            rows: Labelled rows that both are asked about; default: those of the job that made one of them, where the
                platform has them and they are yours.
            metric: The measure that decides; default: the first of the model's task type.

        Returns:
            ``old`` and ``new`` (measures with intervals, size, speed), and ``asked``: measures, per label, whether the
            difference is more than chance, and the rows whose answers differ. ``asked`` is None where there are no rows.

        Raises:
            NotFound: There is no such model or revision.
            InvalidInput: A row is not one of the model's task, or the two are of different task types.
        """
        asked = {"from": old, "to": new, **({"metric": metric} if metric else {})}
        if rows is None:
            return self._call("GET", _path(model, "compare"), params=asked, timeout=_COMPARING_S)
        body = {**asked, "rows": [dict(row) for row in rows]}
        return self._call("POST", _path(model, "compare"), json=body, timeout=_COMPARING_S)

    def lineage(self, model: str, *, revision: str | None = None) -> dict[str, Any]:
        """Where a revision comes from: data, teachers, generators, base model and their licences, job, parent.

        Raises:
            NotFound: There is no such model or revision.
        """
        params = {"revision": revision} if revision else {}
        return self._call("GET", _path(model, "lineage"), params=params)


def _path(model: str, what: str) -> str:
    return f"/api/v1/models/{model_path(model)}/{what}"
