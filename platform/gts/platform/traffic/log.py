"""The log of what models are asked: a thread of its own keeps a share of the rows, where somebody wants that."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from gts.core.database import Database, database_failure, now
from gts.core.errors import NotFound
from gts.core.fingerprint import canonical_json
from gts.platform.cascade import STUDENT
from gts.platform.serving.engine import split_model
from gts.platform.serving.metrics import Gauge
from gts.platform.settings import Settings
from gts.platform.traffic import stored
from gts.student.layout import MANIFEST, StudentManifest
from gts.student.opening import texts_in
from gts.student.selective import certainty_of

if TYPE_CHECKING:
    from gts.registry.registry import Registry

logger = logging.getLogger("gts.platform")

Rows = Sequence[Mapping[str, Any]]

_MOST_WAITING_CHARS = 8_000_000
_ROW_CHARS = 500  # what a row and its answer weigh beside the text
_POLICY_FOR_S = 5.0
_POLICIES = 1_000
_GATHER_S = 0.2
_WRITTEN_AT_ONCE = 500
_CLEAN_EVERY_S, _CLEAN_EVERY_ROWS = 3600.0, 1_000
_WARN_EVERY_S = 60.0
_ENTITY = ("start", "end", "type")
_REPOSITORY = itemgetter("repository_id")


@dataclass(frozen=True)
class _Noted:
    """Rows of one request."""

    model: str
    commit: str
    at: datetime
    rows: Rows
    answers: Rows
    told: Rows | None
    weight: int


@dataclass(frozen=True)
class _Policy:
    """What is to be kept of a revision's rows, as far as is known."""

    share: float
    until: float
    repository: int = 0
    student: StudentManifest | None = None


