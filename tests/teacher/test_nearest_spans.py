from __future__ import annotations

from pathlib import Path

from gts.tasks.rows import MarkedRow
from gts.tasks.structures import Span, Structure
from gts.teacher.nearest_spans import find_nearest


def row(text: str, *words: str) -> MarkedRow:
    spans = (Span(text.index(word), text.index(word) + len(word), "thing") for word in words)
    return MarkedRow(text, Structure(tuple(spans)))


def test_words_in_a_known_place_are_found_at_their_characters(tiny_encoder: Path) -> None:
    train = [row("my parcel is late", "parcel"), row("the invoice is wrong", "invoice"), row("is it so")]
    seen: list[float] = []

    same, empty = find_nearest(train, [row("my parcel is late"), row("")], tiny_encoder, 32, seen.append)

    best = max(same, key=lambda item: same[item])
    assert best.place == (3, 9)
    assert all(0 < belief <= 1 for belief in same.values())
    assert empty == {}
    assert seen[-1] == 1.0
