"""The client's methods about models, published ones and the site's language models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from gts.platform.remote import model_path
from gts.platform.sending import asked_body


class ModelCalls(ABC):
    """What :class:`gts.platform.client.Client` can do with models."""

    _http: httpx.Client

    @abstractmethod
    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request and give the JSON of its answer, an empty one where nothing came."""

    def models(self) -> list[dict[str, Any]]:
        """All models that the token may see."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._call("GET", "/api/v1/models", params={"cursor": cursor} if cursor else {})
            found += page["models"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return found

    def model(self, name: str, *, revision: str | None = None) -> dict[str, Any]:
        """One model at a revision (default: the newest), with its files, references and history.

        Raises:
            NotFound: There is no such model or revision.
        """
        params = {"revision": revision} if revision else {}
        return self._call("GET", f"/api/v1/models/{model_path(name)}", params=params)

    def set_alias(self, model: str, alias: str, *, revision: str = "main", why: str = "") -> str:
        """Let a movable name such as ``production`` stand for a revision; ``promote`` says more of what came of it.

        Returns:
            The commit that it names now.

        Raises:
            NotFound: There is no such model or revision.
            Conflict: The name is taken by a branch or tag.
        """
        path = f"/api/v1/models/{model_path(model)}/aliases/{quote(alias, safe='')}"
        answer = self._call("PUT", path, json={"revision": revision, "why": why})
        return str(answer["commit"])

    def remove_alias(self, model: str, alias: str, *, why: str = "") -> None:
        """Forget an alias; the revision it named stays.

        Raises:
            NotFound: There is no such model or alias.
        """
        path = f"/api/v1/models/{model_path(model)}/aliases/{quote(alias, safe='')}"
        self._call("DELETE", path, params={"why": why})

    def language_models(self) -> list[dict[str, Any]]:
        """The site's language models, which a task may name under ``teachers`` and ``generators``."""
        found: list[dict[str, Any]] = self._call("GET", "/api/v1/language-models")["models"]
        return found

    def predict(
        self, model: str, rows: Sequence[str | Mapping[str, Any]], *, revision: str | None = None
    ) -> list[dict[str, Any]]:
        """Ask a served model; it says of each text or row what its student's ``answer`` does.

        Args:
            model: ``namespace/name``.
            rows: Texts, or ``{"text_a", "text_b"}`` for similarity, ``{"text", "entities"}`` for relations
                between given entities, ``{"text"}`` for all else.
            revision: Commit, branch or alias; default: the newest.

        Raises:
            NotFound: There is no such model or revision.
            InvalidInput: What was given are no texts and rows, or not those that the model's task has.

        Example:
            >>> client.predict("local/people", ["Ada wrote"])  # doctest: +SKIP
            [{'entities': [{'start': 0, 'end': 3, 'type': 'person', 'text': 'Ada', 'score': 0.98}]}]
            >>> client.predict("local/twins", [{"text_a": "who?", "text_b": "which one?"}])  # doctest: +SKIP
            [{'score': 0.31, 'alike': False}]
        """
        body = {**asked_body(rows), **({"revision": revision} if revision else {})}
        answer = self._call("POST", f"/api/v1/models/{model_path(model)}/predict", json=body)
        found: list[dict[str, Any]] = answer["predictions"]
        return found

    def cascade(
        self,
        model: str,
        rows: Sequence[str | Mapping[str, Any]],
        *,
        max_error: float,
        fallback: str | None = None,
        revision: str | None = None,
    ) -> dict[str, Any]:
        """Ask a served classifier that answers only where it is sure enough.

        Args:
            model: ``namespace/name``.
            rows: Texts, or ``{"text"}``.
            max_error: Share of wrong answers to be expected among those that it gives.
            fallback: Name of a language model of the platform that answers the rest.
            revision: Commit, branch or alias; default: the newest.

        Returns:
            ``predictions``, each with ``answered_by``, and ``cascade``, the account of who answered and what it cost.

        Raises:
            NotFound: There is no such model, revision or language model.
            InvalidInput: The model does not know how sure it is.
            Forbidden: The language model may not answer for students there.
        """
        body = {**asked_body(rows), "max_error": max_error}
        body |= {"revision": revision} if revision else {}
        body |= {"fallback": fallback} if fallback else {}
        answer: dict[str, Any] = self._call("POST", f"/api/v1/models/{model_path(model)}/predict", json=body)
        return answer

    def predict_lines(
        self,
        model: str,
        rows: Iterable[str | Mapping[str, Any]],
        *,
        revision: str | None = None,
        test: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Ask a served model about any number of rows, of which few are held at a time; all are answered by one commit.

        Args:
            model: ``namespace/name``.
            rows: Texts or rows, as for :meth:`predict`.
            revision: Commit, branch or alias, as it stands at the beginning; default: the newest.
            test: Whether this tests the model rather than uses it: nothing of it is kept as traffic.

        Yields:
            For each row what the model says, or ``{"error": {...}, "line": n}`` where it cannot be answered.

        Raises:
            NotFound: There is no such model or revision.
            GTSError: The server could not go on.

        Example:
            >>> with open("texts.txt") as file:  # doctest: +SKIP
            ...     for answer in client.predict_lines("local/tickets", (line.rstrip() for line in file)):
            ...         print(answer["labels"])
        """
        from gts.platform.client_lines import answered_lines

        return answered_lines(self._http, model, rows, revision or "main", test)

    def pull(
        self, model: str, folder: str | Path, *, revision: str | None = None, only: Sequence[str] = ()
    ) -> Path:
        """Download a model's files and check the digest of each.

        Args:
            model: ``namespace/name``.
            folder: Where to put them. A new folder appears complete or not at all.
            revision: Commit, branch or alias; default: the newest.
            only: Paths of the files wanted; default: all.

        Raises:
            NotFound: There is no such model or revision.
            StorageError: A file's bytes are not those that were published, or the disk is full.
            ServerUnreachable: The download broke off.
        """
        from gts.platform.download import download_files

        described = self.model(model, revision=revision)
        files = [file for file in described["files"] if not only or file["path"] in only]
        return download_files(self._http, described["id"], described["commit"], files, Path(folder))
