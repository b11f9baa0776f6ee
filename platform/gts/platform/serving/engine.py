"""What answers prediction requests, whoever asked them in whichever shape."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Lock

from gts.core.errors import GTSError, InvalidInput, Overloaded
from gts.platform.serving.checks import check_rows
from gts.platform.serving.metrics import Gauge, ServingMetrics
from gts.platform.serving.values import Answers, Rows, Served
from gts.platform.settings import Settings
from gts.student.layout import StudentManifest

_MOST_OF_ONE = 0.75
"""Share of the requests being answered that may be for one model."""

OnAnswers = Callable[[str, str, Rows, Answers], None]
"""Told of rows that were answered: model, commit, rows and answers; returns at once."""


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


class HasLeft(Exception):
    """Nobody waits for the rest of a stream."""


class Engine(ABC):
    """Answers requests; safe to use from several threads and event loops.

    Args:
        settings: Hold the limits.

    Attributes:
        on_answers: Told of all traffic.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.on_answers: OnAnswers | None = None
        self.metrics = ServingMetrics()
        self._in_flight: Counter[str] = Counter()
        self._lock = Lock()
        self.metrics.watch(
            [Gauge("gts_predict_in_flight", "Prediction requests being answered.", self._in_flight.total)]
        )

    async def predict(
        self,
        model: str,
        revision: str,
        rows: Rows | Callable[[StudentManifest], Rows],
        *,
        is_traffic: bool = True,
    ) -> tuple[Served, Answers]:
        """Ask a model about rows of its task.

        Args:
            model: ``namespace/name``.
            revision: Commit, branch or alias, as it stands now.
            rows: At most ``max_texts``, the texts of each at most ``max_text_chars`` long, all
                together ``max_request_chars``; or what makes them once it is known what the model is.
            is_traffic: Whether somebody uses the model, rather than tests it.

        Returns:
            What was asked, and an answer for each row, all of one commit.

        Raises:
            NotFound: There is no such model or revision.
            InvalidInput: A row is not of the form that the model's task type has.
            TooLarge: Too many texts, or one that is too long.
            Overloaded: Too many requests are being answered already.
        """
        if not callable(rows):
            check_rows(rows, self.settings)
        async with self.stream(model, revision, is_traffic=is_traffic) as stream:
            asked = rows
            if callable(asked):
                asked = asked(stream.served.manifest)
                check_rows(asked, self.settings)
            return stream.served, await stream.answer(asked)

    @asynccontextmanager
    async def stream(self, model: str, revision: str, *, is_traffic: bool = True) -> AsyncIterator[Stream]:
        """Ask one revision of a model about any number of rows, a few at a time; counts as one request.

        Raises:
            NotFound: There is no such model or revision.
            Overloaded: Too many requests are being answered already.
        """
        started, known, outcome = time.perf_counter(), "", GTSError.code
        try:
            with self._admitted(model):
                served = await self.find(model, revision)
                known = model
                yield Stream(self, served, is_traffic)
            outcome = "ok"
        except GTSError as error:
            outcome = error.code
            raise
        except (asyncio.CancelledError, GeneratorExit, HasLeft):
            outcome = "cancelled"
            raise
        finally:
            self.metrics.requests.labels(known, outcome).inc()
            if outcome == "ok":
                self.metrics.seconds.labels(known).observe(time.perf_counter() - started)

    @abstractmethod
    async def find(self, model: str, revision: str) -> Served:
        """What a revision of a model is now.

        Raises:
            NotFound: There is no such model or revision.
        """

    @abstractmethod
    async def answer(self, served: Served, rows: Rows) -> Answers:
        """What a model says of rows that were checked.

        Raises:
            InvalidInput: A row is not of the form that the model's task type has.
        """

    @abstractmethod
    def close(self) -> None:
        """Take no more requests; those that run are finished."""

    @contextmanager
    def _admitted(self, model: str) -> Iterator[None]:
        most = self.settings.max_predictions
        with self._lock:
            # One model alone leaves room for others: those who ask a quick one need not wait for who asks a slow one.
            if self._in_flight.total() >= most or self._in_flight[model] >= max(
                1, round(_MOST_OF_ONE * most)
            ):
                raise Overloaded(
                    f"{self._in_flight.total()} prediction requests are being answered already, {self._in_flight[model]} of them "
                    f"by {model[:200]}",
                    mend="try again in a moment, or send several texts in one request",
                )
            self._in_flight[model] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[model] -= 1
                if not self._in_flight[model]:
                    del self._in_flight[model]


class Stream:
    """A conversation with one revision of a model.

    Args:
        engine: What answers.
        served: What is asked.
        is_traffic: Whether somebody uses the model, rather than tests it.
    """

    def __init__(self, engine: Engine, served: Served, is_traffic: bool) -> None:
        self._engine = engine
        self._is_traffic = is_traffic
        self.served = served

    async def answer(self, rows: Rows) -> Answers:
        """What the model says of rows that were checked.

        Raises:
            InvalidInput: A row is not of the form that the model's task type has.
        """
        answers = await self._engine.answer(self.served, rows)
        self._engine.metrics.rows.labels(self.served.model).inc(len(answers))
        if self._is_traffic and self._engine.on_answers is not None:
            self._engine.on_answers(self.served.model, self.served.commit, rows, answers)
        return answers
