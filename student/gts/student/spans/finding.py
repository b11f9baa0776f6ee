"""Finding things in texts with whatever scores spans and links: torch or an exported network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gts.student.spans import decoding
from gts.student.spans.decoding import Floats
from gts.student.spans.examples import given_places, padded, padded_places
from gts.student.spans.labels import Links, Spans, beliefs_of
from gts.student.spans.layout import SpanLayout
from gts.student.spans.tokens import Cutter, Ints, Place, Window
from gts.tasks.items import Item
from gts.tasks.rows import MarkedRow

BATCH_WINDOWS = 32
BATCH_TOKENS = 4096
BATCH_PAIRS = BATCH_WINDOWS * decoding.MOST_SPANS**2
"""Most pairs of places that are scored at once: those of given entities may be many more in a window than those found."""
FILLED = 0.7
"""How long the shortest window of a batch is at least, as a share of the longest: padding costs more than small batches
(batches of 32 CoNLL sentences, shares from 0 to 1: benchmarks/LOG.md)."""


class Scorer(Protocol):
    """A trained network."""

    def read(self, ids: Ints, mask: Ints, traits: Ints) -> tuple[Any, Floats | None]:
        """What a batch of windows says.

        Args:
            ids: Token ids [windows, tokens].
            mask: 1 for tokens, 0 for padding [windows, tokens].
            traits: Traits [windows, tokens].

        Returns:
            Vectors of the tokens, an array that :meth:`links` takes whole or some windows of, and the logits
            of spans [windows, tokens, width, span labels]; None where the task has no span labels.
        """
        ...

    def links(self, vectors: Any, places: Ints) -> Floats:
        """Logits of links [windows, places, places, link labels] between places [windows, places, 2]."""
        ...


class _Read(NamedTuple):
    row: int
    window: Window
    given: tuple[Place, ...]


def find(
    scorer: Scorer,
    layout: SpanLayout,
    cutter: Cutter,
    rows: Sequence[MarkedRow],
    on_batch: Callable[[float], None] | None = None,
) -> list[dict[Item, float]]:
    """What a student finds in texts.

    Args:
        scorer: Its network.
        layout: Its layout.
        cutter: Cuts texts into windows as the student was taught.
        rows: The texts; what was found in them before is not looked at, what was given is where the task says so.
        on_batch: Called with the fraction done after each batch.

    Returns:
        For each row its beliefs, those under :data:`gts.student.spans.decoding.FLOOR` left out.
    """
    reads = [read for number, row in enumerate(rows) for read in _reads(number, row, layout, cutter)]
    marks: list[list[tuple[Spans, Links]]] = [[] for _ in rows]
    done = 0
    for numbers in _batches([len(read.window) for read in reads]):
        batch = [reads[number] for number in numbers]
        for read, found in zip(batch, _found(scorer, layout, batch), strict=True):
            marks[read.row].append(found)
        done += len(batch)
        if on_batch is not None:
            on_batch(done / len(reads))
    return [_beliefs(layout, findings) for findings in marks]


def _reads(number: int, row: MarkedRow, layout: SpanLayout, cutter: Cutter) -> Iterator[_Read]:
    given = () if layout.labels.spans else given_places(row.given)
    for window in cutter.windows(row.text, given):
        if not (window.starts < window.ends).any():
            continue  # nothing can be found in it
        yield _Read(number, window, tuple(place for place in given if window.tokens_of(place) is not None))


def _batches(lengths: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Numbers of windows of like length, so that little is padded."""
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    stop = len(order)
    while stop > 0:
        longest = lengths[order[stop - 1]]
        size = max(1, min(BATCH_WINDOWS, BATCH_TOKENS // longest))
        start = max(0, stop - size)
        while lengths[order[start]] < FILLED * longest:
            start += 1
        yield order[start:stop]
        stop = start


def _found(scorer: Scorer, layout: SpanLayout, batch: Sequence[_Read]) -> list[tuple[Spans, Links]]:
    windows = [read.window for read in batch]
    vectors, logits = scorer.read(*padded(windows))
    if logits is None:
        return _linked(scorer, vectors, batch)
    found = [decoding.found_in(window, logits[row], layout.nested) for row, window in enumerate(windows)]
    spans = [decoding.span_marks(window, some) for window, some in zip(windows, found, strict=True)]
    if not layout.labels.links:
        return [(some, {}) for some in spans]
    places = [decoding.candidates(some) for some in found]
    links = _scored(scorer, vectors, places)
    return [
        (some, decoding.link_marks([decoding.characters(window, place) for place in at], scores))
        for window, some, at, scores in zip(windows, spans, places, links, strict=True)
    ]


def _linked(scorer: Scorer, vectors: Any, batch: Sequence[_Read]) -> list[tuple[Spans, Links]]:
    """Links between given entities, told by their own places, be they whole tokens or not."""
    tokens = [[read.window.tokens_of(place) for place in read.given] for read in batch]
    places = [[place for place in some if place is not None] for some in tokens]
    links = _scored(scorer, vectors, places)
    return [({}, decoding.link_marks(read.given, scores)) for read, scores in zip(batch, links, strict=True)]


def _scored(scorer: Scorer, vectors: Any, places: Sequence[Sequence[Place]]) -> list[Floats]:
    """Logits [places, places, link labels] of each window."""
    most = max(map(len, places))
    if most < 2:
        return [np.zeros((len(some), len(some), 0), np.float32) for some in places]
    size = max(1, BATCH_PAIRS // most**2)
    found: list[Floats] = []
    for start in range(0, len(places), size):
        batch = places[start : start + size]
        scores = scorer.links(vectors[start : start + size], padded_places(batch)[0])
        found += [scores[row, : len(some), : len(some)] for row, some in enumerate(batch)]
    return found


def _beliefs(layout: SpanLayout, findings: Sequence[tuple[Spans, Links]]) -> dict[Item, float]:
    spans = decoding.merged([some for some, _ in findings])
    links = decoding.merged([some for _, some in findings])
    return decoding.in_order(beliefs_of(layout.labels, spans, links))
