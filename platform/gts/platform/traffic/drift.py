"""Whether what a student is asked looks like what it was made from: population stability index, and what chance makes of it.

The index of a quantity is the sum over bins of ``(p - q) ln(p / q)``, where ``p`` and ``q`` are the shares of rows in a bin, then
and now. Of two samples of the same rows it is not 0 but grows as these get fewer (Yurdakul and Naranjo, Statistical properties of
the population stability index, 2020), so that a fixed bound such as 0.1 would find drift in any hundred rows. Here it is held
against what it is between samples of like size drawn from both together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from gts.student.observing import Observed, counts_in, typical_of
from gts.student.reference import Reference

LEAST_ROWS: Final = 100
"""Different rows below which nothing is said."""
LABELS: Final = "labels"
OTHERS: Final = None
"""Stands for the labels that are too rare to be looked at one by one."""

_FALSE_ALARMS = 0.01  # of all quantities together
_DRAWS = 4_000
_SEED = 0
_SOME, _MUCH = (
    0.1,
    0.25,
)  # index beyond chance: the customary bounds of a shift worth a look, and of a large one
_RARE, _FEW = (
    0.02,
    5,
)  # a label is looked at by itself from such a share, and from so many rows to be expected

Floats = NDArray[np.float64]
Verdict = Literal["same", "some", "much"]


@dataclass(frozen=True)
class Shift:
    """One quantity, then and now.

    Attributes:
        quantity: Its name (see :func:`gts.student.observing.observe`), or ``labels``.
        index: Population stability index.
        by_chance: The index that chance alone stays below, all but once in a hundred comparisons of all quantities.
        verdict: ``same`` unless the index is beyond chance and the shift large enough to matter.
        edges: Edges of the bins; empty for labels.
        labels: Of labels: which each bin stands for, ``""`` for none, ``None`` for all rare ones.
        then: Share of rows in each bin of the reference.
        now: Share of rows in each bin of the traffic.
        typical_then: Median or mean; None for labels.
        typical_now: The same now.
        greater: How likely a row of the traffic lies above one of the reference, 0.5 where neither does; None for labels.
    """

    quantity: str
    index: float
    by_chance: float
    verdict: Verdict
    then: tuple[float, ...]
    now: tuple[float, ...]
    edges: tuple[float, ...] = ()
    labels: tuple[str | None, ...] = ()
    typical_then: float | None = None
    typical_now: float | None = None
    greater: float | None = None


def shifts(reference: Reference, observed: Observed) -> list[Shift]:
    """What has moved, quantity by quantity, the farthest first.

    Args:
        reference: What the student was made from.
        observed: What it is asked, with at least one row.
    """
    names = [name for name in reference.histograms if name in observed.values]
    labels = (
        _label_counts(reference.labels, observed.labels) if reference.labels and observed.labels else None
    )
    level = _FALSE_ALARMS / max(1, len(names) + (labels is not None))
    found = [_of_values(name, reference, observed, level) for name in names]
    if labels is not None:
        found.append(_of_labels(labels, level))
    order = {"much": 0, "some": 1, "same": 2}
    return sorted(found, key=lambda shift: (order[shift.verdict], shift.by_chance - shift.index))


def stability_index(then: Sequence[float] | Floats, now: Sequence[float] | Floats) -> float:
    """Population stability index of two rows of counts.

    Example:
        >>> stability_index([50, 50], [50, 50]), round(stability_index([50, 50], [70, 30]), 2)
        (0.0, 0.17)
    """
    return float(_index(np.asarray(then, float)[None], np.asarray(now, float)[None])[0])


def _index(then: Floats, now: Floats) -> Floats:
    """The index of each row of counts [n, bins]; what neither has counts for nothing.

    An empty bin is taken for what both together make likely, weighed as half a row for each bin.
    """
    both = then + now
    shared = both / both.sum(axis=1, keepdims=True)
    prior = 0.5 * (both > 0).sum(axis=1, keepdims=True)
    p, q = ((part + prior * shared) / (part.sum(axis=1, keepdims=True) + prior) for part in (then, now))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(both > 0, (p - q) * np.log(p / q), 0.0)
    summed: Floats = parts.sum(axis=1)
    return summed


def _held(then: Floats, now: Floats, level: float) -> tuple[float, float, Verdict]:
    """Index, what chance makes of it, and the verdict."""
    index = stability_index(then, now)
    shared = (then + now) / (then.sum() + now.sum())
    rng = np.random.default_rng(_SEED)
    sizes = [max(1, round(float(part.sum()))) for part in (then, now)]
    drawn = [rng.multinomial(size, shared, _DRAWS).astype(float) for size in sizes]
    chance = _index(drawn[0], drawn[1])
    by_chance = float(np.quantile(chance, 1 - level))
    beyond = index - float(chance.mean())
    if index <= by_chance or beyond < _SOME:
        return index, by_chance, "same"
    return index, by_chance, "much" if beyond >= _MUCH else "some"


def _of_values(name: str, reference: Reference, observed: Observed, level: float) -> Shift:
    histogram, values = reference.histograms[name], observed.values[name]
    then, now = np.array(histogram.counts, float), counts_in(histogram, values).astype(float)
    index, by_chance, verdict = _held(then, now, level)
    p, q = _shares(then), _shares(now)
    return Shift(
        quantity=name,
        index=index,
        by_chance=by_chance,
        verdict=verdict,
        then=tuple(p.tolist()),
        now=tuple(q.tolist()),
        edges=histogram.edges,
        typical_then=histogram.typical,
        typical_now=typical_of(name, values),
        greater=float(q @ (np.cumsum(p) - p / 2)),
    )


def _of_labels(counts: Mapping[str | None, tuple[float, float]], level: float) -> Shift:
    then, now = (np.array(column) for column in zip(*counts.values(), strict=True))
    index, by_chance, verdict = _held(then, now, level)
    return Shift(
        quantity=LABELS,
        index=index,
        by_chance=by_chance,
        verdict=verdict,
        then=tuple(_shares(then).tolist()),
        now=tuple(_shares(now).tolist()),
        labels=tuple(counts),
    )


def _label_counts(
    then: Mapping[str, float], now: Mapping[str, float]
) -> dict[str | None, tuple[float, float]]:
    """Rows then and now of each label, the most frequent first; rare ones are counted together.

    Which are rare is decided by both together: those that are frequent in one of them are so by chance too, and would be found less
    frequent in the other.
    """
    both = {name: then.get(name, 0.0) + now.get(name, 0.0) for name in {*then, *now}}
    rows = sum(then.values()), sum(now.values())
    least = max(_RARE, _FEW / max(1.0, min(rows))) * sum(rows)
    common = sorted((name for name in both if both[name] >= least), key=lambda name: (-both[name], name))
    counts: dict[str | None, tuple[float, float]] = {
        name: (then.get(name, 0.0), now.get(name, 0.0)) for name in common
    }
    if len(common) < len(both):
        known = [sum(pair[side] for pair in counts.values()) for side in (0, 1)]
        counts[OTHERS] = (rows[0] - known[0], rows[1] - known[1])
    return counts


def _shares(counts: Floats) -> Floats:
    shares: Floats = counts / max(counts.sum(), 1e-9)
    return shares