class TrafficLog:
    """Keeps a share of what models are asked, and removes what is old.

    Nothing is kept unless the setting ``log_predictions`` or somebody for one model says so. Whoever answers requests is never held
    up: :meth:`note` puts rows into a queue of bounded size, and what finds no room there, or no database, is dropped and counted.
    A row is kept if the hash of its content falls into the share, so that of a batch a part is kept, and a text that comes again
    is kept always or never.

    Args:
        database: Where rows are kept.
        registry: Says what the students are.
        settings: Hold the share, and for how long and how many rows are kept.
    """

    def __init__(self, database: Database, registry: Registry, settings: Settings) -> None:
        self._database = database
        self._registry = registry
        self._settings = settings
        self._policies: dict[str, _Policy] = {}
        self._queue: deque[_Noted] = deque()
        self._weight = 0
        self._busy = False
        self._open = True
        self._changed = Condition()
        self._thread: Thread | None = None
        self._cleaned_at: float | None = None
        self._since_cleaning = 0
        self._warned_at: float | None = None
        self.kept = 0
        """Rows that were kept since the start."""
        self.dropped = 0
        """Rows that were to be kept and found no room, or no database."""
        self.gauges = (
            Gauge("gts_traffic_kept", "Rows kept since the start.", lambda: self.kept),
            Gauge(
                "gts_traffic_dropped", "Rows that could not be kept since the start.", lambda: self.dropped
            ),
        )

    def note(self, model: str, commit: str, rows: Rows, answers: Rows, told: Rows | None = None) -> None:
        """Take notice of rows that were answered; returns at once and never fails.

        Args:
            model: ``namespace/name``.
            commit: The revision that was asked.
            rows: The rows.
            answers: What the student said of each.
            told: What was answered, each with ``answered_by``; what the student said unless given.
        """
        policy = self._policies.get(commit)
        if policy is not None and policy.share == 0 and policy.until > time.monotonic():
            return
        weight = sum(_ROW_CHARS + sum(map(len, texts_in(row))) for row in rows)
        with self._changed:
            if not self._open or self._weight + weight > _MOST_WAITING_CHARS:
                self.dropped += len(rows)
                return
            self._queue.append(_Noted(model, commit, now(), rows, answers, told, weight))
            self._weight += weight
            self._begin()
            self._changed.notify_all()

    def start(self) -> None:
        """Remove old rows from now on, also while nothing is asked."""
        with self._changed:
            self._begin()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was noted is kept; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)

    def reconsider(self) -> None:
        """Look again at what is to be kept of which model; other processes do so within some seconds."""
        self._policies = {}

    def close(self) -> None:
        """Take no more rows; those that wait are kept."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        if self._thread is None and self._open:
            self._thread = Thread(target=self._run, name="traffic-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._clean()
            batch = self._take()
            if batch is None:
                return
            rows = [row for noted in batch for row in self._chosen(noted)]
            for _, of_one in groupby(sorted(rows, key=_REPOSITORY), _REPOSITORY):
                self._write(list(of_one))
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _take(self) -> list[_Noted] | None:
        """What waits, after a moment in which more may come; nothing when it is time to clean; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open, _CLEAN_EVERY_S)
            if self._queue:
                self._changed.wait_for(lambda: not self._open, _GATHER_S)
            elif not self._open:
                return None
            batch = list(self._queue)
            self._queue.clear()
            self._weight = 0
            self._busy = True
            return batch

    def _chosen(self, noted: _Noted) -> list[dict[str, Any]]:
        """The rows of a request that are to be kept, as columns of the table."""
        try:
            policy = self._policy(noted.model, noted.commit)
            if policy.student is None or not policy.share:
                return []
            told = noted.told or [{"answered_by": STUDENT}] * len(noted.rows)
            rows = [
                _columns(noted, policy.repository, policy.student, row, answer, said)
                for asked, answer, said in zip(noted.rows, noted.answers, told, strict=True)
                if is_drawn(row := read_part(asked, policy.student), policy.share)
            ]
            kept = [row for row in rows if _is_json(row["answer"])]
            self._drop(len(rows) - len(kept))
            return kept
        except Exception as error:  # noqa: BLE001 - the thread goes on, whatever one request brings
            self._drop(len(noted.rows))
            self._warn(error)
            return []

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows of one model, some at a time; where it has been removed meanwhile, no other loses by that."""
        for at in range(0, len(rows), _WRITTEN_AT_ONCE):
            part = rows[at : at + _WRITTEN_AT_ONCE]
            try:
                with self._database.writing() as session:
                    stored.keep(session, part)
            except Exception as error:  # noqa: BLE001 - the thread goes on, whatever is wrong with the database
                self._drop(len(part))
                self._warn(error)
            else:
                self.kept += len(part)
                self._since_cleaning += len(part)

    def _policy(self, model: str, commit: str) -> _Policy:
        known = self._policies.get(commit)
        if known is not None and known.until > time.monotonic():
            return known
        found = self._looked_up(model, commit)
        self._policies = {**dict(list(self._policies.items())[-_POLICIES:]), commit: found}
        return found

    def _looked_up(self, model: str, commit: str) -> _Policy:
        until = time.monotonic() + _POLICY_FOR_S
        try:
            with self._database.reading() as session:
                repository = stored.repository_of(session, commit)
                said = stored.logging_of(session, repository)
            share = self._settings.log_predictions if said is None else said.share
            student = self._student(model, commit)
        except NotFound:  # the model was removed meanwhile
            return _Policy(0.0, until)
        return _Policy(share if student else 0.0, until, repository, student)

    def _student(self, model: str, commit: str) -> StudentManifest | None:
        content = self._registry.read(self._registry.resolve(*split_model(model), commit), MANIFEST)
        return StudentManifest.model_validate_json(content) if content else None

    def _clean(self) -> None:
        at = time.monotonic()
        is_time = self._cleaned_at is None or at - self._cleaned_at >= _CLEAN_EVERY_S
        if not is_time and self._since_cleaning < _CLEAN_EVERY_ROWS:
            return
        self._cleaned_at, self._since_cleaning = at, 0
        before = now() - timedelta(days=self._settings.keep_predictions_days)
        try:
            deleted = True
            while deleted:
                with self._database.writing() as session:
                    rows = self._settings.keep_predictions_rows
                    deleted = bool(stored.expire(session, before=before, rows=rows))
        except Exception as error:  # noqa: BLE001 - the thread goes on, whatever is wrong with the database
            self._warn(error)

    def _drop(self, rows: int) -> None:
        with self._changed:
            self.dropped += rows

    def _warn(self, error: Exception) -> None:
        at = time.monotonic()
        if self._warned_at is None or at - self._warned_at > _WARN_EVERY_S:
            self._warned_at = at
            # A database's message repeats what was to be written, which is people's own text.
            known = database_failure(error) if isinstance(error, DBAPIError) else None
            logger.warning("what models are asked is not kept: %s", known or type(error).__name__)


def read_part(row: Mapping[str, Any], student: StudentManifest) -> dict[str, Any]:
    """What a student reads of a row; whatever else a client sent with it is nobody's business.

    Example:
        >>> from gts.student.layout import TaskInfo
        >>> student = StudentManifest(task=TaskInfo(name="mood"), labels=("glad", "sad"), tier="static")
        >>> read_part({"text": "hello", "customer": 7}, student)
        {'text': 'hello'}
    """
    keys = ("text_a", "text_b") if student.task.type == "similarity" else ("text",)
    part: dict[str, Any] = {key: row[key] for key in keys}
    if student.entities_given:
        part["entities"] = [
            {key: entity[key] for key in _ENTITY if entity.get(key) is not None} for entity in row["entities"]
        ]
    return part


def is_drawn(row: Mapping[str, Any], share: float) -> bool:
    """Whether a row is among a share of all rows, decided by the hash of its content.

    Example:
        >>> is_drawn({"text": "hello"}, 1.0), is_drawn({"text": "hello"}, 0.0)
        (True, False)
    """
    digest = hashlib.blake2b(canonical_json(dict(row)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


def _columns(
    noted: _Noted,
    repository: int,
    student: StudentManifest,
    row: Mapping[str, Any],
    answer: Mapping[str, Any],
    said: Mapping[str, Any],
) -> dict[str, Any]:
    by = said["answered_by"]
    told = {key: value for key, value in said.items() if key != "answered_by"}
    return {
        "repository_id": repository,
        "commit_oid": noted.commit,
        "at": noted.at,
        "row": dict(row),
        "answer": dict(answer),
        "confidence": certainty_of(student, answer),
        "answered_by": by,
        "told": None if by in (STUDENT, None) else told,
    }


def _is_json(answer: Mapping[str, Any]) -> bool:
    """Whether a database can hold it: broken weights answer with what is no number."""
    try:
        canonical_json(dict(answer))
    except ValueError:
        return False
    return True
