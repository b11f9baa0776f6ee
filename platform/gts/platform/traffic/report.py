"""What is known of a model's traffic: how much of it is kept, and whether it looks like what the model was made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Literal

from gts.core.database import Database, now
from gts.platform.published import read_student
from gts.platform.services import Services
from gts.platform.serving.engine import split_model
from gts.platform.traffic import stored
from gts.platform.traffic.drift import LEAST_ROWS, Shift, shifts
from gts.platform.traffic.stored import Asked
from gts.registry.values import Revision
from gts.student.layout import StudentManifest
from gts.student.observing import MOST_ROWS, Observed, observe
from gts.student.opening import texts_in
from gts.student.tokenizing import shared_tokenizer
from gts.tasks.text import same_text_key

DAYS = 30
_MOST_LOOKED_AT = 5 * MOST_ROWS

Verdict = Literal["off", "few", "unknown", "same", "moved"]
"""``off``: nothing is kept. ``few``: too little to tell. ``unknown``: nobody wrote down what the model was made for."""


@dataclass(frozen=True)
class Look:
    """The rows of one revision, held against what its student was made for.

    Attributes:
        rows: Different rows looked at, the newest; a text that comes again counts once, as it does among unlabelled rows.
        task_type: What the student does; empty where it is none.
        reference_rows: Rows of the reference; ``None`` where the revision has none.
        learnt: Whether the student has learnt from these, so that only texts can be compared.
        shifts: Quantities then and now, the farthest first; empty where there is too little to tell.
    """

    rows: int
    task_type: str
    reference_rows: int | None
    learnt: bool = False
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """What is known of a model's traffic.

    Attributes:
        model: ``namespace/name``.
        commit: The revision that is looked at.
        share: Share of the rows that is kept.
        chosen_by: Who said so for this model; ``None``: it is the installation's setting.
        kept: Rows of the model that are kept, whichever revision was asked.
        dropped: Rows of all models that this server was to keep since it started, and could not.
        days: How far back is looked.
        look: What was seen.
    """

    model: str
    commit: str
    share: float
    chosen_by: str | None
    kept: int
    dropped: int
    days: int
    look: Look

    @property
    def moved(self) -> tuple[Shift, ...]:
        """What has moved, the farthest first."""
        return tuple(shift for shift in self.look.shifts if shift.verdict != "same")

    @property
    def verdict(self) -> Verdict:
        """All of it in a word."""
        if self.look.rows < LEAST_ROWS:
            return "few" if self.share or self.look.rows else "off"
        if not self.look.shifts:
            return "unknown"
        return "moved" if self.moved else "same"


def traffic_of(
    services: Services, namespace: str, name: str, revision: str = "main", days: int = DAYS
) -> Traffic:
    """Look at a model's traffic.

    Args:
        services: The platform.
        namespace: Namespace of the model.
        name: Its name.
        revision: Whose rows are looked at: those that this commit was asked.
        days: How far back.

    Raises:
        NotFound: There is no such model or revision.
    """
    commit = services.registry.resolve(namespace, name, revision)
    with services.database.reading() as session:
        repository = stored.repository_of(session, commit.oid)
        said = stored.logging_of(session, repository)
        kept, last = stored.count(session, repository), stored.last_number(session, repository)
    return Traffic(
        model=f"{namespace}/{name}",
        commit=commit.oid,
        share=services.settings.log_predictions if said is None else said.share,
        chosen_by=None if said is None else said.by,
        kept=kept,
        dropped=services.traffic.dropped,
        days=days,
        look=_look(services, commit, repository, days, last),
    )


@lru_cache(maxsize=64)  # pages are read more often than models are asked
def _look(services: Services, commit: Revision, repository: int, days: int, last: int) -> Look:
    """The newest rows up to a number, which with the commit says which these are."""
    student = read_student(services, commit)
    asked = _different(services.database, commit.oid, repository, days, last)
    if student is None or student.reference is None:
        return Look(len(asked), student.task.type if student else "", None)
    reference = student.reference
    found: Sequence[Shift] = ()
    if len(asked) >= LEAST_ROWS:
        found = shifts(reference, _observed(services, student, commit, asked))
    return Look(len(asked), student.task.type, reference.rows, reference.learnt, tuple(found))


def _different(database: Database, commit: str, repository: int, days: int, last: int) -> list[Asked]:
    since = now() - timedelta(days=days)
    found: dict[tuple[str, ...], Asked] = {}
    before, looked_at = last + 1, 0
    while looked_at < _MOST_LOOKED_AT and len(found) < MOST_ROWS:
        with database.reading() as session:
            rows = stored.newest(
                session, repository, commit=commit, since=since, before=before, limit=MOST_ROWS
            )
        for row in rows:
            found.setdefault(tuple(same_text_key(text) for text in texts_in(row.row)), row)
        looked_at += len(rows)
        if len(rows) < MOST_ROWS:
            break
        before = rows[-1].number
    return list(found.values())[:MOST_ROWS]


def _observed(
    services: Services, student: StudentManifest, commit: Revision, asked: Sequence[Asked]
) -> Observed:
    namespace, name = split_model(commit.repository)
    folder = services.registry.materialize(namespace, name, commit.oid, services.settings.models_root)
    rows, answers = [one.row for one in asked], [one.answer for one in asked]
    return observe(student, rows, answers, shared_tokenizer(folder).tokenizer)
