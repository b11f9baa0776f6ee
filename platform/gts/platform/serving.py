"""Serving: a bounded set of loaded students that answer predictions."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gts.core.errors import InvalidInput, Overloaded, TooLarge
from gts.core.threads import available_cores
from gts.platform.settings import Settings
from gts.student.opening import texts_in

if TYPE_CHECKING:
    from gts.registry.registry import Registry
    from gts.student.opening import AnyStudent


def split_model(model: str) -> tuple[str, str]:
    """Namespace and name of a model.

    Raises:
        InvalidInput: It is not of the form ``namespace/name``.

    Example:
        >>> split_model("local/tickets")
        ('local', 'tickets')
    """
    namespace, _, name = model.partition("/")
    if not namespace or not name or "/" in name:
        raise InvalidInput(f"{model[:200]!r} is not the name of a model", mend="write it as namespace/name")
    return namespace, name


@dataclass(frozen=True)
class Served:
    """A loaded student and the commit it came from."""

    model: str
    commit: str
    student: AnyStudent


class StudentCache:
    """Loads students from the registry when they are first asked, and drops the least used ones.

    Safe to use from several threads; each (model, commit) is loaded once. Predictions run in a thread
    pool of their own, and no more than ``max_predictions`` requests are taken on at once.

    Args:
        registry: Where students come from.
        settings: Hold the limits.
    """

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._settings = settings
        self._loaded: OrderedDict[tuple[str, str], Served] = OrderedDict()
        self._loading: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(available_cores(), thread_name_prefix="predict")
        self._in_flight = 0

    async def predict(
        self, model: str, revision: str, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[Served, list[dict[str, Any]]]:
        """Ask a student about rows of its task.

        Args:
            model: ``namespace/name``.
            revision: Commit, branch or alias.
            rows: At most ``max_texts``, the texts of each at most ``max_text_chars`` long, all
                together ``max_request_chars``.

        Raises:
            NotFound: There is no such model or revision.
            InvalidInput: A row is not of the form that the model's task type has.
            TooLarge: Too many texts, or one that is too long.
            Overloaded: Too many requests are being answered already.
        """
        self._check(rows)
        if self._in_flight >= self._settings.max_predictions:
            raise Overloaded(
                f"{self._in_flight} prediction requests are being answered already",
                mend="try again in a moment, or send several texts in one request",
            )
        self._in_flight += 1  # only ever touched on the event loop
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._predict, model, revision, list(rows))
        finally:
            self._in_flight -= 1

    def load(self, model: str, revision: str) -> Served:
        """The student of a model at a revision, from memory when it is there.

        Raises:
            NotFound: There is no such model or revision.
        """
        namespace, name = split_model(model)
        commit = self._registry.resolve(namespace, name, revision).oid
        key = (model, commit)
        with self._lock:
            if served := self._loaded.get(key):
                self._loaded.move_to_end(key)
                return served
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                if served := self._loaded.get(key):
                    return served
            from gts.student.opening import open_student

            folder = self._registry.materialize(namespace, name, commit, self._settings.models_root)
            served = Served(model, commit, open_student(folder))
            with self._lock:
                self._loaded[key] = served
                self._loading.pop(key, None)
                while len(self._loaded) > self._settings.max_students:
                    self._loaded.popitem(last=False)
            return served

    def close(self) -> None:
        """Stop taking predictions; those that run are finished."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _predict(
        self, model: str, revision: str, rows: list[Mapping[str, Any]]
    ) -> tuple[Served, list[dict[str, Any]]]:
        served = self.load(model, revision)
        return served, served.student.answer(rows)

    def _check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if len(rows) > self._settings.max_texts:
            raise TooLarge(
                f"{len(rows)} texts in one request; the limit is {self._settings.max_texts}",
                mend="send them in several requests",
            )
        total = 0
        for index, text in ((index, text) for index, row in enumerate(rows) for text in texts_in(row)):
            total += len(text)
            if len(text) > self._settings.max_text_chars:
                raise TooLarge(
                    f"text {index} has {len(text):,} characters; the limit is {self._settings.max_text_chars:,}",
                    mend="split it or send its beginning",
                )
            if total > self._settings.max_request_chars:
                raise TooLarge(
                    f"the texts have more than {self._settings.max_request_chars:,} characters together, "
                    "the limit of one request",
                    mend="send them in several requests",
                )
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InvalidInput(
                    f"text {index} holds half of a surrogate pair, which is no character",
                    mend="send the text as UTF-8",
                ) from error
