"""Scores of links are asked for in parts that memory can hold, and are the same in any parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from gts.student.spans import finding
from gts.student.spans.finding import BATCH_PAIRS, find
from gts.student.spans.labels import labels_of
from gts.student.spans.layout import SpanLayout
from gts.student.spans.tokens import Cutter
from gts.tasks.rows import MarkedRow
from gts.tasks.schema import Schema
from gts.tasks.structures import Span, Structure

LAYOUT = SpanLayout(labels_of(Schema(relations={"owns": {}}), given=True), 64, 0, 8, frozenset(), {})


class Counting:
    """Believes that what stands earlier owns what stands later, and counts the pairs that it is asked about at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def read(self, ids: Any, mask: Any, traits: Any) -> tuple[Any, None]:
        return ids[..., None].astype(np.float32), None

    def links(self, vectors: Any, places: Any) -> Any:
        assert len(vectors) == len(places)
        self.asked.append(places.shape[0] * places.shape[1] ** 2)
        first = places[..., 0]
        # What a window holds counts too, so that one window taken for another would be seen.
        weights = 1.0 + vectors.sum(axis=(1, 2)) % 7 / 10
        return (np.sign(first[:, None] - first[:, :, None]) * weights[:, None, None])[..., None].astype(
            np.float32
        )


def row(words: int, entities: int) -> MarkedRow:
    """A text of cards, among which as many entities as are wished, some within others."""
    text = " ".join(["card"] * words)
    places = [(5 * one, 5 * other + 4) for one in range(words) for other in range(one, words)]
    return MarkedRow(text, Structure(), tuple(Span(*place) for place in places[:entities]))


def test_many_given_entities_are_scored_in_parts(
    make_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer: Tokenizer = make_tokenizer()
    rows = [row(words, entities) for words, entities in ((20, 100), (3, 2), (19, 90), (5, 0), (20, 99))] * 3
    scorer, whole = Counting(), Counting()

    found = find(scorer, LAYOUT, Cutter(tokenizer, 64, 0), rows)
    monkeypatch.setattr(finding, "BATCH_PAIRS", 10**9)
    expected = find(whole, LAYOUT, Cutter(tokenizer, 64, 0), rows)

    assert found == expected and any(found)
    assert max(scorer.asked) <= BATCH_PAIRS < max(whole.asked)
