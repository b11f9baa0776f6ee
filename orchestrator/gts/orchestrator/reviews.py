"""What people said of generated texts: a veto or an edit.

It is kept by model repository and text, so that the next job of the name respects it. Callers own the
transaction and check who may ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gts.core.errors import InvalidInput, NotFound, TooLarge
from gts.orchestrator.clock import Clock, database_clock
from gts.orchestrator.tables import ReviewRow
from gts.tasks.limits import DEFAULT_LIMITS
from gts.tasks.text import clean_text, is_blank, text_id


class Verdict(StrEnum):
    """What a person decided about a text."""

    VETO = "veto"
    EDIT = "edit"


@dataclass(frozen=True, kw_only=True)
class Review:
    """A person's word on one generated text.

    Attributes:
        text: The text as it was generated.
        verdict: ``veto``: it shall not be trained on. ``edit``: ``new_text`` with ``labels`` shall take its
            place, whatever the filters said of it.
        new_text: What an edit puts in its place; ``None`` for a veto.
        labels: The labels of ``new_text``, empty for a veto; in multi-label tasks an edit may leave none.
        by: Who said so.
        at: When.
    """

    text: str
    verdict: Verdict
    new_text: str | None
    labels: tuple[str, ...]
    by: str
    at: datetime

    @property
    def text_id(self) -> str:
        """The id of the text, as :func:`text_id` gives it."""
        return text_id(self.text)

    @classmethod
    def from_row(cls, row: ReviewRow) -> Review:
        """Copy a row."""
        return cls(
            text=row.text,
            verdict=Verdict(row.verdict),
            new_text=row.new_text,
            labels=tuple(row.labels or ()),
            by=row.by,
            at=row.at,
        )


def of(session: Session, namespace: str, name: str) -> tuple[Review, ...]:
    """Everything people said of the generated texts of a model repository, oldest first."""
    query = select(ReviewRow).where(ReviewRow.namespace == namespace, ReviewRow.name == name)
    rows = session.scalars(
        query.order_by(ReviewRow.at, ReviewRow.text_id).execution_options(populate_existing=True)
    )
    return tuple(Review.from_row(row) for row in rows)


def find(session: Session, namespace: str, name: str, text_ids: Iterable[str]) -> dict[str, Review]:
    """The reviews of some texts by their ids; texts nobody reviewed are left out."""
    query = select(ReviewRow).where(
        ReviewRow.namespace == namespace, ReviewRow.name == name, ReviewRow.text_id.in_(list(text_ids))
    )
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {row.text_id: Review.from_row(row) for row in rows}


def veto(
    session: Session, namespace: str, name: str, text: str, *, by: str, clock: Clock = database_clock
) -> Review:
    """Say that a text shall not be trained on; takes the place of what was said of it before."""
    return _put(session, namespace, name, Verdict.VETO, text, None, (), by, clock)


def edit(
    session: Session,
    namespace: str,
    name: str,
    text: str,
    *,
    new_text: str,
    labels: Sequence[str],
    known_labels: Sequence[str],
    multi_label: bool,
    by: str,
    clock: Clock = database_clock,
) -> Review:
    """Put another text, or other labels, in a text's place; takes the place of what was said of it before.

    Args:
        session: A writing session.
        namespace: Of the model repository.
        name: Of the model repository.
        text: The text as it was generated.
        new_text: What takes its place; may be the same, with other labels.
        labels: The labels of ``new_text``.
        known_labels: Labels of the task.
        multi_label: Whether a text of the task may carry any number of labels.
        by: Who says so.
        clock: Where the time comes from.

    Raises:
        InvalidInput: The new text is blank, a label is unknown, or a single-label task got none or several.
        TooLarge: The new text is too long.
    """
    checked_text = check_text(new_text)
    checked_labels = check_labels(labels, known_labels, multi_label=multi_label)
    return _put(session, namespace, name, Verdict.EDIT, text, checked_text, checked_labels, by, clock)


def take_back(session: Session, namespace: str, name: str, text_id: str) -> None:
    """Forget what was said of a text.

    Raises:
        NotFound: Nothing was said of it.
    """
    gone = session.scalars(
        delete(ReviewRow)
        .where(_is(namespace, name, text_id))
        .returning(ReviewRow.text_id)
        .execution_options(synchronize_session=False)
    ).all()
    if not gone:
        raise NotFound(
            f"nobody has vetoed or edited the text {text_id[:100]!r}", mend="there is nothing to take back"
        )


def check_text(text: str) -> str:
    """A text as a person edited it, in the form in which it is kept.

    Raises:
        InvalidInput: Nothing of it can be seen.
        TooLarge: It is longer than any text of a task may be.

    Example:
        >>> check_text(" where is it? ")
        'where is it?'
    """
    cleaned = clean_text(text)
    if is_blank(cleaned):
        raise InvalidInput("the new text is empty", mend="write a text, or veto the old one", field="text")
    if len(cleaned) > DEFAULT_LIMITS.text_chars:
        raise TooLarge(
            f"the new text has {len(cleaned):,} characters; {DEFAULT_LIMITS.text_chars:,} are accepted",
            mend="shorten it",
            field="text",
        )
    return cleaned


def check_labels(labels: Sequence[str], known: Sequence[str], *, multi_label: bool) -> tuple[str, ...]:
    """Labels as a person gave them, in the task's order.

    Raises:
        InvalidInput: One is not a label of the task, or a single-label task got none or several.

    Example:
        >>> check_labels(["b", "a", "b"], ["a", "b", "c"], multi_label=True)
        ('a', 'b')
    """
    for label in labels:
        if label not in known:
            raise InvalidInput(
                f"{label[:100]!r} is no label of this task; expected one of {_some(known)}",
                mend="choose labels of the task",
                field="labels",
                labels=list(known),
            )
    chosen = tuple(label for label in known if label in set(labels))
    if not multi_label and len(chosen) != 1:
        raise InvalidInput(
            f"{len(chosen)} labels were given; a text of this task has exactly one",
            mend="choose one label",
            field="labels",
            labels=list(known),
        )
    return chosen


def _some(labels: Sequence[str], shown: int = 10) -> str:
    more = f" and {len(labels) - shown} more" if len(labels) > shown else ""
    return ", ".join(repr(label) for label in labels[:shown]) + more


def _put(
    session: Session,
    namespace: str,
    name: str,
    verdict: Verdict,
    text: str,
    new_text: str | None,
    labels: tuple[str, ...],
    by: str,
    clock: Clock,
) -> Review:
    key = text_id(text)
    said: dict[str, Any] = {
        "text": clean_text(text),
        "verdict": verdict,
        "new_text": new_text,
        "labels": list(labels) if verdict == Verdict.EDIT else None,
        "by": by,
        "at": clock(session),
    }
    if not _replace(session, namespace, name, key, said):
        try:
            with session.begin_nested():
                session.add(ReviewRow(namespace=namespace, name=name, text_id=key, **said))
        except IntegrityError:  # somebody reviewed it between our look and our insert: the last word counts
            _replace(session, namespace, name, key, said)
    return find(session, namespace, name, [key])[key]


def _replace(session: Session, namespace: str, name: str, key: str, said: dict[str, Any]) -> bool:
    changed = session.scalars(
        update(ReviewRow)
        .where(_is(namespace, name, key))
        .values(**said)
        .returning(ReviewRow.text_id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(changed)


def _is(namespace: str, name: str, key: str) -> Any:
    return (ReviewRow.namespace == namespace) & (ReviewRow.name == name) & (ReviewRow.text_id == key)
