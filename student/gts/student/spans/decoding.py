"""From scores to beliefs, in numpy; shared by torch and the runtime without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gts.student.runtime import sigmoid
from gts.student.spans.labels import Links, Spans
from gts.student.spans.tokens import Ints, Place, Window
from gts.tasks.items import Item

Floats = NDArray[np.float32]
Key = TypeVar("Key")

FLOOR = 0.05
"""Findings believed less are not told."""
_FLOOR_LOGIT = float(np.log(FLOOR / (1.0 - FLOOR)))
MOST_SPANS = 24
"""Most spans of a window between which links are looked for."""
MOST_FOUND = 1_000
"""Most spans of a window, and most links, that are believed at all; a text about which a student knows nothing could
otherwise have hundreds of thousands."""


@dataclass(frozen=True, slots=True)
class Found:
    """A span in a window.

    Attributes:
        label: Its label.
        tokens: First and last token.
        belief: How sure the student is.
    """

    label: int
    tokens: Place
    belief: float


def found_in(window: Window, logits: Floats, nested: frozenset[tuple[int, int]]) -> list[Found]:
    """The spans of a window that are believed at all, the surest :data:`MOST_FOUND` of them.

    Args:
        window: The window.
        logits: Scores [tokens, width, labels], as the network gives them; more tokens are padding.
        nested: Pairs of labels whose spans may overlap, smaller first.
    """
    n, width = len(window), logits.shape[1]
    real = window.starts < window.ends
    last = np.arange(n)[:, None] + np.arange(width)
    held = real[:, None] & (last < n) & real[np.minimum(last, n - 1)]
    # What touches a cut may go on beyond it; the neighbouring window sees it whole.
    inner = np.flatnonzero(real)
    if window.cut_left:
        held[inner[:1]] = False
    if window.cut_right:
        held &= ~np.isin(last, inner[-1:])
    at = _surest(held[..., None] & (logits[:n] >= _FLOOR_LOGIT), logits[:n])
    found = [
        Found(label, (first, first + beyond), belief)
        for first, beyond, label, belief in zip(
            *(part.tolist() for part in at), sigmoid(logits[:n][at]).tolist(), strict=True
        )
    ]
    return _apart(found, nested)


def _surest(believed: NDArray[np.bool_], scores: Floats) -> tuple[Ints, ...]:
    """Where something is believed, as ``np.nonzero`` says it, but only the surest places."""
    at = np.nonzero(believed)
    kept = np.sort(np.argsort(-scores[at], kind="stable")[:MOST_FOUND])
    return tuple(part[kept] for part in at)


def _apart(found: Sequence[Found], nested: frozenset[tuple[int, int]]) -> list[Found]:
    """Lets the surer of two spans that cannot both be there leave the other no more belief than it has not itself."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda span: (-span.belief, span.tokens, span.label)):
        rivals = (
            other.belief
            for other in kept
            if other.tokens != one.tokens
            and other.tokens[0] <= one.tokens[1]
            and one.tokens[0] <= other.tokens[1]
            and (min(one.label, other.label), max(one.label, other.label)) not in nested
        )
        belief = min(one.belief, 1.0 - max(rivals, default=0.0))
        if belief >= FLOOR:
            kept.append(Found(one.label, one.tokens, belief))
    return kept


def candidates(found: Iterable[Found]) -> list[Place]:
    """The places between which links are looked for: those of the surest spans, each once, from left to right."""
    surest = sorted(found, key=lambda span: (-span.belief, span.tokens))
    return sorted(list(dict.fromkeys(span.tokens for span in surest))[:MOST_SPANS])


def characters(window: Window, tokens: Place) -> Place:
    """The place in the text of a stretch of tokens."""
    return int(window.starts[tokens[0]]), int(window.ends[tokens[1]])


def span_marks(window: Window, found: Iterable[Found]) -> Spans:
    """Spans of a window by their place in the text."""
    return {(one.label, characters(window, one.tokens)): one.belief for one in found}


def link_marks(places: Sequence[Place], logits: Floats) -> Links:
    """Links that are believed at all, the surest :data:`MOST_FOUND` of them, by places in the text.

    Args:
        places: Places in the text.
        logits: Scores [places, places, link labels].
    """
    beliefs = sigmoid(logits)
    return {
        (int(label), places[head], places[tail]): float(beliefs[head, tail, label])
        for head, tail, label in zip(*_surest(beliefs >= FLOOR, logits), strict=True)
        if places[head] != places[tail]
    }


def merged(windows: Iterable[Mapping[Key, float]]) -> dict[Key, float]:
    """Findings of several windows: of two beliefs in the same thing the greater."""
    out: dict[Key, float] = {}
    for findings in windows:
        for key, belief in findings.items():
            out[key] = max(belief, out.get(key, 0.0))
    return out


def in_order(beliefs: dict[Item, float]) -> dict[Item, float]:
    """Beliefs in order of place, so that equal findings are written alike."""
    return dict(sorted(beliefs.items(), key=lambda pair: (pair[0].place, pair[0].other or (-1, -1), pair[0])))
