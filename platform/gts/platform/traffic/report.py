"""What is known of a model's traffic: how much of it is kept, and whether it looks like what the model was made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from gts.core.database import Database, now
from gts.platform.services import Services
from gts.platform.traffic import stored
from gts.platform.traffic.drift import LEAST_ROWS, Shift, shifts
from gts.platform.traffic.log import STUDENT, student_of
from gts.platform.traffic.stored import Asked
from gts.student.layout import TOKENIZER, StudentManifest
from gts.student.observing import MOST_ROWS, TEXT_QUANTITIES, Observed, observe, open_tokenizer
from gts.student.opening import texts_in
from gts.tasks.text import same_text_key

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from gts.registry.registry import Registry
    from gts.registry.values import Revision

DAYS = 30
_MOST_LOOKED_AT = 5 * MOST_ROWS
_MOST_TOKENIZER_BYTES = 64 << 20

Verdict = Literal["off", "few", "unknown", "same", "moved"]
"""``off``: nothing is kept. ``few``: too little to tell. ``unknown``: nobody wrote down what the model was made for."""


@dataclass(frozen=True)
class Look:
    """The rows of one revision, held against what its student was made for.

    Attributes:
        rows: Different rows looked at, the newest; a text that comes again counts once, as it does among unlabelled rows.
        reference_rows: Rows of the reference; ``None`` where the revision has none.
        learnt: Whether the student has learnt from these, so that only texts can be compared.
        shifts: Quantities then and now, the farthest first; empty where there is too little to tell.
    """

    rows: int
    reference_rows: int | None
    learnt: bool
    shifts: tuple[Shift, ...]


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
        look=_look(services.registry, services.database, commit, repository, days, last),
    )


@lru_cache(maxsize=64)  # pages are read more often than models are asked
def _look(
    registry: Registry, database: Database, commit: Revision, repository: int, days: int, last: int
) -> Look:
    """The newest rows up to a number, which with the commit says which these are."""
    student = student_of(registry, commit)
    reference = student.reference if student else None
    asked = _different(database, commit.oid, repository, days, last)
    known, learnt = (reference.rows, reference.learnt) if reference else (None, False)
    if student is None or reference is None or len(asked) < LEAST_ROWS:
        return Look(len(asked), known, learnt, ())
    observed = _observed(student, asked, _tokenizer(registry, commit))
    return Look(len(asked), known, learnt, tuple(shifts(reference, observed)))


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


def _observed(student: StudentManifest, asked: Sequence[Asked], tokenizer: Tokenizer | None) -> Observed:
    """All rows by their texts, and by what was answered those that the student answered itself."""
    texts = _measured(student, asked, tokenizer)
    by_student = [one for one in asked if one.answered_by == STUDENT]
    if len(by_student) == len(asked):
        return texts
    answers = _measured(student, by_student, None)
    of_texts = {name: found for name, found in texts.values.items() if name in TEXT_QUANTITIES}
    return Observed(len(asked), {**answers.values, **of_texts}, answers.labels)


def _measured(student: StudentManifest, asked: Sequence[Asked], tokenizer: Tokenizer | None) -> Observed:
    return observe(student, [one.row for one in asked], [one.answer for one in asked], tokenizer)


def _tokenizer(registry: Registry, commit: Revision) -> Tokenizer | None:
    content = registry.read(commit, TOKENIZER, _MOST_TOKENIZER_BYTES)
    if content is None:
        return None
    try:
        return open_tokenizer(content)
    except Exception:  # noqa: BLE001 - the library raises nothing narrower for a file that anyone may publish
        return None


def as_numbers(shift: Shift) -> dict[str, Any]:
    """A quantity then and now as JSON values."""
    return {
        **vars(shift),
        **{name: list(getattr(shift, name)) for name in ("then", "now", "edges", "labels")},
    }
