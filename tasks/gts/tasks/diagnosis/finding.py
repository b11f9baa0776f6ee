"""A finding of the label doctor: what it says, about what, and the examples that show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from gts.tasks.wording import counted

KINDS = (
    "contradiction",
    "conflict",
    "overlap",
    "missed",
    "few",
    "foreign",
    "imbalance",
    "together",
    "copies",
    "giveaway",
    "surface",
    "whole",
    "repeated",
    "names",
    "unclear",
)
"""What can be found, the most important first; docs/task-types.md says what each means."""

MOST_OF_A_KIND = 5
FEW, ENOUGH = 5, 8
"""Examples of a label below which there are few, and from which there are enough to begin with."""
SHOWN = 4
"""Examples of one finding."""
_SHOWN_CHARS = 200
_BEFORE = 60


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled row that shows what a finding says.

    Attributes:
        row: Its place among the examples, counted from 1, rows that were left out as repetitions apart.
        text: Its text, cut to 200 characters around what matters.
        labels: Its labels, or the types that are meant.
    """

    row: int
    text: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the labels that a person may want to mend before anything is spent.

    Attributes:
        kind: One of :data:`KINDS`.
        subject: The labels or types concerned; empty where it is the task as a whole.
        message: What was found.
        mend: What can be done.
        examples: The rows that show it.
    """

    kind: str
    subject: tuple[str, ...]
    message: str
    mend: str
    examples: tuple[Example, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON.

        Example:
            >>> Finding("few", ("a",), "one example of 'a'", "add some").as_json()["subject"]
            ['a']
        """
        found = asdict(self)
        examples = [{**row, "labels": list(row["labels"])} for row in found["examples"]]
        return {**found, "subject": list(self.subject), "examples": examples}


def arranged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most important first, at most five of a kind; the last of a kind says how many more there are.

    Example:
        >>> many = [Finding("names", (f"a{n}", f"b{n}"), "they nearly coincide", "mend") for n in range(7)]
        >>> found = arranged([*many, Finding("overlap", ("x", "y"), "they overlap", "mend")])
        >>> len(found), found[0].kind, found[-1].message
        (6, 'overlap', 'they nearly coincide (and 2 more findings of this kind)')
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.kind].append(finding)
    kept: list[Finding] = []
    for kind in KINDS:
        group = groups[kind]
        kept += group[:MOST_OF_A_KIND]
        if len(group) > MOST_OF_A_KIND:
            more = counted(len(group) - MOST_OF_A_KIND, "more finding")
            kept[-1] = replace(kept[-1], message=f"{kept[-1].message} (and {more} of this kind)")
    return tuple(kept)


def cut(text: str, start: int = 0, end: int = 0) -> str:
    """A text on one line, cut to a readable length around the part that matters.

    Example:
        >>> cut("one\\ntwo")
        'one two'
        >>> long = cut("a" * 500 + " here " + "b" * 500, 501, 505)
        >>> len(long), "here" in long, long[0], long[-1]
        (200, True, '…', '…')
    """
    if len(text) > _SHOWN_CHARS:
        room = _SHOWN_CHARS - 2
        first = max(0, min(start - _BEFORE, len(text) - room))
        first = 0 if end <= room else first
        last = first + room
        text = ("…" if first else "") + text[first:last] + ("…" if last < len(text) else "")
    return " ".join(text.split())
