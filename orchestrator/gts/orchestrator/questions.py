"""Questions to people: what is asked, and which two questions are the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from gts.core.fingerprint import canonical_json
from gts.tasks.dataset import Origin
from gts.tasks.spec import TaskSpec
from gts.tasks.text import text_id

ALIKE, NOT_ALIKE = "1", "0"
"""The labels of a pair that is decided."""

_ID_DIGITS = 16
_LIKELY = 0.5


class QuestionKind(StrEnum):
    """What a person is asked; how each is answered stands in :mod:`gts.orchestrator.answer_forms`."""

    LABEL = "label"
    """Which label? ``{"text"}`` or ``{"text_a", "text_b"}``, ``"options": [labels]``, ``"suggested": {label: probability}``."""
    CONFIRM = "confirm"
    """Is this ``label``? ``{"text"}`` or ``{"text_a", "text_b"}``, ``"label"``, perhaps ``"beside": {"text", "label"}``."""
    DEFINE = "define"
    """What tells two labels apart? ``{"labels": [a, b], "examples": {a: [texts], b: [texts]}}``."""
    MISLABELLED = "mislabelled"
    """Is this row right? ``{"text"}`` or ``{"text_a", "text_b"}``, ``"labels"`` as given, ``"suggested"``."""
    MARK = "mark"
    """What is in this row? ``{"text", "proposed": row in the JSON of examples}``."""


class QuestionState(StrEnum):
    """Where a question stands."""

    OPEN = "open"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    """The job no longer needs it; an answer is welcome all the same."""


_TEXTS = ("text", "text_a", "text_b")
_NEEDED: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.LABEL: ("options",),
    QuestionKind.CONFIRM: ("label",),
    QuestionKind.DEFINE: ("labels",),
    QuestionKind.MISLABELLED: ("labels",),
    QuestionKind.MARK: ("text", "proposed"),
}
# What a machine believes changes from one attempt to the next; the question stays the same one.
_SUBJECT: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.LABEL: _TEXTS,
    QuestionKind.CONFIRM: (*_TEXTS, "label"),
    QuestionKind.DEFINE: ("labels",),
    QuestionKind.MISLABELLED: (*_TEXTS, "labels"),
    QuestionKind.MARK: _TEXTS,
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, and what was said to it.

    Attributes:
        id: 16 hex digits of the job and what is asked about, so that posing a question twice changes nothing.
        job_id: The job that asks.
        batch: Number of the batch it was posed with; answering the last of a batch lets the job go on.
        kind: What is asked.
        payload: What it is about, in the form of its kind.
        reason: Why it is asked, in one plain sentence.
        origin: Where its text comes from: ``pool``, ``generated`` or ``gold``.
        state: Where it stands.
        answer: What was answered, in the form of its kind; ``None`` where nothing was.
        by: Who answered or skipped it.
        at: When.
    """

    id: str
    job_id: str
    batch: int
    kind: QuestionKind
    payload: Mapping[str, Any]
    reason: str
    origin: Origin
    state: QuestionState = QuestionState.OPEN
    answer: Mapping[str, Any] | None = None
    by: str | None = None
    at: datetime | None = None

    @classmethod
    def new(
        cls,
        job_id: str,
        kind: QuestionKind,
        payload: Mapping[str, Any],
        reason: str,
        *,
        origin: Origin,
        batch: int = 1,
    ) -> Self:
        """An open question.

        Raises:
            ValueError: The payload lacks what its kind needs, or nobody says why it is asked.

        Example:
            >>> likely = {"billing": 0.6, "delivery": 0.4}
            >>> payload = {"text": "refund?", "options": ["billing", "delivery"], "suggested": likely}
            >>> asked = Question.new("7", QuestionKind.LABEL, payload, "two labels are as likely", origin=Origin.POOL)
            >>> asked.texts, asked.options, asked.suggestion
            (('refund?',), ('billing', 'delivery'), ('billing',))
        """
        missing = [key for key in _NEEDED[kind] if key not in payload]
        if kind != QuestionKind.DEFINE and not any(key in payload for key in _TEXTS):
            missing.append("text")
        if missing or not reason.strip():
            raise ValueError(
                f"a question of kind {kind.value!r} needs {', '.join(missing) or 'a reason'}; it has {sorted(payload)}"
            )
        named = _id(job_id, kind, payload)
        return cls(
            id=named, job_id=job_id, batch=batch, kind=kind, payload=payload, reason=reason, origin=origin
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The text it is about, or both of a pair; none where labels are asked about."""
        return tuple(self.payload[key] for key in _TEXTS if key in self.payload)

    @property
    def subject(self) -> str:
        """What it is about, as 16 hex digits (see :func:`subject_of`)."""
        return subject_of(self.texts or self.payload["labels"])

    @property
    def options(self) -> tuple[str, ...]:
        """The labels it offers; empty where :func:`options_of` takes those of the task."""
        return tuple(self.payload.get("options", ()))

    @property
    def suggestion(self) -> tuple[str, ...]:
        """What the machine holds for likely: its labels of more than one half, else the likeliest one."""
        beliefs: Mapping[str, float] = self.payload.get("suggested") or {}
        likely = tuple(label for label, belief in beliefs.items() if belief > _LIKELY)
        return likely or tuple(sorted(beliefs, key=lambda label: -beliefs[label])[:1])


def subject_of(parts: Sequence[str]) -> str:
    """What a question is about, as 16 hex digits: of its texts, or of the labels that it compares."""
    return text_id("\n".join(parts))


def options_of(question: Question, spec: TaskSpec) -> tuple[str, ...]:
    """The labels that an answer may name, in the order in which they are shown.

    Example:
        >>> payload = {"text_a": "one", "text_b": "two", "labels": ["1"]}
        >>> asked = Question.new("7", QuestionKind.MISLABELLED, payload, "it looks wrong", origin=Origin.GOLD)
        >>> options_of(asked, TaskSpec(name="twins", type="similarity"))
        ('1', '0')
    """
    if question.options:
        return question.options
    return (ALIKE, NOT_ALIKE) if spec.type == "similarity" else tuple(spec.labels)


def decides_pair(question: Question, spec: TaskSpec) -> bool:
    """Whether it is asked of a pair if it is alike or not, of which one is sure to hold."""
    return len(question.texts) == 2 and set(options_of(question, spec)) == {ALIKE, NOT_ALIKE}


def _id(job_id: str, kind: QuestionKind, payload: Mapping[str, Any]) -> str:
    subject = {key: payload[key] for key in _SUBJECT[kind] if key in payload}
    if kind == QuestionKind.DEFINE:
        subject["labels"] = sorted(subject["labels"])
    content = canonical_json([job_id, kind.value, subject])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]
