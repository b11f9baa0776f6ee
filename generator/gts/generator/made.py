"""New rows for tasks whose rows are no single labelled text, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gts.tasks.rows import Row


@dataclass(frozen=True, slots=True)
class MadeRow:
    """One new row.

    Attributes:
        row: The row with its answer.
        labels: What it was made for: types of what it holds, ``alike`` or ``not alike``; nothing for summaries.
        generator: Name of the generator.
        kind: What was done, in a word: ``written`` by a language model, ``mentions`` replaced, ``recombined``, ``thinned``.
        seeds: The user's texts it was derived from, in the order of use.
        scores: The generator's own measures of it, by name.
    """

    row: Row
    labels: tuple[str, ...]
    generator: str
    kind: str
    seeds: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MadeRows:
    """What a generator made.

    Attributes:
        rows: The new rows, best first where there is an order.
        dropped: How many others were made in vain, by why in a word or two.
    """

    rows: tuple[MadeRow, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
