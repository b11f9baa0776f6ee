"""The client's methods about traffic: what is kept, how it compares, forget it, learn from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from gts.platform.remote import model_path

_PAGE = 200
_LOOKING_S = 120.0


class TrafficCalls(ABC):
    """What :class:`gts.platform.client.Client` can do with the traffic of a model."""

    @abstractmethod
    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request and give the JSON of its answer, an empty one where nothing came."""

    def traffic(self, model: str, *, revision: str | None = None, days: int | None = None) -> dict[str, Any]:
        """Whether what a model is asked looks like what it was made for.

        Args:
            model: ``namespace/name``.
            revision: Whose rows are looked at; default: the newest.
            days: How far back; default: 30.

        Returns:
            ``verdict`` (``moved``, ``same``, ``few``, ``unknown`` or ``off``), ``sentence``, ``shifts``, ``logging`` and more.

        Raises:
            NotFound: There is no such model or revision.
        """
        params = {"revision": revision, "days": days}
        given = {key: value for key, value in params.items() if value is not None}
        return self._call("GET", _path(model, "traffic"), params=given, timeout=_LOOKING_S)

    def log_traffic(self, model: str, share: float | None) -> dict[str, Any]:
        """Say which share of the rows that a model is asked about is kept.

        Args:
            model: ``namespace/name``.
            share: 0 to 1; None: as the installation's setting says.

        Raises:
            NotFound: There is no such model.
            InvalidInput: It is no share.
        """
        return self._call("PUT", _path(model, "traffic/logging"), json={"share": share})

    def traffic_rows(self, model: str, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """What a model was asked and answered, as far as it is kept, the newest first.

        Args:
            model: ``namespace/name``.
            limit: At most so many.

        Raises:
            NotFound: There is no such model.
        """
        before, given = None, 0
        while limit is None or given < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - given)
            params = {"limit": size, **({} if before is None else {"before": before})}
            page = self._call("GET", _path(model, "traffic/rows"), params=params)
            yield from page["rows"]
            given += len(page["rows"])
            before = page["next_before"]
            if before is None:
                return

    def clear_traffic(self, model: str) -> int:
        """Forget what a model was asked; says how many rows went.

        Raises:
            NotFound: There is no such model.
        """
        return int(self._call("DELETE", _path(model, "traffic/rows"))["deleted"])

    def improve(
        self,
        model: str,
        *,
        rows: int | None = None,
        questions: int | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Let the job that made a model go on with recent traffic among its unlabelled rows.

        Args:
            model: ``namespace/name``.
            rows: At most so many; default: 2,000.
            questions: Questions that you are willing to answer from here on; default: as before.
            seconds: Seconds of all stages; default: as before.

        Returns:
            ``job``, ``kept``, ``added`` and ``unsure``.

        Raises:
            NotFound: There is no such model, or no job of yours has made it.
            Conflict: Nothing is kept, or nothing new, or the job is in the queue or runs.
        """
        body = {"rows": rows, "questions": questions, "seconds": seconds}
        given = {key: value for key, value in body.items() if value is not None}
        return self._call("POST", _path(model, "improve"), json=given, timeout=_LOOKING_S)


def _path(model: str, what: str) -> str:
    return f"/api/v1/models/{model_path(model)}/{what}"
