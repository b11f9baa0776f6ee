"""Lessons as the network sees them: windows of tokens with the spans and links it is to score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gts.student.spans.labels import Labels, Lesson, Links, Spans, marks_of
from gts.student.spans.tokens import Cutter, Ints, Place, Window
from gts.tasks.structures import Span


@dataclass(frozen=True, slots=True)
class Example:
    """A window and what is to be found in it; tokens are counted from the window's first.

    Attributes:
        window: The window.
        weight: How much it counts.
        spans: (first token, last token, span label) to belief.
        links: (place of head, place of tail, link label) to belief, places being first and last token.
        places: The places of all spans that lessons name, and of all given entities.
    """

    window: Window
    weight: float
    spans: Mapping[tuple[int, int, int], float]
    links: Mapping[tuple[Place, Place, int], float]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well lessons could be laid on tokens.

    Attributes:
        widened: Spans that begin or end inside a token and were taught as whole tokens.
        lost: Spans that are in no window whole, stand for no token, or are longer than the student can tell.
        width: Longest span that the student can tell, in tokens.
    """

    widened: int
    lost: int
    width: int


def examples_of(
    lessons: Sequence[Lesson], labels: Labels, cutter: Cutter, longest: int
) -> tuple[list[Example], Fit]:
    """Lay lessons on tokens.

    Args:
        lessons: The lessons.
        labels: What they may name.
        cutter: Cuts their texts.
        longest: Most tokens of a span that is taught.

    Raises:
        InvalidInput: A lesson names what the labels have not.
    """
    examples: list[Example] = []
    widened = lost = 0
    for lesson in lessons:
        spans, links = marks_of(labels, lesson.beliefs)
        given = () if labels.spans else given_places(lesson.row.given)
        wanted = sorted({*given, *_places(spans, links)})
        windows = cutter.windows(lesson.row.text, given)
        held = [_held(window, wanted, longest) for window in windows]
        for place in wanted:
            seen = [window for window, tokens in zip(windows, held, strict=True) if place in tokens]
            lost += not seen
            widened += any(window.cuts(place) for window in seen)
        examples += [
            _example(window, lesson.weight, spans, links, tokens)
            for window, tokens in zip(windows, held, strict=True)
        ]
    widths = [last - first + 1 for example in examples for first, last in example.places]
    return examples, Fit(widened, lost, max(widths, default=1))


def given_places(given: Iterable[Span]) -> tuple[Place, ...]:
    """Places of given entities, each once, in order."""
    return tuple(sorted({(span.start, span.end) for span in given}))


def _places(spans: Spans, links: Links) -> Iterator[Place]:
    yield from (place for _, place in spans)
    for _, head, tail in links:
        yield from (head, tail)


def _held(window: Window, places: Iterable[Place], longest: int) -> dict[Place, Place]:
    """Place in the text to place in the window, of those that are in it whole."""
    found = ((place, window.tokens_of(place)) for place in places)
    return {place: at for place, at in found if at is not None and at[1] - at[0] < longest}


def _example(
    window: Window, weight: float, spans: Spans, links: Links, held: Mapping[Place, Place]
) -> Example:
    told: dict[tuple[int, int, int], float] = {}
    for (label, place), belief in spans.items():
        if place in held:
            # Two spans may be widened to the same tokens.
            key = (*held[place], label)
            told[key] = max(belief, told.get(key, 0.0))
    linked = {
        (held[head], held[tail], label): belief
        for (label, head, tail), belief in links.items()
        if head in held and tail in held
    }
    return Example(window, weight, told, linked, tuple(sorted(set(held.values()))))


def nested_pairs(examples: Iterable[Example]) -> frozenset[tuple[int, int]]:
    """Pairs of span labels, smaller first, that examples believe in at places that overlap and are not the same."""
    pairs = set()
    for example in examples:
        sure = sorted(span for span, belief in example.spans.items() if belief >= 0.5)
        for (first, last, label), (begin, end, other) in combinations(sure, 2):
            if begin <= last and (first, last) != (begin, end):
                pairs.add((min(label, other), max(label, other)))
    return frozenset(pairs)


def padded(windows: Sequence[Window]) -> tuple[Ints, Ints, Ints]:
    """Token ids, mask and traits of windows, int64 [windows, longest]."""
    longest = max(map(len, windows))
    ids, mask, traits = (np.zeros((len(windows), longest), np.int64) for _ in range(3))
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window.ids
        mask[row, : len(window)] = 1
        traits[row, : len(window)] = window.traits
    return ids, mask, traits


def possible(windows: Sequence[Window], width: int) -> NDArray[np.bool_]:
    """Which spans of padded windows begin and end at tokens that stand for characters: [windows, longest, width]."""
    longest = max(map(len, windows))
    real = np.zeros((len(windows), longest + width), np.bool_)
    for row, window in enumerate(windows):
        real[row, : len(window)] = window.starts < window.ends
    ends = np.lib.stride_tricks.sliding_window_view(real, width, axis=1)[:, :longest]
    return real[:, :longest, None] & ends


def padded_places(places: Sequence[Sequence[Place]]) -> tuple[Ints, NDArray[np.bool_]]:
    """Places of several windows: int64 [windows, most, 2], and which of them are real [windows, most]."""
    most = max([1, *map(len, places)])
    out, real = np.zeros((len(places), most, 2), np.int64), np.zeros((len(places), most), np.bool_)
    for row, some in enumerate(places):
        if some:
            out[row, : len(some)] = some
            real[row, : len(some)] = True
    return out, real
