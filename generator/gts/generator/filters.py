"""Which generated texts may be trained on: all checks in order, the cheap before the dear, every dropped text with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.generator.checks import (
    Check,
    Embed,
    LabelProbabilities,
    balance_check,
    copy_check,
    drift_check,
    duplicate_check,
    length_check,
    personal_check,
    teacher_check,
    vocabulary_check,
)
from gts.generator.protocol import GeneratedText, Judged
from gts.tasks.dataset import Example


@dataclass(frozen=True)
class FilterContext:
    """What the filters compare with, and how strict they are.

    Attributes:
        gold: The user's labelled examples.
        pool: The user's unlabelled texts.
        held_out: Texts kept for testing; nothing like them is let through.
        labels: The task's labels, in the order of the teacher's columns.
        multi_label: Whether a text may carry several labels or none.
        embed: Texts to vectors [n, d]; ``None`` leaves the drift check out.
        label_probabilities: The teacher: texts to probabilities [n, n_labels], or an array with one row per candidate; ``None``
            leaves the teacher check out.
        teacher_threshold: Least probability of an intended label.
        copy_threshold: Share of a text's pieces in one source from which it is a copy.
        duplicate_threshold: Likeness of two generated texts from which they are the same.
        balance: Most texts of one set of labels, as a multiple of the median over all sets; ``None``: no limit.

    Raises:
        InvalidInput: A threshold is outside 0..1, or there is a teacher without labels.
    """

    gold: Sequence[Example]
    pool: Sequence[str] = ()
    held_out: Sequence[str] = ()
    labels: Sequence[str] = ()
    multi_label: bool = False
    embed: Embed | None = None
    label_probabilities: LabelProbabilities | NDArray[np.floating] | None = None
    teacher_threshold: float = 0.5
    copy_threshold: float = 0.8
    duplicate_threshold: float = 0.7
    balance: float | None = None

    def __post_init__(self) -> None:
        for name in ("teacher_threshold", "copy_threshold", "duplicate_threshold"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)}; expected more than 0 and at most 1",
                    mend="change the threshold",
                )
        if self.label_probabilities is not None and not self.labels:
            raise InvalidInput(
                "a teacher was given without the labels of its columns", mend="give `labels` too"
            )


def judge(candidates: Sequence[GeneratedText], context: FilterContext) -> list[Judged]:
    """Judge generated texts; a later check sees only what the earlier ones left.

    Order: length, vocabulary, personal data, copies, duplicates, drift, teacher, balance. Where two candidates are alike, the
    earlier one stays: give them in order of preference.

    Args:
        candidates: The texts, best first.
        context: What to compare with.

    Returns:
        One verdict per candidate, in their order.

    Example:
        >>> gold = [Example("the red car is fast", ("car",)), Example("my old car is very slow today", ("car",))]
        >>> new = GeneratedText("the red car is fast", ("car",), "embedded")
        >>> [(verdict.kept, verdict.kind) for verdict in judge([new], FilterContext(gold))]
        [(False, 'copy')]
    """
    verdicts: dict[int, Judged] = {}
    left = list(range(len(candidates)))
    for check in _checks(candidates, context) if candidates else ():
        reasons = check([candidates[i] for i in left])
        for i, reason in zip(left, reasons, strict=True):
            if reason is not None:
                verdicts[i] = Judged(candidates[i], False, reason.kind, reason.message)
        left = [i for i in left if i not in verdicts]
    return [verdicts.get(i, Judged(text, True)) for i, text in enumerate(candidates)]


def _checks(candidates: Sequence[GeneratedText], context: FilterContext) -> list[Check]:
    user_texts = [*(example.text for example in context.gold), *context.pool]
    checks = [
        length_check(context.gold, context.pool),
        vocabulary_check(user_texts),
        personal_check(user_texts),
        copy_check(context.gold, context.pool, context.held_out, context.copy_threshold),
        duplicate_check(context.duplicate_threshold),
    ]
    if context.embed is not None and context.gold:
        checks.append(drift_check(context.embed, context.gold, context.pool))
    if context.label_probabilities is not None:
        teacher = _teacher(candidates, context.label_probabilities)
        checks.append(teacher_check(teacher, context.labels, context.teacher_threshold, context.multi_label))
    if context.balance is not None:
        checks.append(balance_check(context.balance))
    return checks


def _teacher(
    candidates: Sequence[GeneratedText], given: LabelProbabilities | NDArray[np.floating]
) -> LabelProbabilities:
    if not isinstance(given, np.ndarray):
        return given
    if len(given) != len(candidates):
        raise InvalidInput(
            f"the teacher's array has {len(given)} rows for {len(candidates)} texts",
            mend="give one row per candidate",
        )
    rows = {text.text: row for text, row in zip(candidates, given, strict=True)}
    return lambda texts: np.array([rows[text] for text in texts])


def acceptance(judged: Sequence[Judged]) -> dict[str, Any]:
    """Counts for the report.

    Returns:
        ``candidates``, ``accepted``, ``rate`` (``None`` without candidates), ``rejected`` (count per kind of reason, most frequent
        first) and ``per_label`` (candidates and accepted for each set of labels).

    Example:
        >>> text = GeneratedText("a b", ("x",), "embedded")
        >>> acceptance([Judged(text, True), Judged(text, False, "copy", "...")])["rejected"]
        {'copy': 1}
    """
    accepted = sum(verdict.kept for verdict in judged)
    candidates_of = Counter(verdict.text.labels for verdict in judged)
    accepted_of = Counter(verdict.text.labels for verdict in judged if verdict.kept)
    return {
        "candidates": len(judged),
        "accepted": accepted,
        "rate": accepted / len(judged) if judged else None,
        "rejected": dict(Counter(verdict.kind for verdict in judged if not verdict.kept).most_common()),
        "per_label": [
            {"labels": list(labels), "candidates": count, "accepted": accepted_of[labels]}
            for labels, count in candidates_of.items()
        ],
    }
